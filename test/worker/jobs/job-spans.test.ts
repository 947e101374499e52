/** When a job began and ended on a node, told exactly although its row is written a few times a day. */
import { beforeAll, expect, test } from 'vitest';
import { Shards } from '../../../worker/storage/shards.ts';
import { emissions } from '../../../worker/use-cases/emissions.ts';
import { ask, clock, DAY_MS, database, gpu, HOUR_MS, newNode, WINDOW_MS } from '../emissions/support.ts';
import { countingDatabase } from '../ingest/counting-database.ts';
import { ingestInto, numberOf } from '../ingest/support.ts';

const GPU = 'GPU-00000000-0000-4000-8000-0000000000c1';
const JOB = 'slurm:c:long';
/** In which it ran; then the node goes on without it. */
const HOURS = 41;
/** Of each hour the window that is reported: the fifth. */
const WINDOW = 4;
const BEGUN = (WINDOW * WINDOW_MS) / HOUR_MS;
const ENDED = HOURS - 1 + ((WINDOW + 1) * WINDOW_MS) / HOUR_MS;

let node: { nodeId: string; token: string };
let written = 0;

const reportOf = (hour: number, job: string | null, device = GPU) => ({
  windowStartMs: DAY_MS + hour * HOUR_MS + WINDOW * WINDOW_MS,
  epoch: 'epoch0001',
  revision: 1,
  final: true,
  devices: [gpu(device, 180_000_000)],
  jobs:
    job === null
      ? []
      : [
          {
            id: job,
            devices: [{ id: device, energyMillijoules: 180_000_000, allocatedMilliseconds: WINDOW_MS }],
          },
        ],
});

beforeAll(async () => {
  await ask('POST', '/v1/sites', { id: 'long', gridZone: 'DE', pueRatio: 1 });
  node = await newNode('job-long', 'long');
  const number = await numberOf(node.nodeId);
  const { database: counting, rows } = countingDatabase(database);
  for (let hour = 0; hour < HOURS + 10; hour++) {
    clock.nowMs = DAY_MS + hour * HOUR_MS + (WINDOW + 1) * WINDOW_MS;
    const body = { version: 1, sentAtMs: clock.nowMs, agentVersion: '0.1.0' } as const;
    const reports = [reportOf(hour, hour < HOURS ? JOB : null)] as never;
    const before = rows.written;
    await ingestInto(counting, number, { ...body, reports }, clock.nowMs);
    // Beside the row of the hour.
    if (hour > 0 && hour < HOURS) written += rows.written - before - 1;
  }
});

const at = (hours: number) => new Date(DAY_MS + hours * HOUR_MS).toISOString();

test('a job that goes on writes a row after one hour, three, seven, 15 and 31', () => {
  expect(written).toBe(5);
});

test('it is told by the windows in which it first and last had something, in the list and on its own', async () => {
  const { jobs } = await ask<{ jobs: { id: string }[] }>('GET', '/v1/jobs');
  expect(jobs.find(({ id }) => id === JOB)).toMatchObject({ firstSeen: at(BEGUN), lastSeen: at(ENDED) });
  const own = await ask('GET', `/v1/jobs/${JOB}/emissions`);
  expect(own).toMatchObject({
    to: at(HOURS),
    nodes: [{ id: node.nodeId, firstSeen: at(BEGUN), lastSeen: at(ENDED) }],
  });
});

test('it is not listed for a time after its end', async () => {
  const ids = async (from: number) =>
    (await ask<{ jobs: { id: string }[] }>('GET', `/v1/jobs?from=${at(from)}&to=${at(from + 2)}`)).jobs.map(
      ({ id }) => id,
    );
  expect(await ids(HOURS - 1)).toEqual([JOB]);
  expect(await ids(HOURS)).toEqual([]);
});

test('of a job its own days are read, however long the range', async () => {
  const ofJob = async (fromMs: number, toMs: number) => {
    const { database: counting, rows } = countingDatabase(database);
    const query = { nodeId: null, step: 'none', basis: 'lifecycle', signal: 'average' } as const;
    const asked = { ...query, filter: `job:${JOB}`, fromMs, toMs };
    const answer = await emissions(new Shards([counting]), asked, clock.nowMs);
    if (!answer.ok) throw new Error(answer.problem.detail);
    return { rows: rows.read, totals: answer.value.totals };
  };
  clock.nowMs = DAY_MS + 60 * 24 * HOUR_MS;
  // The days that it was expected to go on into.
  const own = await ofJob(DAY_MS, DAY_MS + 72 * HOUR_MS);
  const long = await ofJob(DAY_MS - 30 * 24 * HOUR_MS, clock.nowMs);
  expect(own.totals.energyKwh).toBeCloseTo((HOURS * 180_000_000) / 3.6e9, 9);
  expect(long).toEqual(own);
  const before = await ofJob(DAY_MS - 30 * 24 * HOUR_MS, DAY_MS);
  expect(before.totals).toMatchObject({ energyKwh: 0, nodesExpected: 0, coverage: null });
});

test('its end is told whichever hour it is, those in which more was noted ahead as well', async () => {
  // Of all but those of 3 and 17 hours the end was noted further ahead in their last hour; of the longest by the most.
  for (const hours of [1, 2, 3, 16, 17, 32]) {
    const { nodeId } = await newNode(`job-of-${hours}`, 'long');
    const number = await numberOf(nodeId);
    const job = `slurm:c:of-${hours}`;
    for (let hour = 0; hour < hours; hour++) {
      clock.nowMs = DAY_MS + hour * HOUR_MS + (WINDOW + 1) * WINDOW_MS;
      const reports = [reportOf(hour, job, `GPU-00000000-0000-4000-8000-${String(hours).padStart(12, '0')}`)];
      const body = { version: 1, sentAtMs: clock.nowMs, agentVersion: '0.1.0', reports } as never;
      await ingestInto(database, number, body, clock.nowMs);
    }
    clock.nowMs = DAY_MS + 100 * HOUR_MS;
    expect(await ask('GET', `/v1/jobs/${job}/emissions`)).toMatchObject({
      to: at(hours),
      nodes: [{ firstSeen: at(BEGUN), lastSeen: at(hours - 1 + ((WINDOW + 1) * WINDOW_MS) / HOUR_MS) }],
    });
  }
});
