/** What tells the operator of a database that fills up. */
import { beforeAll, expect, test } from 'vitest';
import { fleetOn, migrateAll, THREE } from '../shards/support.ts';

const MEGABYTE = 1_000_000;

beforeAll(migrateAll);

async function gauge(name: string, plan?: 'free'): Promise<Record<string, number>> {
  const fleet = fleetOn(THREE, Date.now(), plan === undefined ? {} : { RETENTION_PLAN: plan });
  const response = await fleet.call('GET', '/metrics');
  // As bytes: the runtime warns of text in a type that it does not know.
  const text = new TextDecoder().decode(await response.arrayBuffer());
  const samples = [...text.matchAll(new RegExp(`^${name}\\{database="(.*)"\\} (.*)$`, 'gm'))];
  return Object.fromEntries(samples.map(([, database, value]) => [database, Number(value)]));
}

test('each database has its size, and one that grows is seen to', async () => {
  const before = await gauge('wattshed_database_size_bytes');
  expect(Object.keys(before)).toEqual(['DB', 'DB_1', 'DB_2']);
  const insert = THREE[1]!.prepare('INSERT INTO sites (id, name, created_at_ms) VALUES (?1, ?2, 0)');
  await insert.bind('large', 'x'.repeat(MEGABYTE)).run();
  const after = await gauge('wattshed_database_size_bytes');
  // Less what was free in its last pages.
  expect(after.DB_1! - before.DB_1!).toBeGreaterThan(0.9 * MEGABYTE);
  expect({ ...after, DB_1: null }).toEqual({ ...before, DB_1: null });
});

test('the limit is that of the plan', async () => {
  expect(await gauge('wattshed_database_limit_bytes')).toEqual({ DB: 10e9, DB_1: 10e9, DB_2: 10e9 });
  expect(await gauge('wattshed_database_limit_bytes', 'free')).toEqual({ DB: 5e8, DB_1: 5e8, DB_2: 5e8 });
});
