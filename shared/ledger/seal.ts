/**
 * When a window is settled: figures that people have seen do not move under them for a stray report. What comes after is
 * quarantined for a person, not dropped.
 */
import type { LedgerEpoch } from './hour.ts';

/** A day and a half: a weekend's outage of the server leaves its windows unfinished, which keeps them open (below). */
export const SEAL_AFTER_MS = 36 * 3_600_000;

/**
 * @param known what is stored of the window; none means that nothing was ever seen, so a backlog still lands
 * @param lastChangeMs when the window's hour last changed
 */
export function isSealed(
  known: readonly LedgerEpoch[],
  report: { readonly epoch: string },
  lastChangeMs: number,
  nowMs: number,
): boolean {
  if (known.length === 0 || nowMs - lastChangeMs <= SEAL_AFTER_MS) return false;
  // Not final means that the server knows of more to come from that epoch, however late.
  return !known.some(({ epoch, final }) => epoch === report.epoch && !final);
}
