/** What reports make of one hour: pure, so that it may be tried on an hour that is only believed to stand. */
import type { HourLedger } from '../../shared/ledger/hour.ts';
import { EMPTY_HOUR, MAX_HOUR_ENTRIES, mergeReport } from '../../shared/ledger/merge.ts';
import { isSealed } from '../../shared/ledger/seal.ts';
import { encodeSeriesFrame } from '../../shared/ledger/series-frame.ts';
import { windowOfHour } from '../../shared/time/window.ts';
import type { WindowReport } from '../../shared/wire/ingest.ts';
import type { HourWrite, StoredHour } from '../storage/ledger-writes.ts';
import type { SetAside } from '../storage/quarantine.ts';
import { findMisnamed, type Registry, toLedgerEpoch } from './ingest-registry.ts';
import { seriesOf } from './ingest-series.ts';

export interface Booked {
  readonly accepted: number;
  readonly unchanged: number;
  /** Power series of accepted reports whose window had one already: it keeps the first. */
  readonly droppedSeries: number;
  readonly aside: readonly SetAside[];
}

export interface MergedHour extends Booked {
  readonly key: number;
  /** Those that were accepted. */
  readonly booked: readonly WindowReport[];
  /** Null where nothing changed. */
  readonly write: HourWrite | null;
}

export function mergeHour(
  key: number,
  stored: StoredHour | undefined,
  reports: readonly WindowReport[],
  registry: Registry,
  /** Null: no window counts as sealed. */
  sealAtMs: number | null,
): MergedHour {
  const oldLedger = stored?.ledger ?? EMPTY_HOUR;
  let ledger: HourLedger = oldLedger;
  let accepted = 0;
  let unchanged = 0;
  let droppedSeries = 0;
  const aside: SetAside[] = [];
  const booked: WindowReport[] = [];
  const series = new Map<number, Uint8Array>();
  for (const report of reports) {
    const misnamed = findMisnamed(report, registry);
    if (misnamed !== null) {
      aside.push({ report, ...misnamed });
      continue;
    }
    const window = windowOfHour(report.windowStartMs);
    const merge = mergeReport(ledger, window, toLedgerEpoch(report, registry));
    if (merge.outcome === 'unchanged') unchanged++;
    else if (merge.outcome === 'conflict') {
      aside.push({
        report,
        code: 'revision_conflict',
        deviceId: null,
        detail: `Revision ${report.revision} of this window was reported before with other content.`,
      });
    } else if (merge.outcome === 'overMetered') {
      const deviceId = registry.deviceIds[merge.deviceIndex] ?? null;
      aside.push({
        report,
        code: 'over_metered',
        deviceId,
        detail:
          'With another epoch of this window the device would be metered or allocated for longer than the window lasts.',
      });
    } else if (merge.outcome === 'hourFull') {
      aside.push({
        report,
        code: 'hour_full',
        deviceId: null,
        detail: `The hour would hold over ${MAX_HOUR_ENTRIES} epochs, devices and job shares; see whether the agent keeps its state.`,
      });
    } else if (
      stored !== undefined &&
      sealAtMs !== null &&
      // As it stood before this request: what came with it does not make a window old.
      isSealed(stored.ledger.windows[window]!, report, stored.receivedAtMs, sealAtMs)
    ) {
      aside.push({
        report,
        code: 'window_sealed',
        deviceId: null,
        detail: 'The window was complete and unchanged for 36 hours; a later change needs a person.',
      });
    } else {
      accepted++;
      booked.push(report);
      ledger = merge.ledger;
      const frame = seriesOf(report, registry);
      if (frame.length === 0) continue;
      if (stored?.seriesOf.has(window) || series.has(window)) droppedSeries++;
      else series.set(window, encodeSeriesFrame(frame));
    }
  }
  const readVersion = stored?.version ?? 0;
  const write = accepted === 0 ? null : { key, readVersion, oldLedger, ledger, series };
  return { key, write, accepted, booked, unchanged, droppedSeries, aside };
}
