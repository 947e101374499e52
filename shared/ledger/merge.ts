/**
 * The rule that makes resending, reordering and overlap harmless: reports are absolute, and per window and epoch the
 * highest revision stands. A window is the sum of its epochs (one, but for an agent that lost its disk).
 */
import { WINDOW_MS, WINDOWS_PER_HOUR } from '../time/window.ts';
import type { HourLedger, LedgerEpoch } from './hour.ts';

export const EMPTY_HOUR: HourLedger = { windows: Array.from({ length: WINDOWS_PER_HOUR }, () => []) };

export type MergeOutcome =
  | { readonly outcome: 'accepted'; readonly ledger: HourLedger }
  /** The same again, or an older revision: nothing to do. */
  | { readonly outcome: 'unchanged' }
  /** The same revision with other content: two agents on one identity. */
  | { readonly outcome: 'conflict' }
  /** With the other epochs of this window a device would have been metered, or allocated, for longer than it lasts. */
  | { readonly outcome: 'overMetered'; readonly deviceIndex: number }
  /** The hour would hold more than it may: an agent that loses its state again and again, or jobs beyond number. */
  | { readonly outcome: 'hourFull' };

/**
 * Epochs, devices and job shares that an hour holds together. One takes 50 bytes at most, so an hour stays at 300 KB
 * and a row with its series below the 2 MB of D1; a full hour of 16 GPUs in 100 jobs has 1,600.
 */
export const MAX_HOUR_ENTRIES = 6_000;

/** @param windowIndex 0..11, the window's place in the hour */
export function mergeReport(hour: HourLedger, windowIndex: number, report: LedgerEpoch): MergeOutcome {
  const epochs = hour.windows[windowIndex];
  if (epochs === undefined) throw new RangeError(`an hour has no window ${windowIndex}`);
  const known = epochs.find(({ epoch }) => epoch === report.epoch);
  if (known !== undefined) {
    if (report.revision < known.revision) return { outcome: 'unchanged' };
    if (report.revision === known.revision)
      return { outcome: saysSame(known, report) ? 'unchanged' : 'conflict' };
  }
  const others = epochs.filter(({ epoch }) => epoch !== report.epoch);
  const together = [...others, report];
  const overMetered = deviceOverWindow(together);
  if (overMetered !== null) return { outcome: 'overMetered', deviceIndex: overMetered };
  // Sorted, so that the same set of reports ends in the same bytes whatever their order.
  const merged = together.sort((a, b) => (a.epoch < b.epoch ? -1 : 1));
  const windows = hour.windows.map((window, index) => (index === windowIndex ? merged : window));
  if (entriesIn(windows.flat()) > MAX_HOUR_ENTRIES) return { outcome: 'hourFull' };
  return { outcome: 'accepted', ledger: { windows } };
}

/** Where the digest is not kept any more, a revision is taken for what it was. */
const saysSame = (known: LedgerEpoch, report: LedgerEpoch): boolean =>
  known.contentDigest === null || known.contentDigest === report.contentDigest;

export function entriesIn(epochs: readonly LedgerEpoch[]): number {
  return epochs.reduce((sum, { devices, jobShares }) => sum + 1 + devices.length + jobShares.length, 0);
}

/** The first device that is metered, or allocated, for longer than the window lasts. */
function deviceOverWindow(epochs: readonly LedgerEpoch[]): number | null {
  const metered = new Map<number, number>();
  const allocated = new Map<number, number>();
  for (const { devices, jobShares } of epochs) {
    for (const { deviceIndex, meteredMilliseconds } of devices) {
      const sum = (metered.get(deviceIndex) ?? 0) + meteredMilliseconds;
      if (sum > WINDOW_MS) return deviceIndex;
      metered.set(deviceIndex, sum);
    }
    for (const { deviceIndex, allocatedMilliseconds } of jobShares) {
      const sum = (allocated.get(deviceIndex) ?? 0) + allocatedMilliseconds;
      if (sum > WINDOW_MS) return deviceIndex;
      allocated.set(deviceIndex, sum);
    }
  }
  return null;
}
