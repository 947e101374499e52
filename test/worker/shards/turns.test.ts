/** Which databases a turn of a job serves. */
import { env } from 'cloudflare:test';
import { expect, test } from 'vitest';
import { eachShardInTurn } from '../../../worker/jobs/each-shard.ts';
import { ShardError, Shards } from '../../../worker/storage/shards.ts';

const { DB } = env as unknown as { DB: D1Database };
const TURN_MS = 300_000;
const shards = new Shards([DB, DB, DB, DB, DB]);
const databases = Array.from({ length: shards.count }, (_, shard) => shards.at(shard));

async function served(turn: number, most: number): Promise<number[]> {
  const order: number[] = [];
  await eachShardInTurn(shards, turn * TURN_MS, TURN_MS, most, async (db) => {
    order.push(databases.indexOf(db));
  });
  return order;
}

test('every database has its turn, however few one run has room for', async () => {
  for (const most of [1, 2, 3, 5, 9]) {
    const seen = new Map<number, number>();
    for (let turn = 0; turn < 10; turn++)
      for (const shard of await served(turn, most)) seen.set(shard, (seen.get(shard) ?? 0) + 1);
    expect([...seen.keys()].sort(), `${most}`).toEqual([0, 1, 2, 3, 4]);
    expect(new Set(seen.values()).size, `${most}`).toBe(1);
  }
});

test('another one is first in each turn, also where a run has room for all', async () => {
  for (const most of [1, 2, 3, 5]) {
    const firsts = new Set<number>();
    for (let turn = 0; turn < 5; turn++) firsts.add((await served(turn, most))[0]!);
    expect(firsts.size, `${most}`).toBe(5);
  }
});

test('one that fails is named once all others had theirs', async () => {
  const done: number[] = [];
  const run = eachShardInTurn(shards, 0, TURN_MS, 5, async (db) => {
    const shard = databases.indexOf(db);
    if (shard === 1) throw new Error('gone');
    done.push(shard);
  });
  await expect(run).rejects.toThrow(new ShardError(1, new Error('gone')).message);
  expect(done).toEqual([0, 2, 3, 4]);
});
