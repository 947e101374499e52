/** Reads a document of actual generation per type (A75) into the amount of each type in each interval. */
import { HOUR_MS } from '../../shared/time/window.ts';
import type { MixEntry } from './generation-mix.ts';
import { childrenOf, textAt, type XmlElement } from './xml.ts';

const RESOLUTIONS: Readonly<Record<string, number>> = {
  PT15M: HOUR_MS / 4,
  PT30M: HOUR_MS / 2,
  PT60M: HOUR_MS,
};
/** A period of a year in quarter hours; more is no period that was asked for. */
const MAX_POSITIONS = 35_136;

export interface Generation {
  /** The coarsest resolution of the document: finer types are averaged over it. */
  readonly stepMs: number;
  /** Type codes `B01` and so on, in MW. */
  readonly entries: readonly MixEntry[];
}

interface Run {
  readonly code: string;
  readonly stepMs: number;
  /** By start. */
  readonly amounts: ReadonlyMap<number, number>;
}

/** The generation of the area; or, in words, why the document cannot be read: a part alone would be another mix. */
export function readGeneration(
  document: XmlElement,
  area: string,
): Generation | { readonly unreadable: string } {
  const runs: Run[] = [];
  for (const series of childrenOf(document, 'TimeSeries')) {
    // A series out of the area is what pumps and batteries take in.
    if (textAt(series, 'outBiddingZone_Domain.mRID') !== null) continue;
    const ofArea = textAt(series, 'inBiddingZone_Domain.mRID');
    if (ofArea !== area) return { unreadable: `a series of area ${ofArea}, asked for ${area}` };
    const unit = textAt(series, 'quantity_Measure_Unit.name');
    if (unit !== 'MAW') return { unreadable: `a series in ${unit}, not in MW` };
    const code = textAt(series, 'MktPSRType', 'psrType') ?? '';
    for (const period of childrenOf(series, 'Period')) {
      const run = readPeriod(period, code, textAt(series, 'curveType'));
      if (run === null) return { unreadable: `a period of ${code} that makes no sense` };
      runs.push(run);
    }
  }
  const stepMs = Math.max(HOUR_MS / 4, ...runs.map((run) => run.stepMs));
  return { stepMs, entries: runs.flatMap((run) => averaged(run, stepMs)) };
}

/** Curve A03 leaves out a position that repeats the one before; every other curve gives each. */
function readPeriod(period: XmlElement, code: string, curveType: string | null): Run | null {
  const startMs = instant(textAt(period, 'timeInterval', 'start'));
  const endMs = instant(textAt(period, 'timeInterval', 'end'));
  const stepMs = RESOLUTIONS[textAt(period, 'resolution') ?? ''];
  if (startMs === null || endMs === null || stepMs === undefined) return null;
  const positions = (endMs - startMs) / stepMs;
  if (!Number.isInteger(positions) || positions < 1 || positions > MAX_POSITIONS) return null;

  const given = new Map<number, number>();
  for (const point of childrenOf(period, 'Point')) {
    const position = Number(textAt(point, 'position') ?? Number.NaN);
    const quantity = textAt(point, 'quantity') ?? '';
    if (!Number.isInteger(position) || position < 1 || position > positions) return null;
    if (!/^-?\d+(\.\d+)?$/.test(quantity) || given.has(position)) return null;
    given.set(position, Number(quantity));
  }
  const amounts = new Map<number, number>();
  let last: number | undefined;
  for (let position = 1; position <= positions; position++) {
    last = given.get(position) ?? (curveType === 'A03' ? last : undefined);
    if (last !== undefined) amounts.set(startMs + (position - 1) * stepMs, last);
  }
  return { code, stepMs, amounts };
}

/** Means over `stepMs`; NaN, which is no amount, where the run covers a step only in part. */
function averaged({ code, stepMs: ownStepMs, amounts }: Run, stepMs: number): MixEntry[] {
  const parts = stepMs / ownStepMs;
  const starts = new Set([...amounts.keys()].map((startMs) => Math.floor(startMs / stepMs) * stepMs));
  return [...starts].map((startMs) => {
    let sum = 0;
    for (let part = 0; part < parts; part++) sum += amounts.get(startMs + part * ownStepMs) ?? Number.NaN;
    return { startMs, code, amount: sum / parts };
  });
}

/** `2025-10-21T12:00Z` */
function instant(text: string | null): number | null {
  return text !== null && /^\d{4}-\d\d-\d\dT\d\d:\d\dZ$/.test(text) && !Number.isNaN(Date.parse(text))
    ? Date.parse(text)
    : null;
}
