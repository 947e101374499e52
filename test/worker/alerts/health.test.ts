/** What no window tells: health of the metering and what the forecast says, each for the span that it lasts. */
import { beforeAll, expect, test, vi } from 'vitest';
import { clock, DAY_MS, storeHours } from '../emissions/support.ts';
import { call } from '../support/api.ts';
import {
  ask,
  clockOf,
  forgetEvaluation,
  gpu,
  HOUR_MS,
  type ListedAlert,
  listed,
  newNode,
  run,
  told,
  WINDOW_MS,
} from './support.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const WINDOWS = 26;
const KILOWATT = 1_000 * WINDOW_MS;
const CHECKS = {
  nodeSilent: 30,
  coverage: 0.9,
  sensorLost: 0,
  counterDisagreement: 0.1,
  gridDataStale: 30,
  spoolGrowing: 120,
  twoAgents: 0,
};
const RULES = [
  ...Object.entries(CHECKS).map(([check, limit]) => ({ kind: 'health', name: check, check, limit })),
  { kind: 'dirtyHoursAhead', name: 'ahead', aboveGramsPerKwh: 300, withinHours: 2, abovePowerWatts: 500 },
];
/** Of DE: dirty from 03:00 to 04:00. */
const FORECAST = [100, 100, 100, 500, 100].map((gramsPerKwh, hour) => ({
  startMs: DAY_MS + hour * HOUR_MS,
  endMs: DAY_MS + (hour + 1) * HOUR_MS,
  gramsPerKwh,
}));

interface Sender {
  readonly token: string;
  readonly gpuId: string;
}

const within = (window: number, from: number, to: number) => window >= from && window < to;

async function send({ token, gpuId }: Sender, window: number, extra: object = {}, health: object = {}) {
  const reports = [
    {
      windowStartMs: DAY_MS + window * WINDOW_MS,
      epoch: 'epoch0001',
      revision: 1,
      final: true,
      devices: [gpu(gpuId, KILOWATT, extra)],
      jobs: [],
    },
  ];
  const state = { spoolBytes: 0, spoolReports: 0, droppedSeries: 0, droppedReports: 0, damagedRecords: 0 };
  const sensors = [{ sensor: 'nvml', state: 'ready', detail: 'one GPU' }];
  const body = {
    version: 1,
    sentAtMs: clock.nowMs,
    agentVersion: '0.1.0',
    reports,
    health: { sensors, ...state, ...health },
  };
  return clock.call('POST', '/v1/ingest', body, token);
}

let alerts: ListedAlert[] = [];

beforeAll(async () => {
  await forgetEvaluation();
  clock.nowMs = DAY_MS;
  await ask('POST', '/v1/sites', { id: 'de', gridZone: 'DE', pueRatio: 1.2 });
  await ask('POST', '/v1/sites', { id: 'fr', gridZone: 'FR', pueRatio: 1.2 });
  await ask('POST', '/v1/sites', { id: 'es', gridZone: 'ES', pueRatio: 1.2 });
  const sender = async (name: string, site: string): Promise<Sender> => ({
    token: (await newNode(name, site)).token,
    gpuId: `GPU-${name}`,
  });
  const [a, b, c] = [await sender('a', 'de'), await sender('b', 'de'), await sender('c', 'fr')];
  const d = await sender('d', 'es');
  await storeHours('DE', [100, 100, 100, 100, 100]);
  await storeHours('FR', [50]);
  // Of another scope than the zone has: not what it waits for.
  await storeHours('FR', [20, 20, 20, 20, 20], 'production');
  // Its production has ended, and of the scope that it has since nobody ever had a value.
  await storeHours('ES', [50], 'production');
  await ask('PUT', '/v1/grid/ES/trust', {
    scope: 'consumption',
    effectiveFrom: new Date(DAY_MS).toISOString(),
  });
  await ask('PUT', '/v1/alert-rules', { alertRules: RULES });
  const lost = { sensors: [{ sensor: 'nvml', state: 'failed', detail: 'gone' }] };
  await run(DAY_MS + 2 * WINDOW_MS);
  for (let window = 0; window < WINDOWS; window++) {
    clock.nowMs = DAY_MS + (window + 1) * WINDOW_MS + 30_000;
    const powerApart = within(window, 10, 15) ? { integratedMillijoules: 0.7 * KILOWATT } : {};
    await send(a, window, powerApart, within(window, 3, 9) ? lost : {});
    if (!within(window, 6, 18)) await send(b, window);
    await send(c, window, {}, within(window, 3, 9) ? { spoolReports: 200 } : {});
    await send(d, window);
    if (window === 12) await send(c, window, { utilizationRatio: 0.5 });
    await run(clock.nowMs, { forecasts: new Map([['DE', FORECAST]]) });
  }
  alerts = await listed();
});

const spans = (ruleName: string) =>
  alerts
    .filter((alert) => alert.ruleName === ruleName)
    .map(({ gridZone, startedAt, firedAt, endedAt }) =>
      [gridZone, ...[startedAt, firedAt, endedAt].map(clockOf)].join(' '),
    )
    .sort();

test.each([
  // Last heard of at 00:30:30; its next report comes at 01:35:30, when 01:25 is judged.
  ['nodeSilent', ['DE 01:00 01:10 01:20']],
  ['coverage', ['DE 00:30 00:40 01:30']],
  ['sensorLost', ['DE 00:20 00:30 00:35']],
  ['counterDisagreement', ['DE 00:50 01:00 01:15']],
  ['gridDataStale', ['ES 01:30 01:40 ', 'FR 01:30 01:40 ']],
  ['spoolGrowing', ['FR 00:20 00:30 00:35']],
  ['twoAgents', ['FR 01:05 01:15 ']],
  ['ahead', ['DE 01:00 01:05 ']],
])('%s lasts as long as what it tells of', (ruleName, expected) => {
  expect(spans(ruleName)).toEqual(expected);
});

test('messages name what is concerned', async () => {
  const texts = new Map(
    (await told()).map(({ id, ruleName, text, fields, status }) => [
      `${ruleName} ${status}`,
      { id, text, fields },
    ]),
  );
  expect(texts.get('nodeSilent firing')!.text).toContain('b: no report since 2024-05-17T00:30:30.000Z');
  expect(texts.get('sensorLost firing')!.text).toContain('a: nvml failed');
  expect(texts.get('spoolGrowing firing')!.text).toContain('c: 200 reports wait');
  expect(texts.get('twoAgents firing')!.text).toContain('1 case: c.');
  expect(texts.get('gridDataStale firing')!.text).toContain('FR: the newest value ends 40 minutes ago');
  expect(texts.get('coverage firing')!.text).toContain('(50 %, at least 90 % wanted)');
  expect(texts.get('counterDisagreement firing')!.text).toContain('(by 30 %)');
  expect(texts.get('ahead firing')!.fields).toMatchObject({
    dirtyFromMs: DAY_MS + 3 * HOUR_MS,
    dirtyGramsPerKwh: 500,
    powerWatts: 1_000,
  });
});

test('the same fleet is scraped as alerts that fire by rule', async () => {
  const lines = new TextDecoder().decode(await (await call('GET', '/metrics')).arrayBuffer()).split('\n');
  expect(lines).toContain('# TYPE wattshed_alerts_firing gauge');
  expect(lines).toContain('wattshed_alerts_firing{rule="twoAgents",severity="warning"} 1');
  expect(lines).toContain('wattshed_alerts_firing{rule="spoolGrowing",severity="warning"} 0');
});
