/** What is answered when the database cannot take it, with the platform's own errors put before the real one. */
import { beforeAll, expect, test } from 'vitest';
import type { Env } from '../../../worker/env.ts';
import { body, database, device, newNode, report } from '../ingest/support.ts';
import { clockedApi } from '../support/clocked-api.ts';

let node: { nodeId: string; token: string };
beforeAll(async () => {
  node = await newNode('overloaded');
});

/** The real database; the next `failures` batches fail, before they are run or after they were committed. */
function breaking(
  message: string,
  failures: { left: number },
  when: 'before' | 'after' = 'before',
): D1Database {
  return {
    prepare: (sql: string) => database.prepare(sql),
    batch: async (statements: D1PreparedStatement[]) => {
      if (failures.left-- <= 0) return database.batch(statements);
      if (when === 'after') await database.batch(statements);
      throw new Error(message);
    },
  } as unknown as D1Database;
}

let revision = 0;
const ingest = (api: ReturnType<typeof clockedApi>) =>
  api.call(
    'POST',
    '/v1/ingest',
    body([report({ revision: ++revision, devices: [device({ energyMillijoules: 1_000 + revision })] })]),
    node.token,
  );

const PASSING = [
  'D1_ERROR: Network connection lost.',
  'D1_ERROR: Internal error in D1 DB storage caused object to be reset.',
  'D1_ERROR: D1 DB reset because its code was updated.',
];

test.each(PASSING)('%s: tried once more at once', async (message) => {
  for (const when of ['before', 'after'] as const) {
    const failures = { left: 1 };
    const response = await ingest(clockedApi(Date.now(), { DB: breaking(message, failures, when) }));
    expect(response.status).toBe(200);
    const { accepted, unchanged } = await response.json<{ accepted: number; unchanged: number }>();
    // Booked once, whenever the connection broke.
    expect(accepted + unchanged).toBe(1);
  }
});

test.each(PASSING)('%s, twice: the agent is asked to come again', async (message) => {
  const response = await ingest(clockedApi(Date.now(), { DB: breaking(message, { left: 2 }) }));
  expect(response.status).toBe(503);
  await response.body?.cancel();
});

test.each([
  'D1_ERROR: D1 DB is overloaded. Requests queued for too long.',
  'D1_ERROR: D1 DB is overloaded. Too many requests queued.',
  'D1_ERROR: D1 DB storage operation exceeded timeout which caused object to be reset.',
  'D1_ERROR: D1 DB exceeded its CPU time limit and was reset.',
  "D1_ERROR: D1 DB's isolate exceeded its memory limit and was reset.",
  'D1_ERROR: Cannot resolve D1 DB due to transient issue on remote node.',
])('%s: not asked again, which would add to it', async (message) => {
  const failures = { left: 1 };
  const response = await ingest(clockedApi(Date.now(), { DB: breaking(message, failures) }));
  expect(failures.left).toBe(0);
  expect(response.status).toBe(503);
  const seconds = Number(response.headers.get('Retry-After'));
  expect(seconds).toBeGreaterThanOrEqual(10);
  expect(seconds).toBeLessThanOrEqual(33);
  expect(await response.json()).toMatchObject({ code: 'overloaded' });
});

test('the more is refused, the later the refused may come again, and not all at once', async () => {
  const message = 'D1_ERROR: D1 DB is overloaded. Too many requests queued.';
  const failures = { left: 200 };
  const api = clockedApi(Date.now(), { DB: breaking(message, failures) });
  const waits: number[] = [];
  for (let count = 0; count < 200; count++) {
    const response = await ingest(api);
    await response.body?.cancel();
    waits.push(Number(response.headers.get('Retry-After')));
  }
  expect(Math.max(...waits.slice(0, 5))).toBeLessThanOrEqual(40);
  expect(Math.min(...waits.slice(-20))).toBeGreaterThanOrEqual(90);
  expect(Math.max(...waits)).toBeLessThanOrEqual(300);
  expect(new Set(waits.slice(-20)).size).toBeGreaterThan(5);
  // Over: the next answer is an ordinary one, and a minute later nothing of it is left.
  expect((await ingest(api)).status).toBe(200);
  api.nowMs += 120_000;
  failures.left = 1;
  const later = await ingest(api);
  expect(later.status).toBe(503);
  await later.body?.cancel();
  expect(Number(later.headers.get('Retry-After'))).toBeLessThanOrEqual(33);
});

test.each(['read', 'write'])(
  'a day of the free plan whose row %ss are used up ends at midnight UTC',
  async (of) => {
    const message = `D1_ERROR: Your account has exceeded D1's free tier daily row ${of} limit. Upgrade to a paid plan or wait until tomorrow (midnight UTC) to continue.`;
    const nowMs = Date.UTC(2026, 10, 26, 22);
    const api = clockedApi(nowMs, { DB: breaking(message, { left: 1 }) } satisfies Partial<Env>);
    const response = await ingest(api);
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({
      code: 'overloaded',
      detail: expect.stringContaining('after midnight UTC'),
    });
    const seconds = Number(response.headers.get('Retry-After'));
    expect(seconds).toBeGreaterThanOrEqual(7_200);
    expect(seconds).toBeLessThanOrEqual(8_100);
  },
);
