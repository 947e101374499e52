/** A fleet that reports each hour: a window counts once everybody had the time to tell of it. */
import { beforeAll, expect, test, vi } from 'vitest';
import { clock, DAY_MS, storeHours } from '../emissions/support.ts';
import {
  ask,
  clockOf,
  database,
  forgetEvaluation,
  gpu,
  listed,
  MINUTE_MS,
  newNode,
  run,
  told,
  WINDOW_MS,
} from './support.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const KILOWATT = 1_000 * WINDOW_MS;
let token = '';

beforeAll(async () => {
  clock.nowMs = DAY_MS;
  await ask('POST', '/v1/sites', { id: 'de', gridZone: 'DE', pueRatio: 1 });
  token = (await newNode('hourly', 'de')).token;
  await storeHours('DE', [100, 500, 500, 100, 100, 100]);
  await ask('PUT', '/v1/alert-rules', {
    alertRules: [
      { kind: 'health', name: 'coverage', check: 'coverage', limit: 0.9 },
      { kind: 'dirtyHours', name: 'dirty', aboveGramsPerKwh: 300, abovePowerWatts: 500 },
    ],
  });
});

/** The windows that ended since the last report, at once. */
async function reportHour(): Promise<void> {
  const windows = Math.min(12, (clock.nowMs - DAY_MS) / WINDOW_MS);
  const reports = Array.from({ length: windows }, (_, back) => ({
    windowStartMs: clock.nowMs - (back + 1) * WINDOW_MS,
    epoch: 'epoch0001',
    revision: 1,
    final: true,
    devices: [gpu('GPU-1', KILOWATT)],
    jobs: [],
  }));
  const body = { version: 1, sentAtMs: clock.nowMs, agentVersion: '0.1.0', reports };
  await ask('POST', '/v1/ingest', body, token);
}

/** What was told of five hours, the job run each five minutes. */
async function toldAtEvery(reportEverySeconds: number): Promise<string[]> {
  await forgetEvaluation();
  await database.prepare('DELETE FROM node_hours').run();
  await run(DAY_MS, { reportEverySeconds });
  for (let minutes = 5; minutes <= 5 * 60; minutes += 5) {
    clock.nowMs = DAY_MS + minutes * MINUTE_MS;
    if (minutes % 60 === 20) await reportHour();
    await run(clock.nowMs, { reportEverySeconds });
  }
  return (await told()).map(({ ruleName, status }) => `${ruleName} ${status}`);
}

test('what is dirty is told, and nothing is missed that only comes later', async () => {
  expect(await toldAtEvery(3_600)).toEqual(['dirty firing', 'dirty resolved']);
  const [alert] = await listed();
  expect([alert!.startedAt, alert!.endedAt].map(clockOf)).toEqual(['01:00', '03:00']);
  expect(alert!.corrections).toEqual([]);
});

test('taken for one that reports each minute it would have gaps', async () => {
  expect(await toldAtEvery(60)).toContain('coverage firing');
});
