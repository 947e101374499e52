/** Hours that have moved into the row of their day answer, and can be changed, like those that have a row each. */
import { env } from 'cloudflare:test';
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { retentionSettings } from '../../../shared/settings/retention.ts';
import { Attic, withAttic } from '../../../worker/storage/attic.ts';
import { nodeHourKeyRange } from '../../../worker/storage/node-hour-key.ts';
import { blockDayOf, fileDays } from '../../../worker/use-cases/retention/file-days.ts';
import { cutDays } from '../../../worker/use-cases/retention/pack-days.ts';
import { runRetention } from '../../../worker/use-cases/retention/run.ts';
import { runRollups } from '../../../worker/use-cases/rollup/run.ts';
import {
  ask,
  clock,
  DAY_MS,
  database,
  gpu,
  HOUR_MS,
  newNode,
  storeHours,
  WINDOW_MS,
} from '../emissions/support.ts';
import { numberOf } from '../ingest/support.ts';

const DAY = 24 * HOUR_MS;
const GPUS = ['GPU-00000000-0000-4000-8000-0000000000b1', 'GPU-00000000-0000-4000-8000-0000000000b2'];
const FREE = retentionSettings({ RETENTION_PLAN: 'free' });
const iso = (ms: number) => new Date(ms).toISOString();
const after = (days: number) => DAY_MS + (days + 1) * DAY;

let node: { nodeId: string; token: string };

beforeAll(async () => {
  clock.nowMs = DAY_MS;
  await ask('POST', '/v1/sites', { id: 'packed', gridZone: 'DE', pueRatio: 1.2 });
  await storeHours('DE', [100, 200, 300, 400]);
  node = await newNode('packed-a', 'packed');
});

beforeEach(async () => {
  await database.batch(
    ['node_hours', 'node_days', 'retention_tasks', 'ledger_revisions', 'changes'].map((table) =>
      database.prepare(`DELETE FROM ${table}`),
    ),
  );
});

function reportOf(atMs: number, energyMillijoules: number, revision = 1) {
  const devices = GPUS.map((id, place) =>
    gpu(id, energyMillijoules + place, { integratedMillijoules: energyMillijoules, utilizationRatio: 0.5 }),
  );
  const job = {
    id: 'slurm:c:packed',
    devices: [
      {
        id: GPUS[0],
        energyMillijoules: Math.floor(energyMillijoules / 2),
        allocatedMilliseconds: WINDOW_MS,
      },
    ],
  };
  return { windowStartMs: atMs, epoch: 'epoch0001', revision, final: true, devices, jobs: [job] };
}

const tell = (reports: readonly object[]) =>
  clock.call(
    'POST',
    '/v1/ingest',
    { version: 1, sentAtMs: clock.nowMs, agentVersion: '0.1.0', reports },
    node.token,
  );

async function threeHours(): Promise<void> {
  clock.nowMs = DAY_MS + 4 * HOUR_MS;
  const reports = [0, 1, 2].flatMap((hour) =>
    [0, 5].map((window) =>
      reportOf(DAY_MS + hour * HOUR_MS + window * WINDOW_MS, 100_000_001 + hour * 7 + window),
    ),
  );
  expect(await (await tell(reports)).json()).toMatchObject({ accepted: 6 });
}

async function retain(days: number, db = database): Promise<void> {
  for (let turn = 0; turn < 40; turn++)
    await runRetention({ db, bucket: null, settings: FREE, nowMs: after(days) });
}

const rowsIn = async (table: string) =>
  (await database.prepare(`SELECT COUNT(*) AS n FROM ${table}`).first<{ n: number }>())!.n;

const range = `from=${iso(DAY_MS)}&to=${iso(DAY_MS + DAY)}`;
const QUESTIONS = [
  `/v1/fleet/emissions?filter=site:packed&step=hour&${range}`,
  `/v1/fleet/emissions?filter=site:packed&groupBy=job&${range}`,
  `/v1/fleet/emissions?filter=site:packed&groupBy=node&step=window&from=${iso(DAY_MS)}&to=${iso(DAY_MS + 2 * HOUR_MS)}`,
  `/v1/nodes/NODE/emissions?step=window&from=${iso(DAY_MS + WINDOW_MS)}&to=${iso(DAY_MS + 2 * HOUR_MS)}`,
  '/v1/jobs/slurm:c:packed/emissions',
  `/v1/nodes/NODE/power?${range}`,
  '/v1/nodes/NODE',
];

