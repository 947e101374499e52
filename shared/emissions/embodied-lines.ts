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
  spansInService,
  spansOf,
} from '../embodied/amortization.ts';
import { lifetimesOf } from '../settings/place.ts';
import type { PartKind } from './embodied-parts.ts';
import type { JoinNode, NodePart } from './join-node.ts';
import { type TimeSpan, within } from './presence.ts';

interface Together extends EmbodiedGrams {
  /** Null where nobody asks part by part. */
  readonly kind: PartKind | null;
  readonly ids: readonly string[];
  readonly inService: readonly TimeSpan[];
  readonly accruals: readonly Accrual[];
  /** Where these figures hold. */
  readonly span: TimeSpan;
}

export class EmbodiedLine {
  /** Parts that came and left together are one, for as long as their figures hold. */
  readonly #parts: readonly Together[];

  /** @param byKind whether `partsOver` is going to be asked */
  constructor(parts: readonly NodePart[], lifetimes: readonly Lifetime[], byKind = false) {
    const together = new Map<string, Together>();
    for (const part of parts) {
      const absences = (part.absences ?? []).join();
      const service = `${part.inServiceMs} ${part.outOfServiceMs} ${part.agesFromMs} ${absences}`;
      for (const { value, ...span } of spansOf(part.figures ?? [{ fromMs: 0, value: part }])) {
        const kind = byKind ? { type: part.type, name: part.name } : null;
        const key = `${service} ${span.fromMs} ${span.toMs} ${JSON.stringify(kind)}`;
        const before = together.get(key);
        together.set(key, {
          accruals: before?.accruals ?? accrualsOf(part, lifetimes),
          inService: before?.inService ?? spansInService(part),
          kind,
          ids: [...(before?.ids ?? []), part.id],
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

  /** The same by what the parts are, with the ids of those in service; by type and name where that was said at first. */
  *partsOver(
    fromMs: number,
    toMs: number,
  ): Generator<PartKind & EmbodiedGrams & { readonly ids: readonly string[] }> {
    for (const { kind, ids, inService, accruals, span, grams, gramsLow, gramsHigh } of this.#parts) {
      const [startMs, endMs] = [Math.max(fromMs, span.fromMs), Math.min(toMs, span.toMs)];
      if (kind === null || within(inService, startMs, endMs).length === 0) continue;
      const share = accruedShare(accruals, startMs, endMs);
      yield { ...kind, ids, grams: grams * share, gramsLow: gramsLow * share, gramsHigh: gramsHigh * share };
    }
  }
}

export interface EmbodiedLines {
  readonly byGpu: ReadonlyMap<string, EmbodiedLine>;
  readonly host: EmbodiedLine;
}

/** @param byKind whether what parts they are is asked */
export function embodiedLines(node: JoinNode, byKind: boolean): EmbodiedLines {
  const lifetimes = lifetimesOf(node.places);
  const gpus = node.parts.filter(({ type }) => type === 'gpu');
  const host = node.parts.filter(({ type }) => type !== 'gpu');
  return {
    byGpu: new Map(gpus.map((part) => [part.id, new EmbodiedLine([part], lifetimes, byKind)])),
    host: new EmbodiedLine(host, lifetimes, byKind),
  };
}
