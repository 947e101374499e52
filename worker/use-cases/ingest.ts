/**
 * Booking reports: what cannot be true is set aside, the rest is merged into the node's hours by the rule of
 * `shared/ledger/merge.ts` and committed before the answer. In the steady state a report costs one row and one round trip
 * to the database (`ingest-memory.ts`); two where the hour has to be read.
 */
import { findImplausibility, type Implausibility } from '../../shared/ledger/plausibility.ts';
import type { IngestBody, QuarantinedReport, WindowReport } from '../../shared/wire/ingest.ts';
import { fail, ok, type Result } from '../http/problem.ts';
import type { Author } from '../storage/changes.ts';
import { keepWords } from '../storage/jobs.ts';
import { writeKnownHour } from '../storage/known-hour.ts';
import { readStoredHours, writeHours } from '../storage/ledger-writes.ts';
import { countDroppedSeries, writeNodeFacts } from '../storage/node-facts.ts';
import { nodeHourKey } from '../storage/node-hour-key.ts';
import { type SetAside, setAside } from '../storage/quarantine.ts';
import type { Shards } from '../storage/shards.ts';
import { findToken } from '../storage/tokens.ts';
import { type Booked, mergeHour } from './ingest-hour.ts';
import type { IngestMemory } from './ingest-memory.ts';
import { openBooks, type Registry } from './ingest-registry.ts';
import { findSeriesFaults, type SeriesFaults, withoutSeries } from './ingest-series.ts';
import { recordInventory } from './record-inventory.ts';

/** The node that reports. */
export interface Reporter {
  readonly nodeNumber: number;
  /** Its token, where that was looked up too long ago: it is looked at again before anything is written, or with it. */
  readonly staleTokenId: string | null;
}

export interface IngestCounts {
  readonly accepted: number;
  readonly unchanged: number;
  readonly quarantined: readonly QuarantinedReport[];
  /** Power series that were set aside alone: their reports are accepted or unchanged. */
  readonly seriesSetAside: readonly QuarantinedReport[];
  /** Of the quarantined, how many contradict an equal revision. */
  readonly conflicts: number;
}

/** An agent has one request in flight; more at once are its retries after timeouts. Each round at least one of them wins. */
const MAX_ATTEMPTS = 10;

export async function ingest(
  shards: Shards,
  { nodeNumber, staleTokenId }: Reporter,
  body: IngestBody,
  nowMs: number,
  memory: IngestMemory,
): Promise<Result<IngestCounts>> {
  const db = shards.ofNode(nodeNumber);
  const { plausible, screened, doubted } = screen(body.reports, nowMs);
  const ahead =
    screened.length > 0 ? null : await bookFromMemory(db, nodeNumber, plausible, nowMs, memory, staleTokenId);
  if (ahead === null && staleTokenId !== null && !(await stillHolds(shards, staleTokenId)))
    return fail('unauthenticated', 'This token was revoked.');
  const booked = ahead ?? (await book(db, nodeNumber, plausible, nowMs, { memory }));
  if (booked === null)
    return fail(
      'overloaded',
      'Other requests of this node kept changing the same hours; send the same reports again.',
    );
  // As they came: what is kept for a person is whole.
  const refused = booked.aside.map((item) => ({
    ...item,
    report: doubted.get(item.report)?.report ?? item.report,
  }));
  const aside = [...screened, ...refused];
  for (const { report } of booked.aside) doubted.delete(report);
  const seriesAside = [...doubted.values()];
  await setAside(db, nodeNumber, [...aside, ...seriesAside.map(toSetAside)], nowMs);
  await writeNodeFacts(db, nodeNumber, body, nowMs);
  if (body.inventory !== undefined) await recordInventory(shards, nodeNumber, body.inventory, nowMs);
  return ok({
    accepted: booked.accepted,
    unchanged: booked.unchanged,
    quarantined: aside.map(({ report, deviceId, code }) => ({
      windowStartMs: report.windowStartMs,
      deviceId,
      code,
    })),
    seriesSetAside: seriesAside.flatMap(({ report, faults }) =>
      faults.map(({ deviceId, code }) => ({ windowStartMs: report.windowStartMs, deviceId, code })),
    ),
    conflicts: aside.filter(({ code }) => code === 'revision_conflict').length,
  });
}

