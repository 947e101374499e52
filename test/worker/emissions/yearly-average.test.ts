/**
 * A year of West Danish hours through the whole product: one job of a day each month, charged by its own hours and, by
 * an order of trust that allows nothing else, by the yearly average (after Wright et al., arXiv 2309.02065,
 * figure 2; what of it is compared stands in test/shared/grid/yearly-average.test.ts).
 */

import { SELF } from 'cloudflare:test';
import { expect, test } from 'vitest';
import year from '../../fixtures/grid-history/dk-dk1-2022.csv?raw';
import { ADMIN_TOKEN } from '../support/admin-token.ts';
import { ask, clock, newNode } from './support.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const START_MS = Date.UTC(2022, 0);
const grams = year.trimEnd().split('\n').slice(1).map(Number);
const iso = (ms: number) => new Date(ms).toISOString();

interface Answer {
  totals: { operationalGrams: number; energyKwh: number; gridKinds: { measured: number; annual: number } };
}

async function putYear(gridZone: string, values: readonly number[]): Promise<void> {
  const lines = values.map((value, hour) => {
    const startMs = START_MS + hour * HOUR_MS;
    return `${iso(startMs)},${iso(startMs + HOUR_MS)},${value}`;
  });
  const response = await SELF.fetch(`http://wattshed.test/v1/grid/${gridZone}/intensity?basis=lifecycle`, {
    method: 'PUT',
    headers: { Authorization: `Bearer ${ADMIN_TOKEN}`, 'Content-Type': 'text/csv' },
    body: `start,end,gramsPerKwh\n${lines.join('\n')}\n`,
  });
  expect([response.status, await response.json()]).toEqual([200, { written: values.length, revised: 0 }]);
}

/** One GPU at 500 W for a day. */
async function runDay(token: string, dayMs: number): Promise<void> {
  clock.nowMs = dayMs + DAY_MS;
  const reports = Array.from({ length: 288 }, (_, i) => ({
    windowStartMs: dayMs + i * 300_000,
    epoch: 'epoch0001',
    revision: 1,
    final: true,
    devices: [
      {
        id: 'GPU-0',
        type: 'gpu',
        name: 'NVIDIA H100 80GB HBM3',
        meteredMilliseconds: 300_000,
        energyMillijoules: 150_000_000,
        kind: 'counter',
      },
    ],
    jobs: [],
  }));
  const body = { version: 1, sentAtMs: clock.nowMs, agentVersion: '0.1.0', reports };
  expect(await ask('POST', '/v1/ingest', body, token)).toMatchObject({ accepted: 288 });
}

const dayOf = (nodeId: string, dayMs: number) =>
  ask<Answer>('GET', `/v1/nodes/${nodeId}/emissions?from=${iso(dayMs)}&to=${iso(dayMs + DAY_MS)}`);

async function newDanishNode(name: string, gridZone: string) {
  clock.nowMs = START_MS;
  await ask('POST', '/v1/sites', { id: name, gridZone, pueRatio: 1 });
  return newNode(name, name);
}

test('the same job is from under half to over twice what the yearly average says', async () => {
  const { nodeId, token } = await newDanishNode('esbjerg', 'DK-DK1');
  await putYear('DK-DK1', grams);
  const days = Array.from({ length: 12 }, (_, month) => Date.UTC(2022, month, 15));
  const own = [];
  for (const dayMs of days) {
    await runDay(token, dayMs);
    const { totals } = await dayOf(nodeId, dayMs);
    expect(totals).toMatchObject({ energyKwh: 12, gridKinds: { measured: 1, annual: 0 } });
    const hour = (dayMs - START_MS) / HOUR_MS;
    const byHand = grams.slice(hour, hour + 24).reduce((sum, value) => sum + value / 2, 0);
    expect(totals.operationalGrams).toBeCloseTo(byHand, 6);
    own.push(totals.operationalGrams);
  }
  await ask('PUT', '/v1/grid/DK-DK1/trust', {
    providers: ['electricity-maps'],
    fallbacks: ['annual'],
    effectiveFrom: iso(START_MS),
  });
  const ratios = [];
  for (const [i, dayMs] of days.entries()) {
    const { totals } = await dayOf(nodeId, dayMs);
    expect(totals).toMatchObject({ gridKinds: { measured: 0, annual: 1 } });
    expect(totals.operationalGrams).toBeCloseTo(12 * 199, 6);
    ratios.push(own[i]! / totals.operationalGrams);
  }
  expect(Math.min(...ratios)).toBeLessThan(0.6);
  expect(Math.max(...ratios)).toBeGreaterThan(1.6);
});

test('zero intensity stays zero', async () => {
  const { nodeId, token } = await newDanishNode('reykjavik', 'IS');
  await putYear(
    'IS',
    Array.from({ length: 24 }, () => 0),
  );
  await runDay(token, START_MS);
  const { totals } = await dayOf(nodeId, START_MS);
  expect(totals).toMatchObject({
    energyKwh: 12,
    operationalGrams: 0,
    gridKinds: { measured: 1, annual: 0 },
  });
});
