/** The cells of one node while they are being filled: one for each place and step, cut by owner where asked for. */
import type { Place } from '../settings/place.ts';
import { expectedMilliseconds } from './device-time.ts';
import type { ExpectedDevice } from './expected-devices.ts';
import { Cell } from './figures.ts';
import type { JoinNode } from './join-node.ts';
import type { JoinRange } from './node-cells.ts';
import { type Owner, WHOLE } from './owners.ts';
import { spansInFleet, within } from './presence.ts';
import { windowCeiling } from './time-steps.ts';

export interface OwnerCell {
  readonly owner: Owner;
  readonly cell: Cell;
  /** By device index: time for which it was the owner's, and for which it was metered. */
  readonly heldMs: number[];
  readonly meteredMs: number[];
  /** Of the time for which it was the owner's: while the node should have metered it, and part of that for which it was. */
  readonly dueMs: number[];
  readonly coveredMs: number[];
  /** Of the window that is being booked. */
  readonly window: WindowSum;
}

/** Millijoules of one owner in one window. */
export interface WindowSum {
  all: number;
  idle: number;
  jobs: number;
  lowUtilization: number;
  /** False while the owner has nothing of the window. */
  begun: boolean;
}

export interface CellWork {
  readonly place: Place;
  /** Index of the step. */
  readonly step: number;
  readonly startMs: number;
  readonly endMs: number;
  /** Time and hardware of all owners together; their energy too where nobody asks whose it is. */
  readonly whole: Cell;
  readonly owners: Map<Owner, OwnerCell>;
  /** By expected device. */
  readonly expectedMs: number[];
  readonly coveredMs: number[];
}

/** A cell for each accepted place and step that has begun, with the time that each device should have been metered in it. */
export function emptyWorks(
  node: JoinNode,
  expected: readonly ExpectedDevice[],
  range: JoinRange,
): CellWork[] {
  const { edges, nowMs } = range;
  const inFleet = spansInFleet(node, nowMs);
  const works: CellWork[] = [];
  for (const place of node.places) {
    if (!range.accepts(place)) continue;
    for (let step = 0; step + 1 < edges.length && edges[step]! < nowMs; step++) {
      const startMs = Math.max(edges[step]!, place.startMs);
      const endMs = Math.min(edges[step + 1]!, place.endMs);
      if (startMs >= endMs) continue;
      const whole = new Cell();
      whole.inFleet = within(inFleet, startMs, endMs).length > 0;
      const expectedOf = within(inFleet, windowCeiling(startMs), windowCeiling(endMs));
      const expectedMs = expected.map((device) => expectedMilliseconds(device, expectedOf));
      const coveredMs = expected.map(() => 0);
      const work = { place, step, startMs, endMs, whole, owners: new Map(), expectedMs, coveredMs };
      if (range.ownerOf === null) work.owners.set(WHOLE, ownerCell(WHOLE, whole));
      works.push(work);
    }
  }
  return works;
}

const ownerCell = (owner: Owner, cell: Cell): OwnerCell => ({
  owner,
  cell,
  heldMs: [],
  meteredMs: [],
  dueMs: [],
  coveredMs: [],
  window: { all: 0, idle: 0, jobs: 0, lowUtilization: 0, begun: false },
});

/** The owner's share, made at first sight; who has a share of a node has it in its fleet. */
export function cellOf({ owners, whole }: CellWork, owner: Owner): OwnerCell {
  const known = owners.get(owner);
  if (known) return known;
  const made = ownerCell(owner, new Cell());
  made.cell.inFleet = whole.inFleet;
  owners.set(owner, made);
  return made;
}
