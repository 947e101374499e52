/**
 * The embodied emissions of one node, and whose they are: a GPU's go with the time for which it was allocated, the host's
 * with the GPUs. On a node without GPUs the host goes with its CPUs (or with what its own meter stands for).
 */
import { WINDOW_MS } from '../time/window.ts';
import { type CellWork, cellOf } from './cell-work.ts';
import type { DeviceShare } from './device-shares.ts';
import { expectedMilliseconds } from './device-time.ts';
import { type EmbodiedLine, embodiedLines } from './embodied-lines.ts';
import { PartSums } from './embodied-parts.ts';
import type { ExpectedDevice } from './expected-devices.ts';
import type { Cell } from './figures.ts';
import type { JoinNode } from './join-node.ts';
import { type Owner, UNATTRIBUTED } from './owners.ts';
import { spansInFleet, type TimeSpan, within } from './presence.ts';

interface Holder {
  readonly cell: Cell;
  /** 0..1 */
  readonly share: number;
}

/** Who has how much, 0..1, of what a line accrues in one window. */
interface LineShares {
  readonly line: EmbodiedLine;
  readonly held: HeldTime;
  /** What the shares are of: the time that there was, or that was held where that is more. */
  readonly wholeMs: number;
}

export class EmbodiedBooks {
  readonly #lines;
  /** By device index. */
  readonly #gpuLines: readonly (EmbodiedLine | undefined)[];
  /** Number of the node; null where nobody asks part by part. */
  readonly #withPartsOf: number | null;
  /** What the host goes with: the first that is in service. */
  readonly #carriers: readonly (readonly ExpectedDevice[])[];
  readonly #inFleet: readonly TimeSpan[];

  /** @param withParts whether cells get them part by part */
  constructor(node: JoinNode, expected: readonly ExpectedDevice[], nowMs: number, withParts = false) {
    this.#lines = embodiedLines(node, withParts);
    this.#withPartsOf = withParts ? node.number : null;
    const gpuLines: (EmbodiedLine | undefined)[] = [];
    for (const { deviceIndex, id } of node.devices) gpuLines[deviceIndex] = this.#lines.byGpu.get(id);
    this.#gpuLines = gpuLines;
    this.#inFleet = spansInFleet(node, nowMs);
    const ofType = (type: string) => expected.filter((device) => device.type === type);
    this.#carriers = [ofType('gpu'), ofType('cpu'), expected];
  }

  /** Adds what accrues over the whole cell. */
  accrue(work: CellWork): void {
    for (const { fromMs, toMs } of within(this.#inFleet, work.startMs, work.endMs))
      for (const line of [...this.#lines.byGpu.values(), this.#lines.host])
        this.#add([{ cell: work.whole, share: 1 }], line, fromMs, toMs);
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
      for (const { line, held, wholeMs } of lines)
        this.#add(held.holdersIn(work, wholeMs), line, startMs, endMs);
    }
  }

  /** Gives each its share of what the line accrues. */
  #add(holders: readonly Holder[], line: EmbodiedLine, fromMs: number, toMs: number): void {
    const grams = line.over(fromMs, toMs);
    for (const { cell, share } of holders) {
      cell.embodiedGrams += grams.grams * share;
      cell.embodiedGramsLow += grams.gramsLow * share;
      cell.embodiedGramsHigh += grams.gramsHigh * share;
    }
    if (this.#withPartsOf === null) return;
    for (const part of line.partsOver(fromMs, toMs)) {
      const ids = part.ids.map((id) => `${this.#withPartsOf} ${id}`);
      for (const { cell, share } of holders) {
        cell.embodiedParts ??= new PartSums();
        cell.embodiedParts.add(part, ids, {
          grams: part.grams * share,
          gramsLow: part.gramsLow * share,
          gramsHigh: part.gramsHigh * share,
        });
      }
    }
  }

  #lineShares(shares: readonly DeviceShare[], fromMs: number, toMs: number): LineShares[] {
    const carriers = this.#carriersIn(fromMs, toMs);
    const byDevice: HeldTime[] = [];
    const byHost = new HeldTime();
    for (const { owner, device, heldMilliseconds } of shares) {
      if (owner === UNATTRIBUTED || heldMilliseconds === 0) continue;
      const { deviceIndex } = device;
      byDevice[deviceIndex] ??= new HeldTime();
      byDevice[deviceIndex].add(owner, heldMilliseconds);
      if (carriers.has[deviceIndex]) byHost.add(owner, heldMilliseconds);
    }
    const lines: LineShares[] = [];
    byDevice.forEach((held, deviceIndex) => {
      const line = this.#gpuLines[deviceIndex];
      if (line !== undefined) lines.push({ line, held, wholeMs: Math.max(toMs - fromMs, held.allMs) });
    });
    if (byHost.allMs > 0) {
      const wholeMs = Math.max(carriers.milliseconds, byHost.allMs);
      lines.push({ line: this.#lines.host, held: byHost, wholeMs });
    }
    return lines;
  }

  /** Devices that the host goes with, by index, and for how long they were in service. */
  #carriersIn(fromMs: number, toMs: number): Carriers {
    const span = [{ fromMs, toMs }];
    for (const carriers of this.#carriers) {
      const has: boolean[] = [];
      let milliseconds = 0;
      for (const device of carriers) {
        const inServiceMs = expectedMilliseconds(device, span);
        if (inServiceMs === 0) continue;
        milliseconds += inServiceMs;
        if (device.deviceIndex !== null) has[device.deviceIndex] = true;
      }
      if (milliseconds > 0) return { has, milliseconds };
    }
    return { has: [], milliseconds: 0 };
  }
}

interface Carriers {
  readonly has: readonly boolean[];
  readonly milliseconds: number;
}

/** Time for which owners had something. */
class HeldTime {
  allMs = 0;
  readonly #owners: Owner[] = [];
  readonly #milliseconds: number[] = [];

  add(owner: Owner, milliseconds: number): void {
    this.allMs += milliseconds;
    const last = this.#owners.length - 1;
    // A job mostly has all GPUs: they follow each other.
    if (this.#owners[last] === owner) {
      this.#milliseconds[last]! += milliseconds;
      return;
    }
    this.#owners.push(owner);
    this.#milliseconds.push(milliseconds);
  }

  /** Their cells, some twice, each with its share of the time. */
  holdersIn(work: CellWork, wholeMs: number): Holder[] {
    return this.#owners.map((owner, i) => ({
      cell: cellOf(work, owner).cell,
      share: this.#milliseconds[i]! / wholeMs,
    }));
  }
}
