/**
 * The embodied emissions of one node, and whose they are: a GPU's go with the time for which it was allocated, the host's
 * with the GPUs. On a node without GPUs the host goes with its CPUs (or with what its own meter stands for).
 */
import { WINDOW_MS } from '../time/window.ts';
import { type CellWork, cellOf } from './cell-work.ts';
import { type EmbodiedGrams, type EmbodiedLine, embodiedLines } from './embodied-lines.ts';
import type { ExpectedDevice } from './expected-devices.ts';
import type { Cell } from './figures.ts';
import type { JoinNode } from './join-node.ts';
import type { WindowShare } from './node-cells.ts';
import { type Owner, UNATTRIBUTED } from './owners.ts';

interface Fraction {
  readonly owner: Owner;
  readonly line: EmbodiedLine;
  /** 0..1 of what the line accrues in the window. */
  readonly share: number;
}

export class EmbodiedBooks {
  readonly #lines;
  readonly #deviceIds: ReadonlyMap<number, string>;
  /** What the host goes with: the first that is in service. */
  readonly #carriers: readonly (readonly ExpectedDevice[])[];
  readonly #fromMs: number;
  readonly #untilMs: number;

  constructor(node: JoinNode, expected: readonly ExpectedDevice[], nowMs: number) {
    this.#lines = embodiedLines(node);
    this.#deviceIds = new Map(node.devices.map(({ deviceIndex, id }) => [deviceIndex, id]));
    this.#fromMs = node.enrolledAtMs;
    this.#untilMs = Math.min(nowMs, node.retiredAtMs ?? Number.POSITIVE_INFINITY);
    const ofType = (type: string) => expected.filter((device) => device.type === type);
    this.#carriers = [ofType('gpu'), ofType('cpu'), expected];
  }

  /** Adds what accrues over the whole cell. */
  accrue(work: CellWork): void {
    const fromMs = Math.max(work.startMs, this.#fromMs);
    const toMs = Math.min(work.endMs, this.#untilMs);
    for (const line of [...this.#lines.byGpu.values(), this.#lines.host])
      addGrams(work.whole, line.over(fromMs, toMs), 1);
  }

  /**
   * Adds to jobs and idle their shares of what accrues in one window. Hardware ages by the millisecond and not by the
   * window: a window that spans two cells has a share in both.
   */
  share(works: readonly CellWork[], windowStartMs: number, shares: readonly WindowShare[]): void {
    const fromMs = Math.max(windowStartMs, this.#fromMs);
    const toMs = Math.min(windowStartMs + WINDOW_MS, this.#untilMs);
    if (fromMs >= toMs) return;
    const fractions = this.#fractions(shares, fromMs, toMs);
    if (fractions.length === 0) return;
    for (const work of works) {
      const startMs = Math.max(fromMs, work.startMs);
      const endMs = Math.min(toMs, work.endMs);
      if (startMs >= endMs) continue;
      for (const { owner, line, share } of fractions)
        addGrams(cellOf(work, owner).cell, line.over(startMs, endMs), share);
    }
  }

  #fractions(shares: readonly WindowShare[], fromMs: number, toMs: number): Fraction[] {
    const held = shares.filter(
      ({ owner, heldMilliseconds }) => owner !== UNATTRIBUTED && heldMilliseconds > 0,
    );
    if (held.length === 0) return [];
    const heldOf = (deviceIndex: number) =>
      held.reduce(
        (sum, each) => (each.device.deviceIndex === deviceIndex ? sum + each.heldMilliseconds : sum),
        0,
      );
    const fractions: Fraction[] = [];
    for (const { owner, device, heldMilliseconds } of held) {
      const line = this.#lines.byGpu.get(this.#deviceIds.get(device.deviceIndex)!);
      if (line === undefined) continue;
      const share = heldMilliseconds / Math.max(toMs - fromMs, heldOf(device.deviceIndex));
      fractions.push({ owner, line, share });
    }
    const carriers = this.#carriersIn(fromMs, toMs);
    const carried = held.filter(({ device }) => carriers.indexes.has(device.deviceIndex));
    const allHeld = carried.reduce((sum, { heldMilliseconds }) => sum + heldMilliseconds, 0);
    for (const { owner, heldMilliseconds } of carried) {
      const share = heldMilliseconds / Math.max(carriers.milliseconds, allHeld);
      fractions.push({ owner, line: this.#lines.host, share });
    }
    return fractions;
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

function addGrams(cell: Cell, { grams, gramsLow, gramsHigh }: EmbodiedGrams, share: number): void {
  cell.embodiedGrams += grams * share;
  cell.embodiedGramsLow += gramsLow * share;
  cell.embodiedGramsHigh += gramsHigh * share;
}