/** A report some of whose series are of another energy. */
interface Doubted {
  /** As it came. */
  readonly report: WindowReport;
  readonly faults: readonly Implausibility[];
}

/** What can be booked, and what cannot be true. A series that disagrees is left out: the energies beside it are counted. */
function screen(reports: readonly WindowReport[], nowMs: number) {
  const screened: SetAside[] = [];
  const plausible: WindowReport[] = [];
  /** By what is booked of them. */
  const doubted = new Map<WindowReport, Doubted>();
  for (const report of reports) {
    const found = findImplausibility(report, nowMs);
    const { damaged, disagreeing } = found === null ? findSeriesFaults(report) : NO_FAULTS;
    const fault = found ?? damaged;
    if (fault !== null) screened.push({ report, ...fault });
    else if (disagreeing.length === 0) plausible.push(report);
    else {
      const trusted = withoutSeries(report, new Set(disagreeing.map(({ deviceId }) => deviceId!)));
      plausible.push(trusted);
      doubted.set(trusted, { report, faults: disagreeing });
    }
  }
  return { plausible, screened, doubted };
}

const NO_FAULTS: SeriesFaults = { damaged: null, disagreeing: [] };

/** One entry for a report, about the first of its series. */
function toSetAside({ report, faults }: Doubted): SetAside {
  const first = faults[0]!;
  const more = faults.length === 1 ? '' : ` So do the series of ${faults.length - 1} more of its devices.`;
  return { report, ...first, detail: `${first.detail} The energies are booked.${more}` };
}

async function stillHolds(shards: Shards, tokenId: string): Promise<boolean> {
  return (await findToken(shards, tokenId))?.revokedAtMs === null;
}

/**
 * Books reports that go on from what this isolate wrote last, without reading it. Null where they do not, where others wrote
 * since, or where the token holds no more: then nothing was written, and what stands has to be read.
 */
async function bookFromMemory(
  db: D1Database,
  nodeNumber: number,
  reports: readonly WindowReport[],
  nowMs: number,
  memory: IngestMemory,
  staleTokenId: string | null,
): Promise<Booked | null> {
  const known = memory.take(nodeNumber, reports, nowMs);
  if (known === null) return null;
  const { hour, registry } = known;
  const merged = mergeHour(hour.key, hour, reports, registry, nowMs);
  const { write } = merged;
  // Whatever is not simply booked is told from what stands.
  if (write === null || merged.accepted < reports.length || merged.droppedSeries > 0) return null;
  const jobIds = new Set(merged.booked.flatMap(({ jobs }) => jobs.map(({ id }) => id)));
  const jobs = await writeKnownHour(db, write, hour.receivedAtMs, [...jobIds], nowMs, staleTokenId);
  if (jobs === null) {
    memory.giveUp(nodeNumber, hour.key);
    return null;
  }
  memory.keep(nodeNumber, registry, write, hour, nowMs);
  await keepNews(db, nodeNumber, merged.booked, jobs, nowMs);
  return merged;
}

interface BookOptions {
  /** A person's word, for what the rule of sealing set aside. */
  readonly releasedBy?: Author | null;
  /** Keeps what was written for the reports that follow. */
  readonly memory?: IngestMemory | null;
}

/**
 * Reads what stands, merges plausible reports of one node into it and commits that. Null where the hours kept changing
 * underneath.
 */
export async function book(
  db: D1Database,
  nodeNumber: number,
  reports: readonly WindowReport[],
  nowMs: number,
  { releasedBy = null, memory = null }: BookOptions = {},
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
      if (hour.write !== null) memory?.keep(nodeNumber, registry, hour.write, stored.get(hour.key), nowMs);
    }
  }
  if (droppedSeries > 0) await countDroppedSeries(db, nodeNumber, droppedSeries);
  // Only what was booked speaks of its jobs, and what a person releases is of the past.
  if (releasedBy === null) await keepNews(db, nodeNumber, booked, registry.jobs, nowMs);
  return { accepted, unchanged, droppedSeries, aside };
}

async function keepNews(
  db: D1Database,
  nodeNumber: number,
  booked: readonly WindowReport[],
  jobs: Registry['jobs'],
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
