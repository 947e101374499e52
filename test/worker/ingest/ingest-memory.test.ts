/** Reports that go on from what an isolate remembers: they cost one round trip, and end as if everything had been read. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { JobReport, WindowReport } from '../../../shared/wire/ingest.ts';
import { Shards } from '../../../worker/storage/shards.ts';
import { ingest } from '../../../worker/use-cases/ingest.ts';
import { IngestMemory } from '../../../worker/use-cases/ingest-memory.ts';
import { call } from '../support/api.ts';
import { clockedApi } from '../support/clocked-api.ts';
import { countingDatabase } from './counting-database.ts';
import { body, database, device, ingestInto, newNode, numberOf, report, WINDOW_MS } from './support.ts';

const HOUR_MS = 12 * WINDOW_MS;
/** An hour that is open from here on. */
const hourStartMs = Math.floor(Date.now() / HOUR_MS) * HOUR_MS;
const GPU = device().id;

const job = (project: string): JobReport => ({
  id: 'slurm:memory:1',
  project,
  devices: [{ id: GPU, energyMillijoules: 1, allocatedMilliseconds: 1 }],
});

/** What was said so far, in `window` of the hour. */
const so = (revision: number, window = 0, changes: Partial<WindowReport> = {}) =>
  report({
    windowStartMs: hourStartMs + window * WINDOW_MS,
    revision,
    final: false,
    devices: [device({ energyMillijoules: 1_000 + revision, utilizationRatio: 0.123_456 })],
    jobs: [job('llm')],
    ...changes,
  });

/** Ingests what one node says, with its bill. */
async function newReporter(hostname: string) {
  const { nodeId } = await newNode(hostname);
  const number = await numberOf(nodeId);
  const say = async (reports: readonly WindowReport[], memory: IngestMemory, atMs = hourStartMs) => {
    const { database: counting, rows, calls } = countingDatabase(database);
    const outcome = await ingestInto(counting, number, body(reports), atMs, memory);
    if (!outcome.ok) throw new Error(outcome.problem.detail);
    return { ...outcome.value, rows: rows.written, roundTrips: calls.roundTrips };
  };
  const stored = async () => {
    const { results } = await database
      .prepare(
        `SELECT key % 2097152 AS hour, version, hex(ledger) AS ledger, hex(series0) AS series0, hex(series1) AS series1
         FROM node_hours WHERE key >= ?1 * 2097152 AND key < (?1 + 1) * 2097152 ORDER BY key`,
      )
      .bind(number)
      .all();
    return results;
  };
  return { number, say, stored };
}

test('a report that goes on costs one row and one round trip, and is stored as if the hour had been read', async () => {
  const remembering = await newReporter('remembers');
  const reading = await newReporter('reads');
  const memory = new IngestMemory();
  for (const [index, said] of [so(1), so(2), so(3), so(1, 1), so(2, 1)].entries()) {
    const answer = await remembering.say([said], memory);
    expect(answer).toMatchObject({ accepted: 1, unchanged: 0, quarantined: [] });
    if (index > 0) expect(answer).toMatchObject({ rows: 1, roundTrips: 1 });
    expect(await reading.say([said], new IngestMemory())).toMatchObject({ accepted: 1 });
  }
  expect(await remembering.stored()).toEqual(await reading.stored());
});

test('what another isolate wrote is never overwritten, and from then on the hour is read', async () => {
  const { say, stored } = await newReporter('two-isolates');
  const [here, there] = [new IngestMemory(), new IngestMemory()];
  await say([so(1)], here);
  await say([so(1, 1)], there);
  // The try, then as ever.
  expect(await say([so(2)], here)).toMatchObject({ accepted: 1, roundTrips: 3, rows: 1 });
  expect(await say([so(3)], here)).toMatchObject({ accepted: 1, roundTrips: 2 });
  const [hour] = await stored();
  expect(hour).toMatchObject({ version: 4 });
  expect(await say([so(1, 1)], new IngestMemory())).toMatchObject({ unchanged: 1 });
  // The next hour is its own again.
  const next = { windowStartMs: hourStartMs + HOUR_MS };
  await say([so(1, 0, next)], here, hourStartMs + HOUR_MS);
  expect(await say([so(2, 0, next)], here, hourStartMs + HOUR_MS)).toMatchObject({ roundTrips: 1 });
});

