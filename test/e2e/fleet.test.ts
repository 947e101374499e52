/**
 * A real fleet through the whole product: the MLPerf GPT-3 run of 64 nodes of 8 H100 as 64 agents, each with its own
 * meter, state and shipping, against workerd and D1, on injected clocks on both sides.
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ReplayResult } from '../../agent/replay/run-replay.ts';
import { annualIntensity } from '../../shared/grid/zones.ts';
import { toKilowattHours } from '../../shared/units.ts';
import {
  createLockstep,
  type Emissions,
  enrolHost,
  type Host,
  nodeMeter,
  prepareSite,
  recordedIntensity,
  runHost,
  sendAll,
  shuffled,
} from './fleet.ts';
import { type Harness, startHarness } from './harness.ts';
import { integralJoules, readTrace } from './trace.ts';

const PUE = 1.25;
const PUBLISHED_KWH = 415.22;
const START_MS = Date.parse('2024-05-17T15:38:00Z');
/** Past the end of the last window, so that every report is final. */
const END_MS = Date.parse('2024-05-17T16:41:00Z');
const RANGE = 'from=2024-05-17T15:00:00Z&to=2024-05-17T17:00:00Z';

const trace = readTrace();
const hostname = (node: number) => `h100-${String(node).padStart(2, '0')}`;

let harness: Harness;
let key: string;
const hosts = new Map<number, Host>();
const results = new Map<number, ReplayResult>();
const sent: { token: string; body: Uint8Array }[] = [];

beforeAll(async () => {
  harness = await startHarness();
  await harness.setClock(START_MS);
  key = await prepareSite(harness, PUE);
  for (const node of trace.keys()) hosts.set(node, await enrolHost(harness, key, hostname(node)));
  const lockstep = createLockstep(harness, trace.size);
  await Promise.all(
    [...trace].map(async ([node, samples]) => {
      const run = {
        harness,
        host: hosts.get(node)!,
        hostname: hostname(node),
        startMs: START_MS,
        endMs: END_MS,
        sent,
        beforeAdvance: lockstep.beforeAdvance,
      };
      results.set(node, await runHost({ ...run, sensors: nodeMeter(samples, hostname(node)) }));
      await lockstep.leave(END_MS);
    }),
  );
  await harness.setClock(Date.parse('2024-05-17T17:00:00Z'));
});

afterAll(async () => {
  await harness?.stop();
});

const fleet = (parameters = '') => harness.api<Emissions>('GET', `/v1/fleet/emissions?${RANGE}${parameters}`);

test('the fleet draws what was published, each node what its own trace says', async () => {
  const { totals, groups } = await fleet('&groupBy=node');
  expect(Math.abs(totals.energyKwh / PUBLISHED_KWH - 1)).toBeLessThan(0.0005);
  expect(groups).toHaveLength(64);
  for (const [node, samples] of trace) {
    const { energyKwh } = groups.find((group) => group.key === hosts.get(node)!.nodeId)!;
    const reference = integralJoules(samples) / 3_600_000;
    expect(Math.abs(energyKwh / reference - 1), hostname(node)).toBeLessThan(0.00001);
  }
  expect(totals.energyKinds).toMatchObject({ integrated: 1 });
  expect(totals.energyKwhByDevice.other).toBeCloseTo(totals.energyKwh, 9);
  expect(totals.nodesReporting).toBe(64);
});

test('the server holds exactly what the agents booked', async () => {
  let millijoules = 0;
  for (const { reports } of results.values()) {
    for (const device of reports.flatMap(({ devices }) => devices)) millijoules += device.energyMillijoules;
  }
  expect((await fleet()).totals.energyKwh).toBe(toKilowattHours(millijoules));
});

test('operational grams are the sum over windows of energy x PUE x the recorded intensity of the hour', async () => {
  for (const basis of ['lifecycle', 'direct'] as const) {
    const intensity = recordedIntensity();
    let byHand = 0;
    for (const { reports } of results.values()) {
      for (const { windowStartMs, devices } of reports) {
        const hour = Math.floor(windowStartMs / 3_600_000) * 3_600_000;
        for (const { energyMillijoules } of devices)
          byHand += (energyMillijoules / 3_600_000_000) * PUE * intensity.get(hour)![basis];
      }
    }
    const { totals } = await fleet(`&basis=${basis}`);
    expect(Math.abs(totals.operationalGrams / byHand - 1)).toBeLessThan(1e-9);
    expect(totals.facilityEnergyKwh / totals.energyKwh).toBeCloseTo(PUE, 12);
  }
});

