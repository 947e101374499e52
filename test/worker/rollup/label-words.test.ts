/** Which words on a job have its days summed by label again. */
import { beforeAll, expect, test } from 'vitest';
import { ask, clock, DAY_MS, database, gpu, newNode, WINDOW_MS } from '../emissions/support.ts';

let token = '';
let revision = 0;

async function say(words: object): Promise<void> {
  const share = { id: 'GPU-1', energyMillijoules: 1_000, allocatedMilliseconds: 1_000 };
  const report = {
    windowStartMs: DAY_MS,
    epoch: 'epoch0001',
    revision: ++revision,
    final: true,
    devices: [gpu('GPU-1', 90_000_000)],
    jobs: [{ id: 'slurm:c:1', ...words, devices: [share] }],
  };
  clock.nowMs += 1_000;
  const body = { version: 1, sentAtMs: clock.nowMs, agentVersion: '0.1.0', reports: [report] };
  await ask('POST', '/v1/ingest', body, token);
}

async function isMarked(): Promise<boolean> {
  const row = await database.prepare('DELETE FROM rollup_marks WHERE key < 0 RETURNING key').first();
  return row !== null;
}

beforeAll(async () => {
  await ask('POST', '/v1/sites', { id: 'sf', gridZone: 'US-CAL-CISO', pueRatio: 1.2 });
  ({ token } = await newNode('first', 'sf'));
  clock.nowMs = DAY_MS + WINDOW_MS;
  await say({ project: 'llm' });
  // As of a database that keeps them.
  await database
    .prepare(
      'INSERT INTO rollup_state (id, version, done_hour, marked_hour, labels_version) VALUES (1, 1, 0, 0, 1)',
    )
    .run();
});

test('another word of an agent does, the same does not', async () => {
  await say({ project: 'llm' });
  expect(await isMarked()).toBe(false);
  await say({ project: 'vision' });
  expect(await isMarked()).toBe(true);
  await say({ project: 'vision' });
  expect(await isMarked()).toBe(false);
});

test('hosts that disagree do so as long as they are heard', async () => {
  for (const project of ['llm', 'vision', 'llm']) {
    await say({ project });
    expect(await isMarked()).toBe(true);
  }
  await database
    .prepare(
      `INSERT INTO job_facts (job_number, key, value, recorded_at_ms, recorded_by)
       WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200)
       SELECT number, 'agent.project', 'llm', 0, 'test' FROM jobs, n`,
    )
    .run();
  await say({ project: 'vision' });
  expect(await isMarked()).toBe(false);
});

test('a person who names a project does, one who counts tokens does not', async () => {
  await ask('PATCH', '/v1/jobs/slurm:c:1', { units: { token: 5 } });
  expect(await isMarked()).toBe(false);
  await ask('PATCH', '/v1/jobs/slurm:c:1', { project: 'speech' });
  expect(await isMarked()).toBe(true);
});
