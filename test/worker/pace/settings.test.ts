/** How often agents report: asked by the operator, raised by the server, told in each answer. */
import { env } from 'cloudflare:test';
import { beforeAll, expect, test } from 'vitest';
import { phaseOfNumber } from '../../../shared/pace/phase.ts';
import type { IngestReply } from '../../../shared/wire/ingest.ts';
import type { Env } from '../../../worker/env.ts';
import { createShards } from '../../../worker/storage/shards.ts';
import { countFleet } from '../../../worker/use-cases/pace-count.ts';
import { body, database, newNode, numberOf, report } from '../ingest/support.ts';
import { recordingDatabase } from '../storage/recording-database.ts';
import { refusal } from '../support/api.ts';
import { type ClockedApi, clockedApi } from '../support/clocked-api.ts';

const bindings = env as unknown as Env;
const FREE = { RETENTION_PLAN: 'free' };
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

let node: { nodeId: string; token: string };
beforeAll(async () => {
  node = await newNode('paced');
});

async function tell(api: ClockedApi): Promise<IngestReply> {
  const response = await api.call('POST', '/v1/ingest', body([report()]), node.token);
  expect(response.status).toBe(200);
  return response.json();
}

const patch = async (api: ClockedApi, change: object) => {
  const response = await api.call('PATCH', '/v1/settings', change);
  expect(response.status).toBe(200);
  return response.json<Settings>();
};
const settings = async (api: ClockedApi) => (await api.call('GET', '/v1/settings')).json<Settings>();

interface Settings {
  readonly requireWhy: boolean;
  readonly reportEverySeconds: number | 'auto';
  readonly reporting: { readonly everySeconds: number; readonly because: string; readonly detail: string };
}

/** So many nodes that enrolled at that instant, beside those that are there. */
async function addNodes(count: number, enrolledAtMs: number, prefix: string) {
  await database
    .prepare(
      `INSERT INTO nodes (id, hostname, labels, fingerprint, machine_fingerprint, enrolled_at_ms, simulated, agent_version)
       WITH RECURSIVE counted(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < ?1)
       SELECT ?3 || n, ?3 || n, '{}', ?3 || n, ?3 || n, ?2, 0, '0.1.0' FROM counted`,
    )
    .bind(count, enrolledAtMs, prefix)
    .run();
}

test('an agent is told when to report, and its own place in the interval', async () => {
  const reply = await tell(clockedApi(Date.now()));
  expect(reply).toMatchObject({
    reportEverySeconds: 60,
    reportPhaseRatio: phaseOfNumber(await numberOf(node.nodeId)),
    backlog: { reportsPerRequest: 24, everySeconds: 0 },
  });
  expect(await tell(clockedApi(Date.now(), { REPORT_EVERY_SECONDS: '120' }))).toMatchObject({
    reportEverySeconds: 120,
  });
});

test('a change holds with the next report, is logged, and is taken back by auto', async () => {
  const api = clockedApi(Date.now(), { REPORT_EVERY_SECONDS: '120' });
  expect((await tell(api)).reportEverySeconds).toBe(120);
  expect(await patch(api, { reportEverySeconds: 300, why: 'cost' })).toMatchObject({
    requireWhy: false,
    reportEverySeconds: 300,
    reporting: {
      everySeconds: 300,
      because: 'setting',
      detail: 'Every 300 s as the settings ask; the plan bears every 10 s.',
      plan: 'paid',
    },
  });
  expect((await tell(api)).reportEverySeconds).toBe(300);
  // What is not named stays.
  expect(await patch(api, { requireWhy: false })).toMatchObject({ reportEverySeconds: 300 });

  const log = await api.call('GET', '/v1/changes?subject=fleet&what=reportEverySeconds');
  expect((await log.json<{ changes: object[] }>()).changes).toEqual([
    expect.objectContaining({ from: null, to: 300, why: 'cost', subject: 'fleet' }),
  ]);
  expect(await patch(api, { reportEverySeconds: 'auto' })).toMatchObject({
    reportEverySeconds: 'auto',
    reporting: { everySeconds: 120, because: 'default' },
  });
  expect((await tell(api)).reportEverySeconds).toBe(120);
});

test('another isolate follows within a minute, and asks the database no more often', async () => {
  const { database: recording, recorded } = recordingDatabase(database);
  const other = clockedApi(Date.now(), { DB: recording });
  const looks = () => recorded.filter(({ sql }) => sql.includes('fleet_pace')).length;
  for (let count = 0; count < 5; count++) await tell(other);
  expect(looks()).toBe(1);
  await patch(clockedApi(Date.now()), { reportEverySeconds: 240 });
  expect((await tell(other)).reportEverySeconds).toBe(60);
  other.nowMs += MINUTE_MS;
  expect((await tell(other)).reportEverySeconds).toBe(240);
  expect(looks()).toBe(2);
  await patch(other, { reportEverySeconds: 'auto' });
});

test.each([9, 3_601, 60.5, '60', 'never', null])('%j is refused, with what may be said', async (value) => {
  const response = await clockedApi(Date.now()).call('PATCH', '/v1/settings', { reportEverySeconds: value });
  const { detail } = await response.clone().json<{ detail: string }>();
  expect(detail).toBe('/reportEverySeconds: expected a whole number of seconds from 10 to 3600, or "auto".');
  expect(await refusal(response)).toEqual({
    status: 422,
    code: 'invalid_body',
    field: '/reportEverySeconds',
  });
});

test('a change of nothing is refused', async () => {
  const response = await clockedApi(Date.now()).call('PATCH', '/v1/settings', {});
  expect(await refusal(response)).toEqual({ status: 422, code: 'invalid_body', field: '' });
});

