/** The `from` and `to` of a query: `[fromMs, toMs)`, within what one answer holds. */
import type { Problem } from './problem.ts';

export interface LongestRange {
  readonly ms: number;
  /** As the sentence names it: `31 days`. */
  readonly text: string;
}

/** Problems: `invalid_parameter` where it is empty or runs backwards, `range_too_long`. */
export function rangeProblem(fromMs: number, toMs: number, longest?: LongestRange): Problem | null {
  if (fromMs >= toMs) return { code: 'invalid_parameter', detail: 'from must be before to.', field: 'from' };
  if (longest === undefined || toMs - fromMs <= longest.ms) return null;
  return {
    code: 'range_too_long',
    detail: `One answer covers at most ${longest.text}; ask for a shorter range.`,
    field: 'from',
  };
}
