/** A step stays within what the free plan gives a run, however many grid zones, kinds of rules and hours it looks at. */
import { beforeAll, expect, test, vi } from 'vitest';
import { enqueueNotifications } from '../../../worker/storage/alert-outbox.ts';
import { Shards } from '../../../worker/storage/shards.ts';
import { bestForecasts, NODES_PER_STEP } from '../../../worker/use-cases/alerts/run.ts';
import { evaluateStep } from '../../../worker/use-cases/alerts/step.ts';
import { clock, DAY_MS, storeHours } from '../emissions/support.ts';
import { countingDatabase } from '../ingest/counting-database.ts';
import {
  ask,
  database,
  forgetEvaluation,
  gpu,
  HOUR_MS,
  MINUTE_MS,
  newNode,
  report,
  WINDOW_MS,
} from './support.ts';

vi.setConfig({ testTimeout: 240_000 });

const MOST_QUERIES = 50;
const ZONES = 'DE FR GB ES PT PL NL BE AT CH CZ SK HU RO BG GR IE FI EE LV'.split(' ');
const health = (check: string) => ({ kind: 'health', name: check, check });
const RULES = [
  { kind: 'dirtyHours', name: 'Dirty', aboveGramsPerKwh: 300 },
  { kind: 'dirtyHours', name: 'By percentile' },
  { kind: 'dirtyHoursAhead', name: 'Ahead' },
  { kind: 'budget', name: 'Budget', budgetGrams: 1e6, period: 'month', emissions: 'total' },
  { kind: 'budget', name: 'Another', budgetGrams: 1e6, period: 'month', filter: 'site:de' },
  { kind: 'waste', name: 'Waste', aboveIdlePowerWatts: 100 },
  ...['nodeSilent', 'coverage', 'sensorLost', 'counterDisagreement', 'gridDataStale', 'spoolGrowing'].map(
    health,
  ),
];

beforeAll(async () => {
  await forgetEvaluation();
  clock.nowMs = DAY_MS;
  for (const gridZone of ZONES) {
    const id = gridZone.toLowerCase();
    await ask('POST', '/v1/sites', { id, gridZone, pueRatio: 1.2 });
    await storeHours(
      gridZone,
      Array.from({ length: 40 }, (_, hour) => (hour % 12 < 6 ? 100 : 500)),
    );
    const { token } = await newNode(`in-${id}`, id);
    await report(token, [[gpu(`GPU-${id}`, 1_000 * WINDOW_MS)]]);
  }
  await ask('PUT', '/v1/alert-rules', { alertRules: RULES });
});

async function stepsTo(nowMs: number): Promise<number[]> {
  const perStep: number[] = [];
  for (;;) {
    const { database: db, calls } = countingDatabase(database);
    const { outcome } = await evaluateStep({
      shards: new Shards([db]),
      nowMs,
      reportEverySeconds: 60,
      nodesPerStep: NODES_PER_STEP.paid,
      forecastsOf: (gridZones, atMs) => bestForecasts(db, gridZones, atMs),
      enqueue: (notifications) => enqueueNotifications(db, notifications, nowMs),
    });
    perStep.push(calls.statements);
    if (outcome !== 'more') return perStep;
  }
}

test('at most 50 queries a step with 20 zones, also where the past is folded again', async () => {
  const first = await stepsTo(DAY_MS + HOUR_MS);
  const hours = await stepsTo(DAY_MS + 35 * HOUR_MS + 10 * MINUTE_MS);
  await storeHours(
    'DE',
    Array.from({ length: 40 }, () => 400),
  );
  const again = await stepsTo(DAY_MS + 35 * HOUR_MS + 15 * MINUTE_MS);
  const most = [first, hours, again].map((steps) => Math.max(...steps));
  expect(Math.max(...most), `by phase: ${most}`).toBeLessThanOrEqual(MOST_QUERIES);
  // One step for each hour, and those that find out what is usual.
  expect(hours.length).toBeGreaterThan(34);
  // It was folded again: its windows were read.
  expect(Math.max(...again)).toBeGreaterThan(Math.min(...hours));
});