/** Apart from when it was asked. */
async function answers(): Promise<unknown[]> {
  const all: unknown[] = [];
  for (const path of QUESTIONS) {
    const { asOf: _, ...rest } = await ask<Record<string, unknown>>('GET', path.replace('NODE', node.nodeId));
    all.push(rest);
  }
  return all;
}

interface Window {
  readonly devices: readonly {
    readonly meteredMilliseconds: number;
    readonly epochs: readonly { readonly integratedMillijoules: number | null }[];
  }[];
}

/** Those that hold anything. */
async function windowsOf(): Promise<Window[]> {
  const path = `/v1/nodes/${node.nodeId}/windows?from=${iso(DAY_MS)}&to=${iso(DAY_MS + 4 * HOUR_MS)}`;
  const { windows } = await ask<{ windows: Window[] }>('GET', path);
  return windows.filter(({ devices }) => devices.some(({ meteredMilliseconds }) => meteredMilliseconds > 0));
}

test('answers are the same from rows of hours, from days, and from days that are cut', async () => {
  await threeHours();
  clock.nowMs = after(100);
  const before = await answers();
  const windows = await windowsOf();
  expect(windows.length).toBe(6);
  await retain(2);
  expect([await rowsIn('node_days'), await rowsIn('node_hours')]).toEqual([1, 1]);
  expect(await answers()).toEqual(before);
  expect(await windowsOf()).toEqual(windows);
  await retain(7);
  expect(await answers()).toEqual(before);
  // The newest hour has its own row still.
  expect(
    (await windowsOf()).flatMap(({ devices }) =>
      devices.flatMap(({ epochs }) => epochs.map(({ integratedMillijoules }) => integratedMillijoules)),
    ),
  ).toEqual([...Array(8).fill(null), 100_000_015, 100_000_015, 100_000_020, 100_000_020]);
});

test('a late report changes its hour alone, is logged with what stood before, and moves into the day in the end', async () => {
  await threeHours();
  await retain(2);
  clock.nowMs = after(2);
  const asOf = iso(clock.nowMs);
  const first = `/v1/fleet/emissions?filter=site:packed&step=hour&${range}`;
  const before = await ask<Record<string, unknown>>('GET', first);
  // A new window of an hour that is in its day; its other windows are sealed.
  clock.nowMs += HOUR_MS;
  const late = reportOf(DAY_MS + 7 * WINDOW_MS, 50_000_000);
  expect(await (await tell([late])).json()).toMatchObject({ accepted: 1 });
  const energy = async (query = '') =>
    (await ask<{ totals: { energyKwh: number } }>('GET', first + query)).totals.energyKwh;
  const grown = (before.totals as { energyKwh: number }).energyKwh + (2 * 50_000_000 + 1) / 3.6e9;
  expect(await energy()).toBeCloseTo(grown, 12);
  expect(await energy(`&asOf=${asOf}`)).toBe((before.totals as { energyKwh: number }).energyKwh);
  expect(await rowsIn('node_hours')).toBe(2);
  await retain(4);
  expect([await rowsIn('node_days'), await rowsIn('node_hours')]).toEqual([1, 1]);
  expect(await energy()).toBeCloseTo(grown, 12);
  expect(await energy(`&asOf=${asOf}`)).toBe((before.totals as { energyKwh: number }).energyKwh);
});

test('a revision that comes again is a resend or a conflict while its digest is kept, and a resend after that', async () => {
  await threeHours();
  const revisions = await rowsIn('ledger_revisions');
  await retain(2);
  clock.nowMs = after(2);
  const again = reportOf(DAY_MS, 100_000_001);
  const other = reportOf(DAY_MS, 100_000_002);
  expect(await (await tell([again])).json()).toMatchObject({ unchanged: 1 });
  expect((await tell([other])).status).toBe(409);
  await retain(7);
  expect(await (await tell([again])).json()).toMatchObject({ unchanged: 1 });
  expect(await (await tell([other])).json()).toMatchObject({ unchanged: 1 });
  expect(await rowsIn('ledger_revisions')).toBe(revisions);
});

