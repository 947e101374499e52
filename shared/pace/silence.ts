/** When a node that says nothing counts as silent. */

/** Ten intervals of the default: a restart or a short outage is not yet silence. */
const LEAST_SILENCE_MS = 600_000;
/** Two reports that are missed, and a third that is late. */
const INTERVALS = 3;

/** No node has missed anything before, whatever somebody would be told of. */
export const missedAfterMs = (reportEverySeconds: number): number => INTERVALS * reportEverySeconds * 1_000;

export function silentAfterMs(reportEverySeconds: number): number {
  return Math.max(LEAST_SILENCE_MS, missedAfterMs(reportEverySeconds));
}
