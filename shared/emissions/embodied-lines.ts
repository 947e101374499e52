/**
 * What a node's parts accrue over time: one line for each GPU, since jobs have GPUs, and one for all else, the host,
 * which goes with them.
 */
import { type Accrual, accrualsOf, accruedShare, type Lifetime } from '../embodied/amortization.ts';
import type { JoinNode, NodePart } from './join-node.ts';

export interface EmbodiedGrams {
  readonly grams: number;
  readonly gramsLow: number;
  readonly gramsHigh: number;
}

interface Together extends EmbodiedGrams {
  readonly accruals: readonly Accrual[];
}

export class EmbodiedLine {
  /** Parts that came and left together are one. */
  readonly #parts: readonly Together[];

  constructor(parts: readonly NodePart[], lifetimes: readonly Lifetime[]) {
    const byService = new Map<string, Together>();
    for (const part of parts) {
      const service = `${part.inServiceMs} ${part.outOfServiceMs} ${part.agesFromMs}`;
      const before = byService.get(service);
      byService.set(service, {
        accruals: before?.accruals ?? accrualsOf(part, lifetimes),
        grams: (before?.grams ?? 0) + part.grams,
        gramsLow: (before?.gramsLow ?? 0) + part.gramsLow,
        gramsHigh: (before?.gramsHigh ?? 0) + part.gramsHigh,
      });
    }
    this.#parts = [...byService.values()];
  }

  /** What accrues in `[fromMs, toMs)`; additive over any partition of time. */
  over(fromMs: number, toMs: number): EmbodiedGrams {
    const sum = { grams: 0, gramsLow: 0, gramsHigh: 0 };
    for (const { accruals, grams, gramsLow, gramsHigh } of this.#parts) {
      const share = accruedShare(accruals, fromMs, toMs);
      sum.grams += grams * share;
      sum.gramsLow += gramsLow * share;
      sum.gramsHigh += gramsHigh * share;
    }
    return sum;
  }
}

export interface EmbodiedLines {
  readonly byGpu: ReadonlyMap<string, EmbodiedLine>;
  readonly host: EmbodiedLine;
}

export function embodiedLines(node: JoinNode): EmbodiedLines {
  const lifetimes = node.places.flatMap(({ startMs, lifetimeYears }) =>
    lifetimeYears === null ? [] : [{ fromMs: startMs, years: lifetimeYears }],
  );
  const gpus = node.parts.filter(({ type }) => type === 'gpu');
  const host = node.parts.filter(({ type }) => type !== 'gpu');
  return {
    byGpu: new Map(gpus.map((part) => [part.id, new EmbodiedLine([part], lifetimes)])),
    host: new EmbodiedLine(host, lifetimes),
  };
}