test('a conflict cannot be released when its digest is gone either', async () => {
  await threeHours();
  await retain(2);
  clock.nowMs = after(2);
  expect((await tell([reportOf(DAY_MS, 100_000_002)])).status).toBe(409);
  const { quarantine } = await ask<{ quarantine: { id: number }[] }>('GET', '/v1/quarantine');
  const release = () => clock.call('POST', `/v1/quarantine/${quarantine[0]!.id}/release`, {});
  expect((await release()).status).toBe(409);
  await retain(7);
  expect((await release()).status).toBe(409);
});

test('an hour that changes while it moves is not lost', async () => {
  await threeHours();
  let told = false;
  const interrupted = {
    prepare: (sql: string) => database.prepare(sql),
    batch: async (statements: D1PreparedStatement[]) => {
      // Right before a step commits.
      if (!told && statements.length > 2) {
        told = true;
        clock.nowMs = after(2);
        expect(await (await tell([reportOf(DAY_MS + 7 * WINDOW_MS, 50_000_000)])).json()).toMatchObject({
          accepted: 1,
        });
      }
      return database.batch(statements);
    },
  } as unknown as D1Database;
  await retain(2, interrupted);
  expect(told).toBe(true);
  expect((await windowsOf()).length).toBe(7);
  await retain(5);
  expect((await windowsOf()).length).toBe(7);
  expect([await rowsIn('node_days'), await rowsIn('node_hours')]).toEqual([1, 1]);
});

test('of two writes of one day the second is refused, and takes no hour away', async () => {
  await threeHours();
  // Both have read before either writes.
  const waiting: (() => void)[] = [];
  const together = {
    prepare: (sql: string) => database.prepare(sql),
    batch: async (statements: D1PreparedStatement[]) => {
      if (statements.length > 2)
        await new Promise<void>((resolve) => {
          waiting.push(resolve);
          if (waiting.length === 2) for (const go of waiting) go();
        });
      return database.batch(statements);
    },
  } as unknown as D1Database;
  for (let turn = 0; waiting.length === 0; turn++) {
    expect(turn).toBeLessThan(40);
    const run = () => runRetention({ db: together, bucket: null, settings: FREE, nowMs: after(2) });
    await Promise.all([run(), run()]);
  }
  expect(waiting).toHaveLength(2);
  expect([await rowsIn('node_days'), await rowsIn('node_hours')]).toEqual([1, 1]);
  expect((await windowsOf()).length).toBe(6);
});

test('a day that left by its age does not come back by a run that read it before', async () => {
  await threeHours();
  await retain(2);
  const number = await numberOf(node.nodeId);
  const day = DAY_MS / DAY;
  const db = withAttic(database, new Attic((env as unknown as { ARCHIVE: R2Bucket }).ARCHIVE));
  const cut = await cutDays(db, [nodeHourKeyRange(number, DAY_MS, DAY_MS + DAY)]);
  const filed = await fileDays(db, blockDayOf(number, day));
  expect([cut.hours, filed.hours]).toEqual([3, 3]);
  await database.batch([
    database.prepare('DELETE FROM node_days'),
    database.prepare("UPDATE retention_tasks SET day = ?1 WHERE task = 'hours'").bind(day + 1),
  ]);
  await database.batch([...cut.statements, ...filed.statements]);
  expect([await rowsIn('node_days'), await rowsIn('day_files')]).toEqual([0, 0]);
});

test('sums made from days are those made from hours', async () => {
  await threeHours();
  const sums = async () => {
    clock.nowMs = after(3);
    await database.batch(
      ['rollup_state', 'rollup_marks', 'rollup_blocks', 'rollup_days'].map((table) =>
        database.prepare(`DELETE FROM ${table}`),
      ),
    );
    for (let turn = 0; turn < 6; turn++) await runRollups(database, clock.nowMs, 20_480);
    const { results } = await database.prepare('SELECT key, hex(sums) AS sums FROM rollup_blocks').all();
    return results;
  };
  const before = await sums();
  expect(before.length).toBeGreaterThan(0);
  await retain(2);
  expect(await rowsIn('node_days')).toBe(1);
  expect(await sums()).toEqual(before);
});
