import { findContradiction } from '../../shared/ledger/plausibility.ts';
import type { WindowReport } from '../../shared/wire/ingest.ts';
import { fail, ok, type Result } from '../http/problem.ts';
import type { Author } from '../storage/changes.ts';
import { addSeries } from '../storage/late-series.ts';
import { readNodeDevices } from '../storage/node-devices.ts';
import { findOpenQuarantined, resolveQuarantined } from '../storage/quarantine.ts';
import { readKeptFromMs } from '../storage/retention-tasks.ts';
import type { Shards } from '../storage/shards.ts';
import { book } from './ingest.ts';
import { findSeriesFaults, MAX_SERIES_BYTES, seriesOf, withoutSeries } from './ingest-series.ts';

/**
 * Books a quarantined report by a person's word: bounds of power, age and sealing are waived. The rule of epochs and
 * revisions is not (a device never has more than its window, a revision never two contents), nor that parts are no more
 * than their whole. Booked first, marked after:
 * where the second fails, releasing again finds the report unchanged and marks it.
 */
export async function releaseQuarantined(
  shards: Shards,
  id: number,
  author: Author,
  nowMs: number,
): Promise<Result<null>> {
  const item = await findOpenQuarantined(shards, id);
  if (item === null) return fail('not_found', `No open quarantined report has the id ${id}.`, 'id');
  const said = JSON.parse(item.report) as WindowReport;
  const contradiction = findContradiction(said);
  if (contradiction !== null)
    return fail(
      'revision_conflict',
      `The report contradicts itself: ${contradiction.detail} It cannot be booked; discard it.`,
    );
  const keptFromMs = await readKeptFromMs(shards.ofNode(item.nodeNumber));
  if (said.windowStartMs < keptFromMs)
    return fail(
      'revision_conflict',
      `Hours before ${new Date(keptFromMs).toISOString()} have left by their age, and only their sums are kept: nothing can be added to them. Discard it.`,
    );
  // Looked at again: only the first reason was kept, and none but the person who was shown it vouches for a series that disagrees.
  const { damaged, disagreeing } = findSeriesFaults(said);
  const isTrusted = damaged === null && (disagreeing.length === 0 || item.code === 'series_disagrees');
  const report = isTrusted ? said : withoutSeries(said);
  const why = `quarantined report ${id} released${author.why === null ? '' : `: ${author.why}`}`;
  const booked = await book(shards.ofNode(item.nodeNumber), item.nodeNumber, [report], nowMs, {
    releasedBy: { who: author.who, why },
  });
  if (booked === null)
    return fail('overloaded', 'The node kept reporting into the same hour; release it again.');
  const [refused] = booked.aside;
  if (refused !== undefined)
    return fail(
      'revision_conflict',
      `${refused.detail} It stays in quarantine; discard it if what is booked is right.`,
    );
  // Where the digest is not kept any more, the revision is taken for the one that it contradicts, and nothing of it was booked.
  if (item.code === 'revision_conflict' && booked.unchanged > 0)
    return fail(
      'revision_conflict',
      'This revision, or a later one, of its window is booked already. It stays in quarantine; discard it if what is booked is right.',
    );
  if (item.code === 'series_disagrees' && isTrusted) {
    const added = await storeSeries(shards.ofNode(item.nodeNumber), item.nodeNumber, said);
    if (!added.ok) return added;
  }
  await resolveQuarantined(shards, id, 'released', author, nowMs);
  return ok(null);
}

/** Of devices whose window has none: its energies were booked when it came. */
async function storeSeries(db: D1Database, nodeNumber: number, report: WindowReport): Promise<Result<null>> {
  const known = await readNodeDevices(db, [nodeNumber]);
  const devices = new Map(known.map((device) => [device.id, device]));
  const series = seriesOf(report, { devices });
  const outcome = await addSeries(db, nodeNumber, report.windowStartMs, series, MAX_SERIES_BYTES);
  if (outcome === 'busy')
    return fail('overloaded', 'The node kept reporting into the same hour; release it again.');
  if (outcome === 'gone')
    return fail(
      'revision_conflict',
      'The energies are booked, and the hour keeps no power series any more. Discard it.',
    );
  if (outcome === 'full')
    return fail(
      'revision_conflict',
      'The energies are booked, and the window has no room for another power series. Discard it.',
    );
  return ok(null);
}
