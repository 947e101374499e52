/** A fleet in several databases: counted in all of them, and as fast as the fullest can be. */
import { beforeAll, expect, test, vi } from 'vitest';
import { fleetOn, migrateAll, THREE } from '../shards/support.ts';
import { host } from '../support/enrolment.ts';

const DAY_MS = 86_400_000;
const fleet = fleetOn(THREE, Date.now());

beforeAll(async () => {
  await migrateAll();
  await fleet.ask('POST', '/v1/sites', { id: 'berlin', gridZone: 'DE', pueRatio: 1.2 });
});

const reporting = async () =>
  (
    await fleet.ask<{ reporting: { nodes: number; usedRatios: { throughput: number } } }>(
      'GET',
      '/v1/settings',
    )
  ).reporting;

async function addNodes(shard: number, count: number) {
  await THREE[shard]!.prepare(
    `INSERT INTO nodes (number, id, hostname, labels, fingerprint, machine_fingerprint, enrolled_at_ms, simulated, agent_version)
     WITH RECURSIVE counted(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < ?1)
     SELECT ?2 + n, ?3 || n, ?3 || n, '{}', ?3 || n, ?3 || n, ?4, 0, '0.1.0' FROM counted`,
  )
    .bind(count, shard * 2 ** 20 + 1_000, `rack-${shard}-`, fleet.nowMs)
    .run();
}

test('all nodes are counted, and the fullest database sets the pace', async () => {
  const { key } = await fleet.ask<{ key: string }>('POST', '/v1/enrolment-keys', {
    label: 'rack',
    site: 'berlin',
    maxUses: null,
  });
  for (let node = 0; node < 4; node++) await fleet.ask('POST', '/v1/enroll', host(`paced-${node}`), key);
  await addNodes(1, 60);
  await addNodes(2, 40);
  await fleet.runJobs();
  const { nodes, usedRatios } = await reporting();
  expect(nodes).toBe(104);
  const fullest = Math.round(usedRatios.throughput * 60 * 130);
  expect(fullest).toBeGreaterThanOrEqual(61);
  expect(fullest).toBeLessThanOrEqual(63);
});

test('while one database is out of reach the last count holds', async () => {
  const logged = vi.spyOn(console, 'error').mockImplementation(() => {});
  const gone = {
    prepare: () => {
      throw new Error('gone');
    },
    batch: async () => {
      throw new Error('gone');
    },
  };
  const broken = fleetOn([THREE[0]!, gone as unknown as D1Database, THREE[2]!], fleet.nowMs + DAY_MS);
  await broken.runJobs();
  expect(logged.mock.calls.flat().map(String).join('\n')).toContain('scheduled job pace failed:');
  logged.mockRestore();
  expect((await reporting()).nodes).toBe(104);
});
