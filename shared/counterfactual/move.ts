/**
 * A measured load moved as one block, in time or place, and charged with the intensity that the grid had then and there:
 *
 *   grams(start, zone) = sum over its windows of facility kWh x intensity of zone at start + offset
 *
 * Staying is one of the places, so the best of them never emits more than what was emitted. The energy is the same in all.
 */
import type { IntensityKind } from '../grid/intensity.ts';
import { WINDOW_MS } from '../time/window.ts';
import { type IntensityTable, kindAt } from './intensity-table.ts';
import type { Load, LoadPart } from './load.ts';

/** Where and when a load would have run. */
export interface Spot {
  readonly startMs: number;
  /** Null: where it ran. */
  readonly gridZone: string | null;
}

export interface Move extends Spot {
  readonly grams: number;
}

export interface Moves {
  /** What was emitted. */
  readonly stayed: Move;
  /** The best start where it ran. */
  readonly inTime: Move;
  /** The best zone at the time when it ran. */
  readonly inPlace: Move;
  readonly best: Move;
}

export interface Question {
  readonly load: Load;
  /** Not before the start of the load. */
  readonly latestStartMs: number;
  /** Besides where it ran; none: only in time. */
  readonly gridZones: readonly string[];
  /** Null for a zone that nothing is known of. */
  readonly tableOf: (gridZone: string) => IntensityTable | null;
}

/** Every start in steps of one window, in every zone; of equal ones where it ran, then the earliest. Null where what it emitted is not known. */
export function movesOf(question: Question): Moves | null {
  const { load, latestStartMs, gridZones } = question;
  const atStart = (gridZone: string | null) => earliest(question, gridZone, load.startMs);
  const stayed = atStart(null);
  if (stayed === null) return null;
  const elsewhere = gridZones.filter((gridZone) => !isHome(load, gridZone));
  const inPlace = leastOf(stayed, elsewhere.map(atStart));
  const inTime = leastOf(stayed, [earliest(question, null, latestStartMs)]);
  const anywhere = elsewhere.map((gridZone) => earliest(question, gridZone, latestStartMs));
  return { stayed, inTime, inPlace, best: leastOf(inTime, anywhere) };
}

/** Multiplications that `movesOf` does at most: what a caller bounds. */
export function workOf({ load, latestStartMs, gridZones }: Omit<Question, 'tableOf'>): number {
  const windows = load.parts.reduce((sum, { offsets }) => sum + offsets.length, 0);
  return windows * (1 + gridZones.length) * (1 + (latestStartMs - load.startMs) / WINDOW_MS);
}

export const isHome = ({ parts }: Load, gridZone: string): boolean =>
  parts.every((part) => part.gridZone === gridZone);

/** Of the starts up to the last one, the earliest with the least grams; null where none can be charged. */
function earliest(question: Question, gridZone: string | null, latestStartMs: number): Move | null {
  const { load } = question;
  const parts = load.parts.map((part) => ({ part, table: tableFor(part, gridZone, question) }));
  let best: Move | null = null;
  for (let startMs = load.startMs; startMs <= latestStartMs; startMs += WINDOW_MS) {
    let grams = 0;
    for (const { part, table } of parts) grams += table === null ? Number.NaN : gramsAt(part, table, startMs);
    if (grams < (best?.grams ?? Number.POSITIVE_INFINITY)) best = { startMs, gridZone, grams };
  }
  return best;
}

function leastOf(first: Move, others: readonly (Move | null)[]): Move {
  let least = first;
  for (const other of others) if (other !== null && other.grams < least.grams) least = other;
  return least;
}

const tableFor = (part: LoadPart, gridZone: string | null, { tableOf }: Pick<Question, 'tableOf'>) => {
  const zone = gridZone ?? part.gridZone;
  return zone === null ? null : tableOf(zone);
};

/** NaN where the table does not know one of the windows. */
function gramsAt({ offsets, facilityKwh }: LoadPart, table: IntensityTable, startMs: number): number {
  const { gramsPerKwh } = table;
  const count = offsets.length;
  // `| 0` and a constant count: the loop that all the time goes into runs twice as fast on integers that are known to be some.
  const first = ((startMs - table.startMs) / WINDOW_MS) | 0;
  const last = first + (offsets[count - 1] ?? 0);
  if (first < 0 || last >= gramsPerKwh.length) return Number.NaN;
  let grams = 0;
  for (let i = 0; i < count; i++) grams += facilityKwh[i]! * gramsPerKwh[first + offsets[i]!]!;
  return grams;
}

export interface Charge {
  /** Of the energy whose intensity is known. */
  readonly grams: number;
  /** Millijoules of IT energy by the kind of the intensity. */
  readonly byGridKind: Readonly<Record<IntensityKind, number>>;
  readonly unknownMillijoules: number;
}

/** What the load is charged with at one spot, and by which kinds of intensity. */
export function chargeAt(load: Load, spot: Spot, tableOf: Question['tableOf']): Charge {
  const byGridKind = { measured: 0, estimated: 0, forecast: 0, annual: 0 };
  let grams = 0;
  let unknownMillijoules = 0;
  for (const part of load.parts) {
    const table = tableFor(part, spot.gridZone, { tableOf });
    let ofPart = 0;
    for (const [i, offset] of part.offsets.entries()) {
      const index = table === null ? -1 : (spot.startMs - table.startMs) / WINDOW_MS + offset;
      const intensity = table?.gramsPerKwh[index] ?? Number.NaN;
      if (table === null || Number.isNaN(intensity)) {
        unknownMillijoules += part.millijoules[i]!;
        continue;
      }
      ofPart += part.facilityKwh[i]! * intensity;
      byGridKind[kindAt(table, index)] += part.millijoules[i]!;
    }
    grams += ofPart;
  }
  return { grams, byGridKind, unknownMillijoules };
}