test('an hour of a database that was restored is not the one that is remembered, though its version is', async () => {
  const { number, say } = await newReporter('restored');
  const [here, there] = [new IngestMemory(), new IngestMemory()];
  await say([so(1)], here);
  const key = number * 2 ** 21 + hourStartMs / HOUR_MS;
  const row = 'version, received_at_ms, ledger';
  const backup = await database.prepare(`SELECT ${row} FROM node_hours WHERE key = ?1`).bind(key).first();
  await say([so(2)], here, hourStartMs + 1_000);
  await database
    .prepare(`UPDATE node_hours SET (${row}) = (?2, ?3, ?4) WHERE key = ?1`)
    .bind(key, ...Object.values(backup!))
    .run();
  await say([so(1, 1)], there, hourStartMs + 2_000);
  expect(await say([so(3)], here, hourStartMs + 3_000)).toMatchObject({ accepted: 1 });
  expect(await say([so(1, 1)], new IngestMemory(), hourStartMs + 4_000)).toMatchObject({ unchanged: 1 });
});

test('what does not simply go on is told from what stands', async () => {
  const { say } = await newReporter('not-on');
  const memory = new IngestMemory();
  await say([so(1)], memory);
  await say([so(2)], memory);
  expect(await say([so(2)], memory)).toMatchObject({ unchanged: 1 });
  await say([so(3)], memory);
  expect(await say([so(1)], memory)).toMatchObject({ unchanged: 1 });
  const other = so(3, 0, { devices: [device({ energyMillijoules: 7 })] });
  expect(await say([other], memory)).toMatchObject({ conflicts: 1 });
  const unknown = so(4, 0, {
    devices: [device(), device({ id: 'cpu-0', type: 'cpu', energyMillijoules: 1 })],
  });
  expect(await say([unknown], memory)).toMatchObject({ accepted: 1 });
  const renamed = so(5, 0, { devices: [device({ type: 'cpu', energyMillijoules: 1 })] });
  expect(await say([renamed], memory)).toMatchObject({ quarantined: [{ code: 'device_type_changed' }] });
  // An hour that is over: it is marked where rollups and alerts look.
  await say([so(5)], memory);
  expect(await say([so(6)], memory, hourStartMs + HOUR_MS + 300_000)).toMatchObject({ roundTrips: 2 });
});

test('a token that was revoked meanwhile writes nothing, whether the hour is remembered or not', async () => {
  const { number, say, stored } = await newReporter('revoked-late');
  const memory = new IngestMemory();
  await say([so(1)], memory);
  const token = (await database
    .prepare('SELECT id FROM tokens WHERE node_number = ?1')
    .bind(number)
    .first<{ id: string }>())!;
  const stale = (said: WindowReport, own: IngestMemory) =>
    ingest(
      new Shards([database]),
      { nodeNumber: number, staleTokenId: token.id },
      body([said]) as never,
      hourStartMs,
      own,
    );
  expect(await stale(so(2), memory)).toMatchObject({ ok: true, value: { accepted: 1 } });
  const before = await stored();
  await database.prepare('UPDATE tokens SET revoked_at_ms = 1 WHERE id = ?1').bind(token.id).run();
  for (const own of [memory, new IngestMemory()]) {
    expect(await stale(so(3), own)).toMatchObject({ ok: false, problem: { code: 'unauthenticated' } });
    expect(await stored()).toEqual(before);
  }
});

