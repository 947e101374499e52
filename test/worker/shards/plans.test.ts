/** What is asked only where there are several databases finds its rows by key. */
import { expect, test } from 'vitest';
import type { EnrollReply } from '../../../shared/wire/ingest.ts';
import { recordingDatabase } from '../storage/recording-database.ts';
import { host } from '../support/enrolment.ts';
import { fleetOn, migrateAll, THREE } from './support.ts';

const GPU = 'GPU-00000000-0000-4000-8000-000000000001';
/** They grow with nodes or with time, and nobody wants them whole. */
const GROWING =
  /^SCAN (node_directory|changes|node_hours|parts|p|jobs|tokens|quarantine|job_facts|ledger_revisions)\b/;

test('no statement reads a table that grows from end to end', async () => {
  await migrateAll();
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

  const scans: string[] = [];
  for (const [shard, { recorded }] of recordings.entries()) {
    for (const { sql, values } of new Map(recorded.map((each) => [each.sql, each])).values()) {
      const { results } = await THREE[shard]!.prepare(`EXPLAIN QUERY PLAN ${sql}`)
        .bind(...values)
        .all<{ detail: string }>();
      for (const { detail } of results) if (GROWING.test(detail)) scans.push(`${detail}: ${sql}`);
    }
  }
  expect(recordings.every(({ recorded }) => recorded.length > 10)).toBe(true);
  expect(scans).toEqual([]);
});
