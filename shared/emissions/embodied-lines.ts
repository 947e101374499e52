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
  type Service,
  spansInService,
  spansOf,
} from '../embodied/amortization.ts';
import { lifetimesOf } from '../settings/place.ts';
import type { PartKind } from './embodied-parts.ts';
import type { JoinNode, NodePart } from './join-node.ts';
import { type TimeSpan, within } from './presence.ts';

interface Together {
  /** The first of them. */
  readonly like: NodePart;
  readonly ids: string[];
  readonly inService: readonly TimeSpan[];
  readonly accruals: readonly Accrual[];
  /** Where these figures hold. */
  readonly span: TimeSpan;
  grams: number;
  gramsLow: number;
  gramsHigh: number;
}

const hasSameService = (a: Service, b: Service): boolean =>
  a.inServiceMs === b.inServiceMs &&
  a.outOfServiceMs === b.outOfServiceMs &&
  a.agesFromMs === b.agesFromMs &&
  (a.absences === b.absences || String(a.absences ?? []) === String(b.absences ?? []));

export class EmbodiedLine {
  /** Parts that came and left together are one, for as long as their figures hold. */
  readonly #parts: readonly Together[];

  /** @param byKind whether `partsOver` is going to be asked */
  constructor(parts: readonly NodePart[], lifetimes: readonly Lifetime[], byKind = false) {
    const together: Together[] = [];
    for (const part of parts) {
      for (const { value, fromMs, toMs } of spansOf(part.figures ?? [{ fromMs: 0, value: part }])) {
        let alike = together.find(
          ({ like, span }) =>
            span.fromMs === fromMs &&
            span.toMs === toMs &&
            hasSameService(like, part) &&
            (!byKind || (like.type === part.type && like.name === part.name)),
        );
        if (alike === undefined) {
          alike = {
            like: part,
            ids: [],
            inService: spansInService(part),
            accruals: accrualsOf(part, lifetimes),
            span: { fromMs, toMs },
            grams: 0,
            gramsLow: 0,
            gramsHigh: 0,
          };
          together.push(alike);
        }
        alike.ids.push(part.id);
        alike.grams += value.grams;
        alike.gramsLow += value.gramsLow;
        alike.gramsHigh += value.gramsHigh;
      }
    }
    this.#parts = together;
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
    for (const { like, ids, inService, accruals, span, grams, gramsLow, gramsHigh } of this.#parts) {
      const [startMs, endMs] = [Math.max(fromMs, span.fromMs), Math.min(toMs, span.toMs)];
      if (within(inService, startMs, endMs).length === 0) continue;
      const share = accruedShare(accruals, startMs, endMs);
      yield {
        type: like.type,
        name: like.name,
        ids,
        grams: grams * share,
        gramsLow: gramsLow * share,
        gramsHigh: gramsHigh * share,
      };
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
