/** Embodied emissions by what they are of: parts of one type and name together. */
import type { EmbodiedGrams } from '../embodied/amortization.ts';
import { CompensatedSum } from './compensated-sum.ts';

export interface PartKind {
  readonly type: string;
  readonly name: string;
}

/** What parts of one kind accrued in a figure. */
export interface PartRow extends PartKind, EmbodiedGrams {
  /** Different parts of the ledger that were in service, or of which a job had a share. */
  readonly count: number;
}

interface Sum extends PartKind {
  readonly ids: Set<string>;
  readonly grams: CompensatedSum;
  readonly gramsLow: CompensatedSum;
  readonly gramsHigh: CompensatedSum;
}

export class PartSums {
  readonly #byKind = new Map<string, Sum>();

  /** @param ids of parts, unique over nodes */
  add({ type, name }: PartKind, ids: Iterable<string>, grams: EmbodiedGrams): void {
    const key = JSON.stringify([type, name]);
    const sum = this.#byKind.get(key) ?? {
      type,
      name,
      ids: new Set<string>(),
      grams: new CompensatedSum(),
      gramsLow: new CompensatedSum(),
      gramsHigh: new CompensatedSum(),
    };
    this.#byKind.set(key, sum);
    for (const id of ids) sum.ids.add(id);
    sum.grams.add(grams.grams);
    sum.gramsLow.add(grams.gramsLow);
    sum.gramsHigh.add(grams.gramsHigh);
  }

  addAll(other: PartSums): void {
    for (const { ids, grams, gramsLow, gramsHigh, ...kind } of other.#byKind.values())
      this.add(kind, ids, { grams: grams.value, gramsLow: gramsLow.value, gramsHigh: gramsHigh.value });
  }

  /** Those that accrued most first. */
  rows(): PartRow[] {
    return [...this.#byKind.values()]
      .map(({ type, name, ids, grams, gramsLow, gramsHigh }) => ({
        type,
        name,
        count: ids.size,
        grams: grams.value,
        gramsLow: gramsLow.value,
        gramsHigh: gramsHigh.value,
      }))
      .sort((a, b) => b.grams - a.grams || (a.type + a.name < b.type + b.name ? -1 : 1));
  }
}
