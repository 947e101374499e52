/** What leaves, what stays, and what it costs: a real database and a real bucket. */
import { env } from 'cloudflare:test';
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { retentionSettings } from '../../../shared/settings/retention.ts';
import { Attic, withAttic } from '../../../worker/storage/attic.ts';
import { addSeries } from '../../../worker/storage/late-series.ts';
import { readArchivedSeries } from '../../../worker/use-cases/retention/read-series.ts';
import { runRetention } from '../../../worker/use-cases/retention/run.ts';
import { runRollups } from '../../../worker/use-cases/rollup/run.ts';
import { clock, DAY_MS, gpu, HOUR_MS, newNode, storeHours, WINDOW_MS } from '../emissions/support.ts';
import { countingDatabase } from '../ingest/counting-database.ts';
import { database, numberOf, seriesWire } from '../ingest/support.ts';

const bucket = (env as unknown as { ARCHIVE: R2Bucket }).ARCHIVE;
const DAY = 24 * HOUR_MS;
const GPU = 'GPU-00000000-0000-4000-8000-0000000000aa';
const iso = (ms: number) => new Date(ms).toISOString();

const nodes: { nodeId: string; token: string; number: number }[] = [];

beforeAll(async () => {
  clock.nowMs = DAY_MS;
  await clock.call('POST', '/v1/sites', { id: 'kept', gridZone: 'DE', pueRatio: 1.2 });
  await storeHours('DE', [100, 200, 300]);
  for (const name of ['kept-a', 'kept-b']) {
    const node = await newNode(name, 'kept');
    nodes.push({ ...node, number: await numberOf(node.nodeId) });
  }
});

beforeEach(async () => {
  await database.batch(
    ['node_hours', 'node_days', 'day_files', 'retention_tasks', 'ledger_revisions'].map((table) =>
      database.prepare(`DELETE FROM ${table}`),
    ),
  );
  for (const { key } of (await bucket.list()).objects) await bucket.delete(key);
});

async function tell(node: (typeof nodes)[number], atMs: number, energyMillijoules: number): Promise<void> {
  const series = { stepMilliseconds: 1_000, watts: await seriesWire([700, null, 701]) };
  const job = {
    id: 'slurm:c:1',
    devices: [{ id: GPU, energyMillijoules: 5, allocatedMilliseconds: WINDOW_MS }],
  };
  const report = {
    windowStartMs: atMs,
    epoch: 'epoch0001',
    revision: 1,
    final: true,
    devices: [gpu(GPU, energyMillijoules, { series } as never)],
    jobs: [job],
  };
  const body = { version: 1, sentAtMs: clock.nowMs, agentVersion: '0.1.0', reports: [report] };
  const answer = await clock.call('POST', '/v1/ingest', body, node.token);
  expect(await answer.json()).toMatchObject({ accepted: 1 });
}

/** Two nodes, three hours each, each with a series. */
async function aDay(): Promise<void> {
  clock.nowMs = DAY_MS + 4 * HOUR_MS;
  for (const node of nodes)
    for (const hour of [0, 1, 2]) await tell(node, DAY_MS + hour * HOUR_MS, 1_000_001 + hour);
}

const withSeries = async () =>
  (await database
    .prepare('SELECT COUNT(*) AS n FROM node_hours WHERE series0 IS NOT NULL')
    .first<{ n: number }>())!.n;
/** Without sums, which stay for ever. */
const objects = async () =>
  (await bucket.list()).objects.map(({ key }) => key).filter((key) => !key.startsWith('sums/'));
/** Of the archive, without the server's own. */
const paths = async () => (await objects()).filter((key) => !key.startsWith('days/'));
const contents = async () =>
  Promise.all(
    (await paths()).map(async (key) => [
      key,
      [...new Uint8Array(await (await bucket.get(key))!.arrayBuffer())],
    ]),
  );
const answer = async () =>
  (
    await clock.call(
      'GET',
      `/v1/fleet/emissions?filter=site:kept&step=hour&from=${iso(DAY_MS)}&to=${iso(DAY_MS + DAY)}`,
    )
  ).json<{ totals: Record<string, number>; series: unknown }>();

const PAID = retentionSettings({ RETENTION_SERIES_DAYS: '10' });
const FREE = retentionSettings({ RETENTION_PLAN: 'free' });
/** The day of `aDay` is over for this many whole days. */
const after = (days: number) => DAY_MS + (days + 1) * DAY;

