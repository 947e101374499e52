/** When a node that says nothing counts as silent, and when what it says of a window is expected to be in. */

/** Ten intervals of the default: a restart or a short outage is not yet silence. */
const LEAST_SILENCE_MS = 600_000;
/** Two reports that are missed, and a third that is late. */
const INTERVALS = 3;

/** No node has missed anything before, whatever somebody would be told of. */
export const missedAfterMs = (reportEverySeconds: number): number => INTERVALS * reportEverySeconds * 1_000;

/** However often agents report, no window is final sooner. */
export const LEAST_FINAL_MS = 600_000;
/** For a request that had to be tried again. */
const FINAL_SLACK_MS = 300_000;

/** From the end of a window until every node that reports as it was asked has told all of it. */
export function finalAfterMs(reportEverySeconds: number): number {
  return Math.max(LEAST_FINAL_MS, reportEverySeconds * 1_000 + FINAL_SLACK_MS);
}

export function silentAfterMs(reportEverySeconds: number): number {
  return Math.max(LEAST_SILENCE_MS, missedAfterMs(reportEverySeconds));
}
