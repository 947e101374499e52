/** One database of three is out of reach. */
import { beforeAll, expect, test, vi } from 'vitest';
import type { EnrollReply } from '../../../shared/wire/ingest.ts';
import { host } from '../support/enrolment.ts';
import { fleetOn, migrateAll, nodesIn, THREE } from './support.ts';

const NOW_MS = Date.UTC(2026, 4, 4, 12);
const whole = fleetOn(THREE, NOW_MS);

const withSessions = (database: object) =>
  ({
    ...database,
    withSession: () => ({ ...database, getBookmark: () => null }),
  }) as unknown as D1Database;

function gone(message: string): D1Database {
  const fail = () => Promise.reject(new Error(message));
  const statement = { bind: () => statement, all: fail, first: fail, raw: fail, run: fail };
  return withSessions({ prepare: () => statement, batch: fail });
}

/** The third database as it is, but for what fails of it. */
function failingThird(fails: (sql: string) => boolean) {
  const [first, second, third] = THREE;
  const broken = gone('D1_ERROR: disk I/O error');
  const statement = broken.prepare('');
  const failing = withSessions({
    prepare: (sql: string) => (fails(sql) ? statement : third!.prepare(sql)),
    batch: (list: D1PreparedStatement[]) =>
      list.includes(statement) ? broken.batch(list) : third!.batch(list),
  });
  return fleetOn([first!, second!, failing], NOW_MS);
}

const without = (shard: number, message = 'D1_ERROR: no such table: nodes') =>
  fleetOn(
    THREE.map((db, index) => (index === shard ? gone(message) : db)),
    NOW_MS,
  );

const tokens: string[] = [];
beforeAll(async () => {
  await migrateAll();
  await whole.ask('POST', '/v1/sites', { id: 'berlin', gridZone: 'DE', pueRatio: 1.2 });
  const body = { label: 'rack', site: 'berlin', maxUses: null };
  const { key } = await whole.ask<{ key: string }>('POST', '/v1/enrolment-keys', body);
  for (let node = 0; node < 3; node++)
    tokens.push((await whole.ask<EnrollReply>('POST', '/v1/enroll', host(`node-${node}`), key)).token);
  expect(await Promise.all(THREE.map(nodesIn))).toEqual([['node-0'], ['node-1'], ['node-2']]);
});

const silent = () => vi.spyOn(console, 'error').mockImplementation(() => {});

test('no answer is smaller than the fleet: each names the database that is missing', async () => {
  silent();
  for (const path of [
    '/v1/nodes',
    '/v1/fleet/emissions',
    '/v1/jobs',
    '/v1/changes',
    '/v1/quarantine',
    '/v1/tokens',
    '/metrics',
    '/healthz',
    '/v1/nodes/node-2',
  ]) {
    const response = await without(2).call('GET', path);
    expect({ path, status: response.status, text: await response.text() }).toEqual({
      path,
      status: 503,
      text: expect.stringContaining('DB_2'),
    });
    expect(Number(response.headers.get('Retry-After'))).toBeGreaterThan(0);
  }
  vi.restoreAllMocks();
});

test('nodes of the others are answered and report as ever', async () => {
  silent();
  const fleet = without(2, 'D1 DB is overloaded. Requests queued for too long.');
  expect((await fleet.call('GET', '/v1/nodes/node-1')).status).toBe(200);
  const body = { version: 1, sentAtMs: NOW_MS, agentVersion: '0.1.0', reports: [] };
  const statuses = await Promise.all(
    tokens.map(async (token) => (await fleet.call('POST', '/v1/ingest', body, token)).status),
  );
  expect(statuses).toEqual([200, 200, 503]);
  vi.restoreAllMocks();
});

test('jobs of the scheduler have their turn in the others, and the failure is logged with its name', async () => {
  const errors = silent();
  const fleet = without(1);
  fleet.nowMs = NOW_MS + 3 * 3_600_000;
  await fleet.runJobs();
  for (const shard of [0, 2]) {
    const row = await THREE[shard]!.prepare('SELECT COUNT(*) AS n FROM rollup_state').first<{ n: number }>();
    expect(row!.n).toBe(1);
  }
  expect(errors.mock.calls.flat().map(String).join('\n')).toContain('database DB_1 failed');
  vi.restoreAllMocks();
});

test('a report asks the database of its node and no other', async () => {
  const [, , token] = tokens;
  const body = { version: 1, sentAtMs: NOW_MS, agentVersion: '0.1.0', reports: [] };
  expect((await without(1).call('POST', '/v1/ingest', body, token)).status).toBe(200);
});

test('a database that fails in the middle of an answer is named as well', async () => {
  silent();
  const fleet = failingThird((sql) => sql.includes('CROSS JOIN node_hours'));
  const response = await fleet.call('GET', '/v1/fleet/counterfactual');
  expect(await response.text()).toContain('DB_2');
  expect(response.status).toBe(503);
  vi.restoreAllMocks();
});

test('what is asked of one node names its database, whatever fails of it', async () => {
  silent();
  // Its node is found, then nothing more of it.
  const fleet = failingThird((sql) => !/\b(from|FROM) "?(nodes|node_directory|settings)"?\b/.test(sql));
  const range = `from=${new Date(NOW_MS - 3_600_000).toISOString()}&to=${new Date(NOW_MS).toISOString()}`;
  for (const path of [`power?${range}`, `windows?${range}`, 'embodied', '']) {
    const response = await fleet.call('GET', `/v1/nodes/node-2/${path}`.replace(/\/$/, ''));
    expect({ path, status: response.status, text: await response.text() }).toEqual({
      path,
      status: 503,
      text: expect.stringContaining('DB_2'),
    });
  }
  vi.restoreAllMocks();
});
