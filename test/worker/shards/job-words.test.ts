/** What is said of jobs that ran on nodes of several databases, and what it takes to read it. */
import { beforeAll, expect, test } from 'vitest';
import type { EnrollReply } from '../../../shared/wire/ingest.ts';
import { listFleetJobs, readFleetJobs } from '../../../worker/storage/fleet-jobs.ts';
import { Shards } from '../../../worker/storage/shards.ts';
import { countingDatabase } from '../ingest/counting-database.ts';
import { host } from '../support/enrolment.ts';
import { fleetOn, migrateAll, THREE } from './support.ts';

const START_MS = Date.UTC(2026, 4, 4);
const WINDOW_MS = 300_000;
const WIDE = 'slurm:c:wide';
/** Jobs that one node has for itself. */
const OWN = 40;
const fleet = fleetOn(THREE, START_MS + WINDOW_MS);

beforeAll(async () => {
  await migrateAll();
  await fleet.ask('POST', '/v1/sites', { id: 'berlin', gridZone: 'DE', pueRatio: 1.2 });
  const wanted = { label: 'rack', site: 'berlin', maxUses: null };
  const { key } = await fleet.ask<{ key: string }>('POST', '/v1/enrolment-keys', wanted);
  for (const node of [0, 1, 2]) {
    const { token } = await fleet.ask<EnrollReply>('POST', '/v1/enroll', host(`node-${node}`), key);
    const id = `GPU-00000000-0000-4000-8000-00000000000${node}`;
    const share = { id, energyMillijoules: 1_000, allocatedMilliseconds: 1_000 };
    const own = Array.from({ length: OWN }, (_, i) => ({ id: `slurm:c:${node}-${i}`, devices: [share] }));
    const energyMillijoules = 1_000 * (OWN + 1);
    const meteredMilliseconds = 100_000;
    const gpu = { id, type: 'gpu', name: 'NVIDIA H100 80GB HBM3', kind: 'counter' };
    const report = {
      windowStartMs: START_MS,
      epoch: 'epoch0001',
      revision: 1,
      final: true,
      devices: [{ ...gpu, meteredMilliseconds, energyMillijoules }],
      jobs: [{ id: WIDE, devices: [share] }, ...own],
    };
    const body = { version: 1, sentAtMs: fleet.nowMs, agentVersion: '0.1.0', reports: [report] };
    await fleet.ask('POST', '/v1/ingest', body, token);
  }
});

test('what one database refuses is said in none', async () => {
  const say = (project: string) => fleet.call('PATCH', `/v1/jobs/${WIDE}`, { project });
  expect((await say('llm')).status).toBe(200);
  const fill = `
    INSERT INTO job_facts (job_number, key, value, recorded_at_ms, recorded_by)
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1999)
    SELECT number, 'units.token', i, 0, 'test' FROM jobs, n WHERE id = ?1`;
  await THREE[2]!.prepare(fill).bind(WIDE).run();
  expect((await say('vision')).status).toBe(422);
  for (const database of THREE) {
    const { results } = await database
      .prepare(`SELECT value FROM job_facts WHERE key = 'project'`)
      .all<{ value: string }>();
    expect(results).toEqual([{ value: 'llm' }]);
  }
  const { jobs } = await fleet.ask<{ jobs: object[] }>('GET', '/v1/jobs?project=llm');
  expect(jobs).toMatchObject([{ id: WIDE, project: 'llm' }]);
});

test('asked for by the number of one database, a job is what all of them say of it', async () => {
  const shards = new Shards(THREE as [D1Database, ...D1Database[]]);
  const find = THREE[1]!.prepare('SELECT number FROM jobs WHERE id = ?1').bind(WIDE);
  const { number } = (await find.first<{ number: number }>())!;
  const [job] = await readFleetJobs(shards, [number, number], Number.MAX_SAFE_INTEGER);
  // Counts of what it made were filled into the third only.
  expect(job).toMatchObject({ id: WIDE, project: 'llm', units: { token: 1_999 } });
  expect(job!.numbers).toHaveLength(3);
  const [before] = await readFleetJobs(shards, [number], fleet.nowMs - 1);
  expect(before).toMatchObject({ id: WIDE, project: null });
});

test('a job of which nothing was said is two rows where it ran and one in each other database', async () => {
  const counted = THREE.map(countingDatabase);
  const shards = new Shards(counted.map(({ database }) => database) as [D1Database, ...D1Database[]]);
  const numbers: number[] = [];
  for (const database of THREE) {
    const { results } = await database
      .prepare('SELECT number FROM jobs WHERE id <> ?1')
      .bind(WIDE)
      .all<{ number: number }>();
    numbers.push(...results.map(({ number }) => number));
  }
  const jobs = await readFleetJobs(shards, numbers, Number.MAX_SAFE_INTEGER);
  expect(jobs).toHaveLength(3 * OWN);
  expect(jobs.every(({ project, units }) => project === null && Object.keys(units).length === 0)).toBe(true);
  expect(counted.reduce((sum, { rows }) => sum + rows.read, 0)).toBeLessThanOrEqual(3 * OWN * (2 + 2));
});

test('a page of jobs that is full reads what it shows, and one more of each database', async () => {
  const counted = THREE.map(countingDatabase);
  const shards = new Shards(counted.map(({ database }) => database) as [D1Database, ...D1Database[]]);
  const { jobs, next } = await listFleetJobs(shards, { limit: 5 }, fleet.nowMs);
  expect(jobs).toHaveLength(5);
  expect(next).not.toBeNull();
  // Each database lists six and tells of five, which are then looked for in the others.
  expect(counted.reduce((sum, { rows }) => sum + rows.read, 0)).toBeLessThanOrEqual(3 * (6 + 5 * 4));
});
