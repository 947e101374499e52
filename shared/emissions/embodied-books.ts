/**
 * The embodied emissions of one node, and whose they are: a GPU's go with the time for which it was allocated, the host's
 * with the GPUs. On a node without GPUs the host goes with its CPUs (or with what its own meter stands for).
 */
import type { EmbodiedGrams } from '../embodied/amortization.ts';
import { WINDOW_MS } from '../time/window.ts';
import { type CellWork, cellOf } from './cell-work.ts';
import type { DeviceShare } from './device-shares.ts';
import { type EmbodiedLine, embodiedLines } from './embodied-lines.ts';
import type { ExpectedDevice } from './expected-devices.ts';
import type { Cell } from './figures.ts';
import type { JoinNode } from './join-node.ts';
import { type Owner, UNATTRIBUTED } from './owners.ts';
import { spansInFleet, type TimeSpan, within } from './presence.ts';

/** Who has how much, 0..1, of what a line accrues in one window. */
interface LineShares {
  readonly line: EmbodiedLine;
  readonly held: HeldTime;
  /** What the shares are of: the time that there was, or that was held where that is more. */
  readonly wholeMs: number;
}

export class EmbodiedBooks {
  readonly #lines;
  readonly #deviceIds: ReadonlyMap<number, string>;
  /** What the host goes with: the first that is in service. */
  readonly #carriers: readonly (readonly ExpectedDevice[])[];
  readonly #inFleet: readonly TimeSpan[];

  constructor(node: JoinNode, expected: readonly ExpectedDevice[], nowMs: number) {
    this.#lines = embodiedLines(node);
    this.#deviceIds = new Map(node.devices.map(({ deviceIndex, id }) => [deviceIndex, id]));
    this.#inFleet = spansInFleet(node, nowMs);
    const ofType = (type: string) => expected.filter((device) => device.type === type);
    this.#carriers = [ofType('gpu'), ofType('cpu'), expected];
  }

  /** Adds what accrues over the whole cell. */
  accrue(work: CellWork): void {
    for (const { fromMs, toMs } of within(this.#inFleet, work.startMs, work.endMs))
      for (const line of [...this.#lines.byGpu.values(), this.#lines.host])
        addGrams(work.whole, line.over(fromMs, toMs), 1);
  }

  /**
   * Adds to jobs and idle their shares of what accrues in one window. Hardware ages by the millisecond and not by the
   * window: a window that spans two cells has a share in both.
   */
  share(works: readonly CellWork[], windowStartMs: number, shares: readonly DeviceShare[]): void {
    for (const span of within(this.#inFleet, windowStartMs, windowStartMs + WINDOW_MS))
      this.#shareSpan(works, span, shares);
  }

  #shareSpan(works: readonly CellWork[], { fromMs, toMs }: TimeSpan, shares: readonly DeviceShare[]): void {
    const lines = this.#lineShares(shares, fromMs, toMs);
    if (lines.length === 0) return;
    for (const work of works) {
      const startMs = Math.max(fromMs, work.startMs);
      const endMs = Math.min(toMs, work.endMs);
      if (startMs >= endMs) continue;
      for (const { line, held, wholeMs } of lines) {
        const grams = line.over(startMs, endMs);
        for (const [owner, heldMs] of held.byOwner)
          addGrams(cellOf(work, owner).cell, grams, heldMs / wholeMs);
      }
    }
  }

  #lineShares(shares: readonly DeviceShare[], fromMs: number, toMs: number): LineShares[] {
    const carriers = this.#carriersIn(fromMs, toMs);
    const byDevice = new Map<number, HeldTime>();
    const byHost = new HeldTime();
    for (const { owner, device, heldMilliseconds } of shares) {
      if (owner === UNATTRIBUTED || heldMilliseconds === 0) continue;
      const { deviceIndex } = device;
      const ofDevice = byDevice.get(deviceIndex) ?? new HeldTime();
      byDevice.set(deviceIndex, ofDevice);
      ofDevice.add(owner, heldMilliseconds);
      if (carriers.indexes.has(deviceIndex)) byHost.add(owner, heldMilliseconds);
    }
    const lines: LineShares[] = [];
    for (const [deviceIndex, held] of byDevice) {
      const line = this.#lines.byGpu.get(this.#deviceIds.get(deviceIndex)!);
      if (line !== undefined) lines.push({ line, held, wholeMs: Math.max(toMs - fromMs, held.allMs) });
    }
    if (byHost.allMs > 0) {
      const wholeMs = Math.max(carriers.milliseconds, byHost.allMs);
      lines.push({ line: this.#lines.host, held: byHost, wholeMs });
    }
    return lines;
  }

  /** Devices that the host goes with, and for how long they were in service. */
  #carriersIn(fromMs: number, toMs: number) {
    for (const carriers of this.#carriers) {
      const indexes = new Set<number | null>();
      let milliseconds = 0;
      for (const { deviceIndex, sinceMs, untilMs } of carriers) {
        const inServiceMs = Math.min(toMs, untilMs) - Math.max(fromMs, sinceMs);
        if (inServiceMs <= 0) continue;
        milliseconds += inServiceMs;
        indexes.add(deviceIndex);
      }
      if (milliseconds > 0) return { indexes, milliseconds };
    }
    return { indexes: new Set<number | null>(), milliseconds: 0 };
  }
}

/** Time for which owners had something. */
class HeldTime {
  allMs = 0;
  readonly byOwner = new Map<Owner, number>();

  add(owner: Owner, milliseconds: number): void {
    this.allMs += milliseconds;
    this.byOwner.set(owner, (this.byOwner.get(owner) ?? 0) + milliseconds);
  }
}

function addGrams(cell: Cell, { grams, gramsLow, gramsHigh }: EmbodiedGrams, share: number): void {
  cell.embodiedGrams += grams * share;
  cell.embodiedGramsLow += gramsLow * share;
  cell.embodiedGramsHigh += gramsHigh * share;
}
