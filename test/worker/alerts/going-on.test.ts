/** What goes on while alerts are evaluated, some minutes late, is told while it goes on. */
import { beforeAll, expect, test, vi } from 'vitest';
import { clock, DAY_MS } from '../emissions/support.ts';
import { ask, forgetEvaluation, gpu, MINUTE_MS, newNode, run, told, WINDOW_MS } from './support.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const MINUTES = 40;

beforeAll(async () => {
  await forgetEvaluation();
  clock.nowMs = DAY_MS;
  await ask('POST', '/v1/sites', { id: 'de', gridZone: 'DE', pueRatio: 1 });
  const { token } = await newNode('cloned', 'de');
  await ask('PUT', '/v1/alert-rules', {
    alertRules: ['twoAgents', 'sensorLost'].map((check) => ({ kind: 'health', name: check, check })),
  });
  await run(DAY_MS + 10 * MINUTE_MS);
  for (let minute = 1; minute <= MINUTES; minute++) {
    clock.nowMs = DAY_MS + minute * MINUTE_MS;
    // Two agents of one state say each minute something else under one revision.
    for (const agent of [1, 2]) {
      const windowStartMs = Math.floor(clock.nowMs / WINDOW_MS) * WINDOW_MS;
      const devices = [gpu('GPU-1', 1_000 * minute + agent, { meteredMilliseconds: 60_000 })];
      const reports = [
        { windowStartMs, epoch: 'epoch0001', revision: minute, final: false, devices, jobs: [] },
      ];
      const sensors = [
        { sensor: 'nvml', state: 'failed', detail: 'gone' },
        { sensor: 'rapl', state: 'ready', detail: `read ${minute} times` },
      ];
      const counts = {
        spoolBytes: minute,
        spoolReports: 1,
        droppedSeries: 0,
        droppedReports: 0,
        damagedRecords: 0,
      };
      const body = {
        version: 1,
        sentAtMs: clock.nowMs,
        agentVersion: '0.1.0',
        reports,
        health: { sensors, ...counts },
      };
      await clock.call('POST', '/v1/ingest', body, token);
    }
    if (minute > 10 && minute % 5 === 0) await run(clock.nowMs);
  }
});

test.each(['twoAgents', 'sensorLost'])('%s', async (ruleName) => {
  const firing = (await told()).filter((each) => each.ruleName === ruleName);
  expect(firing.map(({ status }) => status)).toEqual(['firing']);
});
