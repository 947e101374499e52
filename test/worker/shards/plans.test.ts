/** What is asked only where there are several databases, or a bucket beside them, finds its rows by key. */
import { env } from 'cloudflare:test';
import { beforeAll, expect, test } from 'vitest';
import { retentionSettings } from '../../../shared/settings/retention.ts';
import type { EnrollReply } from '../../../shared/wire/ingest.ts';
import { Attic, withAttic } from '../../../worker/storage/attic.ts';
import { addSeries } from '../../../worker/storage/late-series.ts';
import { readNodeDevices } from '../../../worker/storage/node-devices.ts';
import { firstNodeOf, Shards } from '../../../worker/storage/shards.ts';
import { runRetention } from '../../../worker/use-cases/retention/run.ts';
import { runRollups, TURN_NODE_HOURS } from '../../../worker/use-cases/rollup/run.ts';
import { seriesWire } from '../ingest/support.ts';
import { type Recorded, recordingDatabase } from '../storage/recording-database.ts';
import { host } from '../support/enrolment.ts';
import { fleetOn, migrateAll, type TestFleet, THREE } from './support.ts';

const { ARCHIVE } = env as unknown as { ARCHIVE: R2Bucket };
const HOUR_MS = 3_600_000;
const WINDOW_MS = 300_000;
const GPU = 'GPU-00000000-0000-4000-8000-000000000001';
/** They grow with nodes or with time, and nobody wants them whole. */
const GROWING =
  /^SCAN (node_directory|changes|node_hours|node_days|day_files|job_nodes|rollup_(node_)?days|rollup_blocks|parts|p|jobs|tokens|quarantine|job_facts|ledger_revisions)\b/;
/** The same tables under the names that statements give them. */
const RENAMED: readonly [plan: RegExp, of: RegExp][] = [
  [/^SCAN days\b/, /(node_days|rollup_days) AS days/],
  [/^SCAN files\b/, /day_files AS files/],
  [/^SCAN place\b/, /job_nodes AS place/],
  [/^SCAN blocks\b/, /rollup_blocks AS blocks/],
];

interface Recording {
  readonly database: D1Database;
  readonly recorded: readonly Recorded[];
}

async function scansOf(recordings: readonly Recording[]): Promise<string[]> {
  const scans: string[] = [];
  for (const [shard, { recorded }] of recordings.entries()) {
    for (const { sql, values } of new Map(recorded.map((each) => [each.sql, each])).values()) {
      const { results } = await THREE[shard]!.prepare(`EXPLAIN QUERY PLAN ${sql}`)
        .bind(...values)
        .all<{ detail: string }>();
      for (const { detail } of results)
        if (GROWING.test(detail) || RENAMED.some(([plan, of]) => plan.test(detail) && of.test(sql)))
          scans.push(`${detail}: ${sql}`);
    }
  }
  return scans;
}

beforeAll(migrateAll);

test('no statement reads a table that grows from end to end', async () => {
  const recordings = THREE.map(recordingDatabase);
  const fleet = fleetOn(
    recordings.map(({ database }) => database),
    Date.now(),
  );
  await fleet.ask('POST', '/v1/sites', { id: 'berlin', gridZone: 'DE', pueRatio: 1.2 });
  const wanted = { label: 'rack', site: 'berlin', maxUses: null };
  const { key } = await fleet.ask<{ key: string }>('POST', '/v1/enrolment-keys', wanted);
  // A new node in each, the same ones again, and a part that goes from one to the next.
  for (let round = 0; round < 2; round++) {
    for (let node = 0; node < 3; node++) {
      const { token } = await fleet.ask<EnrollReply>('POST', '/v1/enroll', host(`node-${node}`), key);
      const parts = [{ id: GPU, type: 'gpu', name: 'NVIDIA H100 80GB HBM3' }];
      const inventory = { hostname: `node-${node}`, kernel: '6.8', productName: '', parts };
      const body = { version: 1, sentAtMs: fleet.nowMs, agentVersion: '0.1.0', reports: [], inventory };
      await fleet.ask('POST', '/v1/ingest', body, token);
      fleet.nowMs += 2 * 3_600_000;
    }
  }
  await fleet.runJobs();
  await fleet.ask('PATCH', '/v1/sites/berlin', { embodiedLifetimeYears: 5 });
  for (const path of [
    '/v1/nodes/node-2',
    '/v1/nodes/node-1/embodied',
    '/v1/changes',
    '/v1/quarantine',
    '/v1/jobs',
  ])
    await fleet.ask('GET', path);

  expect(recordings.every(({ recorded }) => recorded.length > 10)).toBe(true);
  expect(await scansOf(recordings)).toEqual([]);
});

/** One window in each of three hours, all in one job. */
async function tell(fleet: TestFleet, token: string, fromMs: number, revision: number): Promise<void> {
  const reports = await Promise.all(
    [0, 1, 2].map(async (hour) => ({
      windowStartMs: fromMs + hour * HOUR_MS,
      epoch: 'epoch0001',
      revision,
      final: true,
      devices: [
        {
          id: GPU,
          type: 'gpu',
          name: 'NVIDIA L4',
          kind: 'counter',
          meteredMilliseconds: WINDOW_MS,
          energyMillijoules: 90_000_000 + revision,
          series: { stepMilliseconds: 1_000, watts: await seriesWire([300, null, 301]) },
        },
      ],
      jobs: [
        {
          id: 'slurm:c:planned',
          project: 'llm',
          devices: [{ id: GPU, energyMillijoules: 90_000_000, allocatedMilliseconds: WINDOW_MS }],
        },
      ],
    })),
  );
  const body = { version: 1, sentAtMs: fleet.nowMs, agentVersion: '0.1.0', reports };
  const answer = await fleet.ask<{ accepted: number }>('POST', '/v1/ingest', body, token);
  expect(answer.accepted).toBe(reports.length);
}

