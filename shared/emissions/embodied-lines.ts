/**
 * What a node's parts accrue over time: one line for each GPU, since jobs have GPUs, and one for all else, the host,
 * which goes with them.
 */
import {
  type Accrual,
  accrualsOf,
  accruedShare,
  type EmbodiedGrams,
  type Lifetime,
  spansOf,
} from '../embodied/amortization.ts';
import { lifetimesOf } from '../settings/place.ts';
import type { JoinNode, NodePart } from './join-node.ts';
import type { TimeSpan } from './presence.ts';

interface Together extends EmbodiedGrams {
  readonly accruals: readonly Accrual[];
  /** Where these figures hold. */
  readonly span: TimeSpan;
}

export class EmbodiedLine {
  /** Parts that came and left together are one, for as long as their figures hold. */
  readonly #parts: readonly Together[];

  constructor(parts: readonly NodePart[], lifetimes: readonly Lifetime[]) {
    const together = new Map<string, Together>();
    for (const part of parts) {
      const absences = (part.absences ?? []).join();
      const service = `${part.inServiceMs} ${part.outOfServiceMs} ${part.agesFromMs} ${absences}`;
      for (const { value, ...span } of spansOf(part.figures ?? [{ fromMs: 0, value: part }])) {
        const key = `${service} ${span.fromMs} ${span.toMs}`;
        const before = together.get(key);
        together.set(key, {
          accruals: before?.accruals ?? accrualsOf(part, lifetimes),
          span,
          grams: (before?.grams ?? 0) + value.grams,
          gramsLow: (before?.gramsLow ?? 0) + value.gramsLow,
          gramsHigh: (before?.gramsHigh ?? 0) + value.gramsHigh,
        });
      }
    }
    this.#parts = [...together.values()];
  }

  /** What accrues in `[fromMs, toMs)`; additive over any partition of time. */
  over(fromMs: number, toMs: number): EmbodiedGrams {
    const sum = { grams: 0, gramsLow: 0, gramsHigh: 0 };
    for (const { accruals, span, grams, gramsLow, gramsHigh } of this.#parts) {
      const share = accruedShare(accruals, Math.max(fromMs, span.fromMs), Math.min(toMs, span.toMs));
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
  const lifetimes = lifetimesOf(node.places);
  const gpus = node.parts.filter(({ type }) => type === 'gpu');
  const host = node.parts.filter(({ type }) => type !== 'gpu');
  return {
    byGpu: new Map(gpus.map((part) => [part.id, new EmbodiedLine([part], lifetimes)])),
    host: new EmbodiedLine(host, lifetimes),
  };
}