test('embodied is the straight line over calendar time, from enrolment on', async () => {
  const { totals } = await fleet();
  const { totalGrams, lifetimeYears, inServiceMs } = await embodiedOfOneNode();
  const elapsedMs = Date.parse('2024-05-17T17:00:00Z') - inServiceMs;
  const byHand = (64 * totalGrams * elapsedMs) / (lifetimeYears * 8_760 * 3_600_000);
  expect(lifetimeYears).toBe(4);
  // Eight H100 at 164 kg each are in it, and the host outweighs them.
  expect(totalGrams).toBeGreaterThan(2 * 8 * 164_000);
  expect(Math.abs(totals.embodiedGrams / byHand - 1)).toBeLessThan(1e-9);
  expect(totals.totalGrams).toBeCloseTo(totals.operationalGrams + totals.embodiedGrams, 6);
});

/** From the parts that the API lists: every one in service since the enrolment. */
async function embodiedOfOneNode(): Promise<{
  totalGrams: number;
  lifetimeYears: number;
  inServiceMs: number;
}> {
  const ledger = await harness.api<{
    lifetimeYears: number;
    parts: { embodiedGrams: number; inServiceFrom: string }[];
  }>('GET', `/v1/nodes/${hosts.get(1)!.nodeId}/embodied`);
  const [start] = new Set(ledger.parts.map(({ inServiceFrom }) => inServiceFrom));
  return {
    totalGrams: ledger.parts.reduce((sum, part) => sum + part.embodiedGrams, 0),
    lifetimeYears: ledger.lifetimeYears,
    inServiceMs: Date.parse(start!),
  };
}

test('the README shows what the fleet answers, and what a yearly average would have said', async () => {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  const shown = JSON.parse(/```json\n(.*?)```/s.exec(readme)![1]!);
  const query = /\/v1\/fleet\/emissions\?from=2024[^"]+/.exec(readme)![0];
  const answer = await harness.api<Emissions>('GET', query);
  const sixDigits = (_: string, value: unknown) =>
    typeof value === 'number' ? Number(value.toPrecision(6)) : value;
  expect(JSON.parse(JSON.stringify(answer, sixDigits))).toMatchObject(shown);

  const yearly = annualIntensity('US-CAL-CISO', 'lifecycle', 'average', START_MS)!.gramsPerKwh;
  const text = readme.replaceAll(/\s+/g, ' ');
  expect(text).toContain(`average of the year, ${yearly}, the operational figure`);
  const kilograms = (grams: number) => (grams / 1_000).toFixed(1);
  expect(text).toContain(
    `${kilograms(answer.totals.facilityEnergyKwh * yearly)} kg instead of ${kilograms(answer.totals.operationalGrams)}`,
  );
});

test('everything sent again twice and shuffled changes nothing', async () => {
  const before = await fleet('&groupBy=node&step=window');
  await sendAll(harness, shuffled([...sent, ...sent], 20240517), (reply) =>
    expect(reply).toMatchObject({ accepted: 0, quarantined: [] }),
  );
  expect(await fleet('&groupBy=node&step=window')).toEqual({ ...before, asOf: expect.anything() });
});

test('a server that hears everything twice and shuffled from the start answers the same', async () => {
  const other = await startHarness();
  try {
    await other.setClock(START_MS);
    const otherKey = await prepareSite(other, PUE);
    const nodes = [7, 21, 42, 64];
    const tokens = new Map<string, string>();
    for (const node of nodes)
      tokens.set(hosts.get(node)!.token, (await enrolHost(other, otherKey, hostname(node))).token);
    await other.setClock(Date.parse('2024-05-17T17:00:00Z'));
    const bodies = sent.filter(({ token }) => tokens.has(token));
    const toOther = bodies.map(({ token, body }) => ({ token: tokens.get(token)!, body }));
    await sendAll(other, shuffled([...toOther, ...toOther], 7));
    const filter = (node: number) => `/v1/nodes/${hosts.get(node)!.nodeId}/emissions?${RANGE}&step=window`;
    for (const node of nodes) {
      const [heardInOrder, heardShuffled] = await Promise.all([
        harness.api<Emissions>('GET', filter(node)),
        other.api<Emissions>('GET', filter(node)),
      ]);
      expect(heardShuffled).toEqual({ ...heardInOrder, asOf: expect.anything() });
    }
  } finally {
    await other.stop();
  }
});