const run = (nowMs: number, settings = PAID, to: R2Bucket | null = bucket, db = database) =>
  runRetention({ db, bucket: to, settings, nowMs });

test('series leave after the hot span into files of their own, at a row per node-hour; windows follow, figures stay', async () => {
  await aDay();
  const before = await answer();
  expect(before.totals.energyKwh).toBeGreaterThan(0);
  await run(after(10) - 1);
  expect(await withSeries()).toBe(6);
  const { database: counting, rows } = countingDatabase(database);
  await run(after(10), PAID, bucket, counting);
  expect(await withSeries()).toBe(0);
  expect(rows.written).toBeLessThanOrEqual(6 + 20);
  const date = iso(DAY_MS).slice(0, 10);
  const named = nodes.map(({ number }) => String(number).padStart(8, '0'));
  expect(await paths()).toEqual(
    named.map((number) => `series/date=${date}/shard=0/part-${number}-${number}-0.parquet`),
  );
  await run(after(35));
  expect((await paths()).filter((path) => !path.startsWith('series/'))).toEqual([
    `job_shares/date=${date}/shard=0/part-00000000-00000031-0.parquet`,
    `windows/date=${date}/shard=0/part-00000000-00000031-0.parquet`,
  ]);
  expect(await answer()).toEqual({ ...before, asOf: expect.any(String) });
  const metrics = await (await clock.call('GET', '/metrics')).text();
  expect(metrics).toContain('wattshed_retention_node_hours_total{task="series"} 6');
  expect(metrics).toContain('wattshed_archive_files_total{task="windows"} 2');
  await storeHours('DE', [400, 200, 300]);
  const restated = await answer();
  expect(restated.totals.operationalGrams).toBeGreaterThan(before.totals.operationalGrams!);
  await storeHours('DE', [100, 200, 300]);
});

test('series of nodes with numbers side by side go in one step, each into a file of its own', async () => {
  await aDay();
  await untilDone(10);
  const task = await database
    .prepare("SELECT day, version, files FROM retention_tasks WHERE task = 'series'")
    .first();
  expect(task).toEqual({ day: DAY_MS / DAY + 1, version: 2, files: 2 });
});

test('a turn that is repeated from the start writes the same files again', async () => {
  await aDay();
  await run(after(35));
  const first = await contents();
  expect(first.length).toBeGreaterThan(0);
  await database
    .prepare("UPDATE retention_tasks SET day = day - 36, position = 0 WHERE task = 'windows'")
    .run();
  for (let turn = 0; turn < 12; turn++) await run(after(35));
  expect(await contents()).toEqual(first);
});

test('two runs at once leave what one leaves', async () => {
  await aDay();
  await Promise.all([run(after(35)), run(after(35))]);
  for (let turn = 0; turn < 3; turn++) await run(after(35));
  expect(await withSeries()).toBe(0);
  const tasks = await database
    .prepare("SELECT hours FROM retention_tasks WHERE task = 'series'")
    .first<{ hours: number }>();
  expect(tasks?.hours).toBe(6);
});

const rowsIn = async (table: string) =>
  (await database.prepare(`SELECT COUNT(*) AS n FROM ${table}`).first<{ n: number }>())!.n;

test('without an archive nothing leaves, unless the preset or the operator says so', async () => {
  await aDay();
  await run(after(60), PAID, null);
  expect(await withSeries()).toBe(6);
  await run(after(1), FREE, null);
  expect(await withSeries()).toBe(6);
  await untilDone(2, FREE, null);
  expect(await withSeries()).toBe(0);
  const before = await answer();
  const only = { RETENTION_PLAN: 'free', RETENTION_HOURS_DAYS: '40', RETENTION_WITHOUT_ARCHIVE: 'series' };
  await untilDone(60, retentionSettings(only), null);
  expect(await answer()).toEqual({ ...before, asOf: expect.any(String) });
  await untilDone(729, FREE, null);
  expect(await rowsIn('node_days')).toBe(2);
  await untilDone(730, FREE, null);
  expect(await rowsIn('node_days')).toBe(2);
  await sumAll(after(730));
  await untilDone(730, FREE, null);
  expect([await rowsIn('node_days'), await rowsIn('node_hours')]).toEqual([0, 0]);
});