test('a fleet that would outgrow the free plan is told to report less often, and says so everywhere', async () => {
  const nowMs = Date.now() + 2 * MINUTE_MS;
  const api = clockedApi(nowMs, FREE);
  const cron = (atMs: number) => countFleet(createShards(bindings), { ...bindings, ...FREE }, atMs);
  await cron(nowMs);
  expect((await settings(api)).reporting).toMatchObject({ everySeconds: 60, because: 'default' });

  await addNodes(200, nowMs, 'many-');
  const news = await cron(nowMs + MINUTE_MS);
  expect(news).toMatch(
    /^Raised from 60 s to 300 s: \d+ nodes on the free plan would take more than 80 % of the rows written a day \(limits of 2026-08-03\)\.$/,
  );
  // Nothing changed: nothing is written, and nothing said.
  expect(await cron(nowMs + 2 * MINUTE_MS)).toBeNull();

  api.nowMs = nowMs + 3 * MINUTE_MS;
  expect(await tell(api)).toMatchObject({
    reportEverySeconds: 300,
    backlog: { reportsPerRequest: 6, everySeconds: 0 },
  });
  expect(await settings(api)).toMatchObject({
    reportEverySeconds: 'auto',
    reporting: {
      everySeconds: 300,
      because: 'plan',
      detail: news,
      plan: 'free',
      leastEverySeconds: 300,
      fitsPlan: true,
    },
  });
  const metrics = await (await api.call('GET', '/metrics')).text();
  expect(metrics).toContain('wattshed_report_interval_seconds{of="asked"} 60');
  expect(metrics).toContain('wattshed_report_interval_seconds{of="told"} 300');
  expect(metrics).toMatch(/wattshed_plan_used_ratio\{limit="rows_written"\} 0\.7\d+/);

  // What the operator asks for is the least, not the most.
  expect((await patch(api, { reportEverySeconds: 30 })).reporting.everySeconds).toBe(300);
  expect((await patch(api, { reportEverySeconds: 900 })).reporting).toMatchObject({
    everySeconds: 900,
    because: 'setting',
  });
  await patch(api, { reportEverySeconds: 'auto' });

  // The paid plan takes as many without.
  const paid = clockedApi(api.nowMs);
  expect((await settings(paid)).reporting).toMatchObject({ everySeconds: 60, because: 'default' });

  // One node less does not change the pace; a week without a word, and the rest is not waited for.
  await database.prepare("UPDATE nodes SET retired_at_ms = 1 WHERE id = 'many-1'").run();
  expect(await cron(nowMs + 4 * MINUTE_MS)).toBeNull();
  const changed = await cron(nowMs + 8 * DAY_MS);
  expect(changed).toBe('Every 60 s as this server was deployed with; the plan bears every 10 s.');

  const log = await api.call('GET', '/v1/changes?subject=fleet&what=reportEverySecondsRaisedTo');
  expect((await log.json<{ changes: object[] }>()).changes).toEqual([
    expect.objectContaining({ who: 'server', from: 300, to: null, why: changed }),
    expect.objectContaining({ who: 'server', from: null, to: 300, why: news }),
  ]);
});

test('a node that was asked to report seldom is not silent between two reports', async () => {
  const nowMs = Date.now() + 10 * DAY_MS;
  const api = clockedApi(nowMs);
  const state = async () => {
    const found = await api.call('GET', `/v1/nodes/${node.nodeId}`);
    return (await found.json<{ state: string }>()).state;
  };
  const windowStartMs = Math.floor(nowMs / 300_000) * 300_000;
  const said = { ...body([report({ windowStartMs, final: false })]), sentAtMs: nowMs };
  expect((await api.call('POST', '/v1/ingest', said, node.token)).status).toBe(200);
  api.nowMs = nowMs + 11 * MINUTE_MS;
  expect(await state()).toBe('silent');
  await patch(api, { reportEverySeconds: 900 });
  expect(await state()).toBe('reporting');
  api.nowMs = nowMs + 46 * MINUTE_MS;
  expect(await state()).toBe('silent');
  await patch(api, { reportEverySeconds: 'auto' });
});

test('a fleet that no interval keeps within the plan is told what helps', async () => {
  const nowMs = Date.now() + 30 * DAY_MS;
  await addNodes(700, nowMs, 'crowd-');
  const news = await countFleet(createShards(bindings), { ...bindings, ...FREE }, nowMs);
  expect(news).toMatch(
    /to 1800 s: 7\d\d nodes .* They do even so: change to the paid plan, or retire nodes that are gone\.$/,
  );
  expect((await settings(clockedApi(nowMs, FREE))).reporting).toMatchObject({
    fitsPlan: false,
    everySeconds: 1_800,
  });
});

test('a node that was asked to report seldom is not silent the moment that it is asked for more', async () => {
  const startMs = Date.now();
  const at = (ms: number) => clockedApi(startMs + ms);
  await patch(at(0), { reportEverySeconds: 1_800 });
  const late = await newNode('paced-late');
  await at(0).call('POST', '/v1/ingest', body([report()]), late.token);
  await patch(at(60_000), { reportEverySeconds: 'auto' });
  const state = async (api: ClockedApi) =>
    (await (await api.call('GET', `/v1/nodes/${late.nodeId}`)).json<{ state: string }>()).state;
  expect(await state(at(20 * MINUTE_MS))).toBe('reporting');
  expect(await state(at(3 * 60 * MINUTE_MS))).toBe('silent');
});
