/** Two requests retire one node at once: the second has looked at it before the first was done. */
import { env } from 'cloudflare:test';
import { expect, test } from 'vitest';
import { Shards } from '../../../worker/storage/shards.ts';
import { retire } from '../../../worker/use-cases/nodes.ts';
import { api } from '../support/api.ts';
import { enrol, ensureSite, host, newEnrolmentKey } from '../support/enrolment.ts';
import { interrupted } from '../support/interrupted.ts';

const { DB } = env as unknown as { DB: D1Database };

test('the first counts: one date, one change, one setting', async () => {
  await ensureSite('paris', 'FR');
  await enrol(await newEnrolmentKey(), host('once'));
  const firstMs = Date.now() + 1_000;
  const first = () => retire(new Shards([DB]), 'once', { nowMs: firstMs, by: 'first', why: 'sold' });
  const late = await retire(
    // Between the look and the change.
    new Shards([interrupted(DB, first, 1)]),
    'once',
    { nowMs: firstMs + 60_000, by: 'second', why: 'lost' },
  );
  expect(late.ok).toBe(true);
  const { changes } = await api<{ changes: { who: string; to: number; why: string }[] }>(
    'GET',
    '/v1/changes?subject=node:once&what=retiredAt',
  );
  expect(changes).toMatchObject([{ who: 'first', to: firstMs, why: 'sold' }]);
  const { results } = await DB.prepare(
    "SELECT value, recorded_by AS by, retired_at_ms AS at FROM settings JOIN nodes ON subject = 'node:' || number WHERE nodes.id = 'once' AND key = 'retiredAt'",
  ).all();
  expect(results).toEqual([{ value: String(firstMs), by: 'first', at: firstMs }]);
});