test('hours leave only once they are in the archive and in sums, and nothing that came late waits', async () => {
  await aDay();
  const settings = { ...PAID, hoursDays: 40, archivedSeriesDays: 90 };
  const rows = async () => [await rowsIn('day_files'), await rowsIn('node_days'), await rowsIn('node_hours')];
  await untilDone(34, settings);
  // The newest hour of a node keeps a row of its own: it tells when the node was last heard of.
  expect(await rows()).toEqual([0, 2, 2]);
  await untilDone(39, settings);
  expect(await rows()).toEqual([1, 0, 2]);
  const archived = await objects();
  expect(archived.filter((key) => key.startsWith('days/'))).toHaveLength(1);
  await untilDone(60, settings);
  expect(await rows()).toEqual([1, 0, 2]);
  await sumAll(after(60));
  await untilDone(60, settings);
  expect(await rows()).toEqual([0, 0, 0]);
  // For as long as the database may be restored to a time at which it named it.
  expect(await objects()).toEqual(archived);
  await untilDone(70, settings);
  expect(await objects()).toEqual(archived);
  await untilDone(71, settings);
  expect(await objects()).toEqual(archived.filter((key) => !key.startsWith('days/')));
  const metrics = await (await clock.call('GET', '/metrics')).text();
  expect(metrics).toContain('wattshed_retention_node_hours_total{task="hours"} 6');
});

test('archived series are deleted at their age, and nothing else', async () => {
  await aDay();
  const settings = { ...PAID, archivedSeriesDays: 90 };
  await untilDone(89, settings);
  const before = await paths();
  expect(before.filter((path) => path.startsWith('series/'))).toHaveLength(2);
  await untilDone(90, settings);
  expect(await paths()).toEqual(before.filter((path) => !path.startsWith('series/')));
  const metrics = await (await clock.call('GET', '/metrics')).text();
  expect(metrics).toContain('wattshed_archive_deleted_files_total 2');
});

test('a backlog older than the hot span lands in its hours, and its series follow the others when it is sealed', async () => {
  await aDay();
  const early = { ...PAID, windowsDays: 10 };
  await untilDone(12, early);
  const [windows] = (await paths()).filter((path) => path.startsWith('windows/'));
  const size = (await bucket.head(windows!))!.size;
  const before = await answer();
  clock.nowMs = after(13);
  await tell(nodes[0]!, DAY_MS + 5 * HOUR_MS, 9_000_000);
  expect((await answer()).totals.energyKwh).toBeCloseTo(before.totals.energyKwh! + 9_000_000 / 3.6e9, 9);
  await run(after(13), early);
  expect(await withSeries()).toBe(1);
  await untilDone(15, early);
  expect(await withSeries()).toBe(0);
  expect((await paths()).filter((path) => path.includes('part-late-'))).toHaveLength(1);
  expect((await bucket.head(windows!))!.size).toBeGreaterThan(size);
});

test('backlogs of several days that come mixed are tidied in one turn', async () => {
  await aDay();
  await untilDone(12);
  clock.nowMs = after(13);
  for (const hour of [5, 6, 7, 8])
    for (const [day, node] of nodes.entries())
      await tell(node, DAY_MS + day * DAY + hour * HOUR_MS, 9_000_000);
  expect(await withSeries()).toBe(8);
  await run(after(15));
  // What is, or was, the newest hour of a node when its day was packed keeps its row, without its series.
  expect([await withSeries(), await rowsIn('node_hours')]).toEqual([0, 4]);
  expect((await paths()).filter((path) => path.includes('part-late-'))).toHaveLength(2);
});

test('a turn writes files of windows anew for three days at most, and the next goes on', async () => {
  await aDay();
  const early = { ...PAID, windowsDays: 10 };
  await untilDone(22, early);
  clock.nowMs = after(22);
  const days = [0, 1, 2, 3, 4, 5, 6, 7];
  for (const day of days) await tell(nodes[0]!, DAY_MS + day * DAY + 5 * HOUR_MS, 9_000_000);
  let written: string[] = [];
  const noting = new Proxy(bucket, {
    get(own, property) {
      if (property !== 'put') return Reflect.get(own, property).bind(own);
      return (...of: Parameters<R2Bucket['put']>) => {
        if (of[0].startsWith('windows/')) written.push(of[0]);
        return own.put(...of);
      };
    },
  });
  const datesOfTurns: number[] = [];
  for (let turn = 0; turn < 4; turn++) {
    // Days that follow have files of windows written in their own turn.
    written = [];
    await run(after(24), early, noting);
    datesOfTurns.push(written.filter((path) => days.some((day) => path.includes(dateOf(day)))).length);
  }
  expect(datesOfTurns).toEqual([3, 3, 2, 0]);
  expect(await withSeries()).toBe(0);
});

