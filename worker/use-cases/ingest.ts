/**
 * Booking reports: what cannot be true is set aside, the rest is merged into the node's hours by the rule of
 * `shared/ledger/merge.ts` and committed before the answer. In the steady state a report costs one row and two round
 * trips to the database: one that reads, one that writes.
 */
import type { HourLedger } from '../../shared/ledger/hour.ts';
import { EMPTY_HOUR, MAX_HOUR_ENTRIES, mergeReport } from '../../shared/ledger/merge.ts';
import { findImplausibility } from '../../shared/ledger/plausibility.ts';
import { isSealed } from '../../shared/ledger/seal.ts';
import { encodeSeriesFrame } from '../../shared/ledger/series-frame.ts';
import { windowOfHour } from '../../shared/time/window.ts';
import type { IngestBody, QuarantinedReport, WindowReport } from '../../shared/wire/ingest.ts';
import { fail, ok, type Result } from '../http/problem.ts';
import type { Author } from '../storage/changes.ts';
import { keepWords } from '../storage/jobs.ts';
import { type HourWrite, readStoredHours, type StoredHour, writeHours } from '../storage/ledger-writes.ts';
import { countDroppedSeries, writeNodeFacts } from '../storage/node-facts.ts';
import { nodeHourKey } from '../storage/node-hour-key.ts';
import { type SetAside, setAside } from '../storage/quarantine.ts';
import type { Shards } from '../storage/shards.ts';
import { findMisnamed, openBooks, type Registry, toLedgerEpoch } from './ingest-registry.ts';
import { findSeriesFault, seriesOf } from './ingest-series.ts';
import { recordInventory } from './record-inventory.ts';

export interface IngestCounts {
  readonly accepted: number;
  readonly unchanged: number;
  readonly quarantined: readonly QuarantinedReport[];
  /** Of the quarantined, how many contradict an equal revision. */
  readonly conflicts: number;
}

/** An agent has one request in flight; more at once are its retries after timeouts. Each round at least one of them wins. */
const MAX_ATTEMPTS = 10;

/** @param shards all databases, where parts may have come from another one; null: there is one */
export async function ingest(
  db: D1Database,
  nodeNumber: number,
  body: IngestBody,
  nowMs: number,
  shards: Shards | null = null,
): Promise<Result<IngestCounts>> {
  const screened: SetAside[] = [];
  const plausible: WindowReport[] = [];
  for (const report of body.reports) {
    const found = findImplausibility(report, nowMs) ?? findSeriesFault(report);
    if (found === null) plausible.push(report);
    else screened.push({ report, ...found });
  }
  const booked = await book(db, nodeNumber, plausible, nowMs);
  if (booked === null)
    return fail(
      'overloaded',
      'Other requests of this node kept changing the same hours; send the same reports again.',
    );
  const aside = [...screened, ...booked.aside];
  await setAside(db, nodeNumber, aside, nowMs);
  await writeNodeFacts(db, nodeNumber, body, nowMs);
  if (body.inventory !== undefined) await recordInventory(db, nodeNumber, body.inventory, nowMs, shards);
  return ok({
    accepted: booked.accepted,
    unchanged: booked.unchanged,
    quarantined: aside.map(({ report, deviceId, code }) => ({
      windowStartMs: report.windowStartMs,
      deviceId,
      code,
    })),
    conflicts: aside.filter(({ code }) => code === 'revision_conflict').length,
  });
}

interface Booked {
  readonly accepted: number;
  readonly unchanged: number;
  /** Power series of accepted reports whose window had one already: it keeps the first. */
  readonly droppedSeries: number;
  readonly aside: readonly SetAside[];
}

/**
 * Merges plausible reports of one node and commits them. `releasedBy`: a person's word, for what the rule of sealing set
 * aside. Null where the hours kept changing underneath.
 */
export async function book(
  db: D1Database,
  nodeNumber: number,
  reports: readonly WindowReport[],
  nowMs: number,
  { releasedBy = null }: { readonly releasedBy?: Author | null } = {},
): Promise<Booked | null> {
  if (reports.length === 0) return { accepted: 0, unchanged: 0, droppedSeries: 0, aside: [] };
  const { registry, hours } = await openBooks(db, nodeNumber, reports, nowMs);
  const byHour = new Map<number, WindowReport[]>();
  for (const report of reports) {
    const key = nodeHourKey(nodeNumber, report.windowStartMs);
    byHour.set(key, [...(byHour.get(key) ?? []), report]);
  }
  let accepted = 0;
  let unchanged = 0;
  let droppedSeries = 0;
  const aside: SetAside[] = [];
  const booked: WindowReport[] = [];
  for (let attempt = 0; byHour.size > 0; attempt++) {
    if (attempt === MAX_ATTEMPTS) return null;
    const stored = attempt === 0 ? hours : await readStoredHours(db, [...byHour.keys()]);
    const merged = [...byHour].map(([key, ofHour]) =>
      mergeHour(key, stored.get(key), ofHour, registry, releasedBy === null ? nowMs : null),
    );
    const written = await writeHours(
      db,
      nodeNumber,
      merged.flatMap(({ write }) => (write === null ? [] : [write])),
      nowMs,
      releasedBy,
    );
    for (const hour of merged) {
      // An hour that lost a race is merged again from what stands now; only its own counts are taken anew.
      if (hour.write !== null && !written.has(hour.key)) continue;
      accepted += hour.accepted;
      unchanged += hour.unchanged;
      droppedSeries += hour.droppedSeries;
      aside.push(...hour.aside);
      booked.push(...hour.booked);
      byHour.delete(hour.key);
    }
  }
  if (droppedSeries > 0) await countDroppedSeries(db, nodeNumber, droppedSeries);
  // Only what was booked speaks of its jobs, and what a person releases is of the past.
  if (releasedBy === null) await keepNews(db, nodeNumber, booked, registry, nowMs);
  return { accepted, unchanged, droppedSeries, aside };
}

async function keepNews(
  db: D1Database,
  nodeNumber: number,
  booked: readonly WindowReport[],
  { jobs }: Registry,
  nowMs: number,
): Promise<void> {
  const inOrder = [...booked].sort((a, b) => a.windowStartMs - b.windowStartMs);
  const news = keepWords(
    db,
    nodeNumber,
    inOrder.flatMap((report) => report.jobs),
    jobs,
    nowMs,
  );
  if (news.length > 0) await db.batch(news);
}

interface MergedHour extends Booked {
  readonly key: number;
  /** Those that were accepted. */
  readonly booked: readonly WindowReport[];
  /** Null where nothing changed. */
  readonly write: HourWrite | null;
}

function mergeHour(
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
