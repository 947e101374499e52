/** What an answer about a fleet reads does not grow with it, the hour that is not over included. */
import { beforeAll, expect, test } from 'vitest';
import { Shards } from '../../../worker/storage/shards.ts';
import { emissions } from '../../../worker/use-cases/emissions.ts';
import type { EmissionsQuery } from '../../../worker/use-cases/emissions-query.ts';
import { runRollups, TURN_NODE_HOURS } from '../../../worker/use-cases/rollup/run.ts';
import { ask, clock, DAY_MS, database, HOUR_MS, storeHours } from '../emissions/support.ts';
import { countingDatabase } from '../ingest/counting-database.ts';

/** Too many to be read as they are now. */
const FEW = 80;
const MANY = 10 * FEW;
const HOURS = 3;
const QUESTIONS = { whole: {}, byHour: { step: 'hour' }, byZone: { groupBy: 'gridZone' } } as const;

beforeAll(async () => {
  await storeHours(
    'PL',
    Array.from({ length: 24 }, () => 600),
  );
  await ask('POST', '/v1/sites', { id: 'waw', gridZone: 'PL', pueRatio: 1 });
});

/** As if they had enrolled when the day began. */
async function enrol(from: number, to: number): Promise<void> {
  const numbers = JSON.stringify(Array.from({ length: to - from }, (_, i) => from + i + 1));
  await database.batch(
    [
      `INSERT INTO nodes (number, id, hostname, labels, fingerprint, machine_fingerprint, enrolled_at_ms, simulated, agent_version)
       SELECT value, 'node-' || value, value, '{}', value, value, ?2, 0, '0.1.0' FROM json_each(?1)`,
      `INSERT INTO settings (subject, key, value, effective_from_ms, recorded_at_ms, recorded_by)
       SELECT 'node:' || value, 'site', 'waw', ?2, ?2, 'test' FROM json_each(?1)`,
    ].map((sql) => database.prepare(sql).bind(numbers, DAY_MS)),
  );
}

/** Rows read of each question about the day, up to now. */
async function rowsRead(): Promise<Record<string, { rows: number; nodes: number }>> {
  for (let turn = 0; turn < 20; turn++) await runRollups(database, clock.nowMs, TURN_NODE_HOURS.paid);
  const read: Record<string, { rows: number; nodes: number }> = {};
  for (const [name, question] of Object.entries(QUESTIONS)) {
    const { database: counting, rows } = countingDatabase(database);
    const query: EmissionsQuery = {
      nodeId: null,
      fromMs: DAY_MS,
      step: 'none',
      basis: 'lifecycle',
      signal: 'average',
      ...question,
    };
    const answer = await emissions(new Shards([counting]), query, clock.nowMs);
    if (!answer.ok) throw new Error(answer.problem.detail);
    expect(answer.value.hoursWaiting).toBe(0);
    read[name] = { rows: rows.read, nodes: answer.value.totals.nodesExpected };
  }
  return read;
}

test('ten times the nodes are told by the same rows', async () => {
  clock.nowMs = DAY_MS + HOURS * HOUR_MS + 20 * 60_000;
  await enrol(0, FEW);
  const few = await rowsRead();
  await enrol(FEW, MANY);
  // From the start, as if they had always been there.
  for (const table of ['state', 'marks', 'groups', 'blocks', 'days', 'node_days'])
    await database.prepare(`DELETE FROM rollup_${table}`).run();
  const many = await rowsRead();
  for (const name of Object.keys(QUESTIONS)) {
    expect([few[name]!.nodes, many[name]!.nodes]).toEqual([FEW, MANY]);
    expect(few[name]!.rows).toBeGreaterThan(0);
    expect(many[name]!.rows).toBe(few[name]!.rows);
  }
});