test('nor do sums by label, days and sums that move to the bucket, and series that come late', async () => {
  const recordings = THREE.map(recordingDatabase);
  const databases = recordings.map(({ database }) => database);
  const startMs = Date.UTC(2026, 4, 4);
  const fleet = fleetOn(databases, startMs);
  // A run may read so many objects.
  const fleetOfTurn = () =>
    new Shards(databases.map((db) => withAttic(db, new Attic(ARCHIVE))) as [D1Database, ...D1Database[]]);
  await fleet.ask('POST', '/v1/sites', { id: 'oslo', gridZone: 'NO-NO1', pueRatio: 1.2 });
  const wanted = { label: 'rack', site: 'oslo', maxUses: null };
  const { key } = await fleet.ask<{ key: string }>('POST', '/v1/enrolment-keys', wanted);
  const tokens: string[] = [];
  for (let node = 0; node < 3; node++)
    tokens.push((await fleet.ask<EnrollReply>('POST', '/v1/enroll', host(`planned-${node}`), key)).token);
  // Databases of more than a block of nodes keep sums by label.
  for (const [shard, database] of THREE.entries())
    await database
      .prepare(
        `INSERT INTO nodes (number, id, hostname, labels, fingerprint, machine_fingerprint, enrolled_at_ms, simulated, agent_version)
         VALUES (?1 + 0, 'hundredth', '', '{}', '', '', 0, 0, '0.1.0')`,
      )
      .bind(firstNodeOf(shard) + 100)
      .run();
  fleet.nowMs = startMs + 4 * HOUR_MS;
  for (const token of tokens) await tell(fleet, token, startMs, 1);

  const spans = { seriesDays: 2, windowsDays: 3, archivedSeriesDays: 5, hoursDays: 8 };
  const settings = { ...retentionSettings({}), ...spans };
  const range = `from=${new Date(startMs).toISOString()}&to=${new Date(startMs + 24 * HOUR_MS).toISOString()}`;
  for (const day of [1, 2, 4, 6, 9, 45]) {
    fleet.nowMs = startMs + day * 24 * HOUR_MS + HOUR_MS;
    if (day === 1)
      for (const [shard, database] of databases.entries()) {
        const [node] = await readNumbers(THREE[shard]!);
        const [device] = await readNodeDevices(database, [node!]);
        const deflated = Uint8Array.fromBase64(await seriesWire([300, 301]));
        const series = { deviceIndex: device!.deviceIndex, stepMilliseconds: 1_000, deflated };
        // Of a window that has none.
        await addSeries(database, node!, startMs + WINDOW_MS, [series], 1_000_000);
      }
    // Of a job on other days; of hours that are in the bucket by then.
    if (day === 2) await fleet.ask('PATCH', '/v1/jobs/slurm:c:planned', { phase: 'eval' });
    if (day === 6) for (const token of tokens) await tell(fleet, token, startMs + 4 * HOUR_MS, 2);
    for (let turn = 0; turn < 2; turn++)
      for (const [shard, db] of databases.entries()) {
        const shards = fleetOfTurn();
        await runRollups(shards.at(shard), fleet.nowMs, TURN_NODE_HOURS.paid, { shards });
        await runRetention({ db, bucket: ARCHIVE, settings, nowMs: fleet.nowMs });
      }
    if (day === 2 || day === 6)
      for (const path of [
        `/v1/fleet/emissions?${range}&groupBy=project&step=day`,
        `/v1/fleet/emissions?${range}&filter=project:llm&groupBy=node`,
        `/v1/nodes/planned-0/power?${range}`,
        '/v1/jobs/slurm:c:planned/emissions',
      ])
        await fleet.ask('GET', path);
  }

  // What this is about was there.
  const said = recordings.flatMap(({ recorded }) => recorded.map(({ sql }) => sql));
  for (const statement of STATEMENTS)
    expect(
      said.some((sql) => statement.test(sql)),
      `${statement}`,
    ).toBe(true);
  expect(await scansOf(recordings)).toEqual([]);
});

/** One of each: labels begin, a job is said something of, days and sums move, objects are replaced, late series. */
const STATEMENTS = [
  /INSERT INTO rollup_marks[^;]*WITH RECURSIVE\s+first/,
  /INSERT INTO rollup_marks[^;]*JOIN job_nodes AS place/,
  /INSERT INTO rollup_node_days/,
  /INSERT INTO day_files/,
  /INSERT INTO replaced_sums/,
  /UPDATE day_files/,
  /DELETE FROM day_files/,
  /series1 = unhex/,
];

async function readNumbers(database: D1Database): Promise<number[]> {
  const { results } = await database
    .prepare("SELECT number FROM nodes WHERE id LIKE 'planned-%'")
    .all<{ number: number }>();
  return results.map(({ number }) => number);
}