const dateOf = (day: number) => iso(DAY_MS + day * DAY).slice(0, 10);

test('power is the same from the archive, of what came late too, until it is deleted there', async () => {
  await aDay();
  const settings = { ...PAID, archivedSeriesDays: 30 };
  const { nodeId } = nodes[1]!;
  const power = async () => {
    const spans = [DAY_MS + HOUR_MS, DAY_MS + 5 * HOUR_MS].map(
      (ms) => `from=${iso(ms)}&to=${iso(ms + 4 * WINDOW_MS)}`,
    );
    const answers = spans.map((span) => clock.call('GET', `/v1/nodes/${nodeId}/power?stepSeconds=1&${span}`));
    return Promise.all((await Promise.all(answers)).map((each) => each.json()));
  };
  const early = await power();
  expect(JSON.stringify(early[0])).toContain('[700,null,701,');
  await untilDone(12, settings);
  expect(await withSeries()).toBe(0);
  clock.nowMs = after(12);
  expect(await power()).toEqual(early);
  clock.nowMs = after(13);
  await tell(nodes[1]!, DAY_MS + 5 * HOUR_MS, 9_000_000);
  const late = await power();
  expect(late).not.toEqual(early);
  await untilDone(15, settings);
  expect(await withSeries()).toBe(0);
  expect(await power()).toEqual(late);
  await untilDone(30, settings);
  expect(await paths()).toEqual([]);
  expect(JSON.stringify(await power())).not.toContain('700');
  // A release puts a series into a day whose series are deleted: it goes, and nothing is left behind.
  clock.nowMs = after(31);
  await tell(nodes[1]!, DAY_MS + 6 * HOUR_MS, 9_000_000);
  await untilDone(33, settings);
  expect(await withSeries()).toBe(0);
  expect(await paths()).toEqual([]);
});

test('an hour that changed since it was read keeps its series for the next time', async () => {
  await aDay();
  // Changed an hour before the turn: not sealed yet.
  await database
    .prepare('UPDATE node_hours SET received_at_ms = ?1 WHERE key = (SELECT MIN(key) FROM node_hours)')
    .bind(after(10) - HOUR_MS)
    .run();
  await run(after(10));
  expect(await withSeries()).toBe(1);
});

test('a series that a person releases while the others of its hour are written is not dropped with them', async () => {
  await aDay();
  const { number } = nodes[0]!;
  let outcome: string | null = null;
  const slow = new Proxy(bucket, {
    get(own, property) {
      if (property !== 'put') return Reflect.get(own, property).bind(own);
      return async (...of: Parameters<R2Bucket['put']>) => {
        const deflated = Uint8Array.fromBase64(await seriesWire([699]));
        const series = [{ deviceIndex: 0, stepMilliseconds: 1_000, deflated }];
        outcome ??= await addSeries(database, number, DAY_MS + 3 * WINDOW_MS, series, 1_000);
        return own.put(...of);
      };
    },
  });
  await run(after(10), PAID, slow);
  expect(outcome).toBe('added');
  await untilDone(12);
  const startMs = DAY_MS + 3 * WINDOW_MS;
  const db = withAttic(database, new Attic(bucket));
  const archived = await readArchivedSeries(db, number, startMs, startMs + WINDOW_MS);
  expect([...archived.values()]).toEqual([{ stepMilliseconds: 1_000, watts: [699] }]);
  expect(await withSeries()).toBe(0);
});

/** As if cron had summed every hour until now; only how far it is, since no answer is asked for after it. */
async function sumAll(nowMs: number): Promise<void> {
  await runRollups(withAttic(database, new Attic(bucket)), nowMs, 1);
  await database.batch([
    database.prepare('DELETE FROM rollup_marks'),
    database
      .prepare('UPDATE rollup_state SET done_hour = ?1, marked_hour = ?1')
      .bind(Math.floor(nowMs / HOUR_MS)),
  ]);
}

async function untilDone(days: number, settings = PAID, to: R2Bucket | null = bucket): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await run(after(days), settings, to);
}
