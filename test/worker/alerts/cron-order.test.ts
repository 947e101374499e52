/** Every kind of rule over data that do not change meanwhile: runs that are late, doubled, missed or side by side tell the same. */
import { beforeAll, expect, test, vi } from 'vitest';
import { clock, DAY_MS, storeHours } from '../emissions/support.ts';
import {
  ask,
  database,
  forgetEvaluation,
  gpu,
  HOUR_MS,
  listed,
  MINUTE_MS,
  newNode,
  report,
  run,
  runToEnd,
  told,
  WINDOW_MS,
} from './support.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

const WINDOWS = 48;
const FIRST_MS = DAY_MS + 10 * MINUTE_MS;
const LAST_MS = DAY_MS + WINDOWS * WINDOW_MS + 10 * MINUTE_MS;
const KILOWATT = 1_000 * WINDOW_MS;
const timing = { forMinutes: 10, holdMinutes: 15, renotifyMinutes: 30 };
const threshold = { aboveGramsPerKwh: 300, abovePowerWatts: 500 };
const RULES = [
  { kind: 'dirtyHours', name: 'dirty', ...threshold, ...timing },
  { kind: 'dirtyHoursAhead', name: 'ahead', ...threshold, withinHours: 1, ...timing },
  { kind: 'budget', name: 'budget', budgetGrams: 1_000, period: 'day', ...timing },
  { kind: 'waste', name: 'waste', aboveIdlePowerWatts: 400, ...timing },
  ...[
    ['nodeSilent', 30],
    ['coverage', 0.9],
    ['sensorLost', 0],
    ['counterDisagreement', 0.1],
    ['gridDataStale', 30],
    ['spoolGrowing', 120],
    ['twoAgents', 0],
  ].map(([check, limit]) => ({ kind: 'health', name: check, check, limit, ...timing })),
];
/** Of DE, which is dirty from 02:00 to 03:00. */
const FORECAST = [100, 100, 500, 100, 100, 100].map((gramsPerKwh, hour) => ({
  startMs: DAY_MS + hour * HOUR_MS,
  endMs: DAY_MS + (hour + 1) * HOUR_MS,
  gramsPerKwh,
}));
const options = { forecasts: new Map([['DE', FORECAST]]) };

let expected: Awaited<ReturnType<typeof outcome>>;

beforeAll(async () => {
  clock.nowMs = DAY_MS;
  for (const [id, gridZone] of [
    ['de', 'DE'],
    ['fr', 'FR'],
  ])
    await ask('POST', '/v1/sites', { id, gridZone, pueRatio: 1.2 });
  const [a, b] = [await newNode('a', 'de'), await newNode('b', 'fr')];
  await storeHours('DE', [100, 100, 500, 100, 100]);
  await storeHours('FR', [100, 100]);
  clock.nowMs = LAST_MS;
  // In the third hour idle, and its power apart from its counter; then silent for half an hour.
  const windows = Array.from({ length: WINDOWS }, (_, i) => {
    if (i >= 36 && i < 42) return null;
    const third = i >= 24 && i < 36;
    return [
      gpu(
        'GPU-a',
        KILOWATT,
        third ? { integratedMillijoules: 0.8 * KILOWATT, idleMillijoules: KILOWATT } : {},
      ),
    ];
  });
  await report(a.token, windows);
  await report(b.token, [[gpu('GPU-b', KILOWATT)]]);
  const said = { sensors: [{ sensor: 'nvml', state: 'failed' }], spoolReports: 200 };
  await database.batch([
    database
      .prepare("UPDATE nodes SET health = ?1, health_at_ms = ?2 WHERE hostname = 'b'")
      .bind(JSON.stringify(said), DAY_MS + HOUR_MS),
    database
      .prepare(
        "UPDATE node_hours SET received_at_ms = ?1 WHERE key / 2097152 = (SELECT number FROM nodes WHERE hostname = 'b')",
      )
      .bind(DAY_MS + HOUR_MS),
    database
      .prepare(`INSERT INTO quarantine (node_number, window_start_ms, epoch, revision, code, detail, report, received_at_ms)
        SELECT number, ?1, 'e', 1, 'revision_conflict', '', '{}', ?1 FROM nodes WHERE hostname = 'b'`)
      .bind(DAY_MS + HOUR_MS),
  ]);
  await ask('PUT', '/v1/alert-rules', { alertRules: RULES });
  await forgetEvaluation();
  expected = await punctual();
});

async function outcome() {
  const episodes = (await listed()).map(({ id, ruleName, startedAt, firedAt, endedAt, corrections }) => ({
    id,
    ruleName,
    startedAt,
    firedAt,
    endedAt,
    corrections,
  }));
  return {
    episodes: episodes.sort((a, b) => (a.id < b.id ? -1 : 1)),
    deliveries: (await told()).map(({ id }) => id).sort(),
  };
}

async function punctual() {
  for (let ms = FIRST_MS; ms <= LAST_MS; ms += WINDOW_MS) await run(ms, options);
  await runToEnd(LAST_MS, options);
  return outcome();
}

/** Seeded, so that a failure comes again. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

test('every kind fires at all', () => {
  const { episodes } = expected;
  expect([...new Set(episodes.map(({ ruleName }) => ruleName))].sort()).toEqual(
    RULES.map(({ name }) => String(name)).sort(),
  );
});

test('in steps of one node, one a run, as on the free plan, the same', async () => {
  const small = { ...options, nodesPerStep: 1 };
  await forgetEvaluation();
  for (let ms = FIRST_MS; ms <= LAST_MS; ms += 2 * MINUTE_MS) await run(ms, small);
  await runToEnd(LAST_MS, small);
  expect(await outcome()).toEqual(expected);
});

test.each([1, 2, 3])('in random order (%i) the same', async (seed) => {
  await forgetEvaluation();
  await run(FIRST_MS, options);
  const next = random(seed);
  for (let ms = FIRST_MS; ms <= LAST_MS; ms += WINDOW_MS) {
    const chance = next();
    const lateMs = ms + Math.floor(next() * 5) * MINUTE_MS;
    if (chance < 0.3) continue;
    if (chance < 0.5) await Promise.all([run(lateMs, options), run(ms, options)]);
    else if (chance < 0.7) for (const again of [lateMs, ms]) await run(again, options);
    else await run(lateMs, options);
  }
  await runToEnd(LAST_MS, options);
  expect(await outcome()).toEqual(expected);
});