test('over HTTP a node that reports each minute takes one round trip, and one whose token ended elsewhere none more', async () => {
  const { nodeId, token } = await newNode('each-minute');
  const { database: counting, calls } = countingDatabase(database);
  const api = clockedApi(hourStartMs, { DB: counting });
  const say = (minute: number) => {
    api.nowMs = hourStartMs + minute * 60_000;
    return api.call('POST', '/v1/ingest', body([so(minute + 1)]), token);
  };
  expect((await say(0)).status).toBe(200);
  for (const minute of [1, 2]) {
    calls.roundTrips = 0;
    expect(await (await say(minute)).json()).toMatchObject({ accepted: 1 });
    // The other one asks how often to report: once a minute for all nodes of the isolate.
    expect(calls.roundTrips).toBe(2);
  }
  expect((await call('DELETE', `/v1/nodes/${nodeId}`)).status).toBe(204);
  const refused = await say(3);
  expect(refused.status).toBe(401);
  expect(refused.headers.get('WWW-Authenticate')).toContain('Bearer');
  expect(await refused.json()).toMatchObject({ detail: 'This token was revoked.' });
});

test('words of a job are heard although its hour is remembered', async () => {
  const [a, b] = [await newReporter('word-a'), await newReporter('word-b')];
  const [ofA, ofB] = [new IngestMemory(), new IngestMemory()];
  const says = (revision: number, project: string) => so(revision, 0, { jobs: [job(project)] });
  const project = async () =>
    (
      await database
        .prepare(
          `SELECT value FROM job_facts WHERE key = 'agent.project'
         AND job_number = (SELECT number FROM jobs WHERE id = 'slurm:memory:1') ORDER BY id DESC LIMIT 1`,
        )
        .first<{ value: string }>()
    )?.value;
  await a.say([says(1, 'one')], ofA);
  await b.say([says(1, 'one')], ofB);
  await a.say([says(2, 'two')], ofA);
  expect(await project()).toBe('two');
  // As it said before, and as the isolate remembers; but another node spoke since.
  await b.say([says(2, 'one')], ofB);
  expect(await project()).toBe('one');
});

test('two isolates in any order end with the sum of what was said', async () => {
  let count = 0;
  const report = fc.record({
    isolate: fc.nat(1),
    window: fc.nat(2),
    revision: fc.integer({ min: 1, max: 4 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(report, { minLength: 1, maxLength: 12 }), async (said) => {
      const hostname = `law-${count++}`;
      const [two, one] = [await newReporter(`${hostname}-two`), await newReporter(`${hostname}-one`)];
      const memories = [new IngestMemory(), new IngestMemory()];
      for (const { isolate, window, revision } of said) {
        const here = await two.say([so(revision, window)], memories[isolate]!);
        const there = await one.say([so(revision, window)], new IngestMemory());
        expect([here.accepted, here.unchanged]).toEqual([there.accepted, there.unchanged]);
      }
      expect(await two.stored()).toEqual(await one.stored());
    }),
    { numRuns: 8 },
  );
});

test('memory is bounded: who has not reported for longest is forgotten', async () => {
  const memory = new IngestMemory();
  const shares = Array.from({ length: 5_900 }, (_, deviceIndex) => ({
    jobNumber: 1,
    deviceIndex,
    energyMillijoules: 0,
    allocatedMilliseconds: 0,
  }));
  const epoch = { epoch: 'epoch0001', revision: 1, final: false, contentDigest: 0, devices: [] };
  const ledger = { windows: [[{ ...epoch, jobShares: shares }]] };
  const registry = { devices: new Map(), deviceIds: [], jobs: new Map() };
  const keyOf = (node: number) => node * 2 ** 21 + hourStartMs / HOUR_MS;
  const keep = (node: number) =>
    memory.keep(
      node,
      registry,
      { key: keyOf(node), readVersion: 0, oldLedger: ledger, ledger, series: new Map() },
      undefined,
      hourStartMs,
    );
  const knows = (node: number) =>
    memory.take(node, [so(1, 0, { devices: [], jobs: [] })], hourStartMs) !== null;
  for (let node = 1; node <= 34; node++) keep(node);
  expect(knows(1)).toBe(false);
  expect(knows(2)).toBe(true);
  expect(knows(34)).toBe(true);
});
