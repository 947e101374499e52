/** The score of ISO/IEC 21031 (Software Carbon Intensity): SCI = (O + M) per R, with R the functional unit that is named. */

export interface SciScore {
  /** R: what is counted. */
  readonly unit: string;
  readonly count: number;
  /** (O + M) / count; null where nothing was counted yet. */
  readonly gramsPerUnit: number | null;
}

/** @param counts by the name of the unit, none negative */
export function sciScores(
  { operationalGrams, embodiedGrams }: { readonly operationalGrams: number; readonly embodiedGrams: number },
  counts: Readonly<Record<string, number>>,
): SciScore[] {
  return Object.entries(counts).map(([unit, count]) => ({
    unit,
    count,
    gramsPerUnit: count === 0 ? null : (operationalGrams + embodiedGrams) / count,
  }));
}
