/** Counters, wraps, a node meter and a lost disk, on a host whose truth is known. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Emissions, enrolHost, nodeMeter, prepareSite, runHost } from './fleet.ts';
import { type Harness, startHarness } from './harness.ts';
import { bookedDevices } from './ledger.ts';
import { PARTS, richSensors } from './rich-host.ts';
import { integralJoules, readTrace } from './trace.ts';

const START_MS = Date.parse('2024-05-17T15:38:00Z');
const END_MS = Date.parse('2024-05-17T16:41:00Z');
const samples = readTrace().get(1)!;

let harness: Harness;
let key: string;
beforeAll(async () => {
  harness = await startHarness();
  await harness.setClock(START_MS);
  key = await prepareSite(harness, 1);
  await harness.setClock(END_MS);
});
afterAll(async () => {
  await harness?.stop();
});

test('eight GPU counters, RAPL through its wraps and a BMC: counters to the millijoule, the rest is other, nothing twice', async () => {
  const host = await enrolHost(harness, key, 'rich');
  const seen = new Map<string, { first: number; last: number }>();
  await runHost({
    harness,
    host,
    hostname: 'rich',
    startMs: START_MS,
    endMs: END_MS,
    sensors: richSensors(samples, seen),
  });
  const booked = await bookedDevices(harness, host.nodeId);
  let parts = 0;
  for (const part of PARTS) {
    const { first, last } = seen.get(part.deviceId)!;
    const { energyMillijoules } = booked.get(part.deviceId)!;
    expect(energyMillijoules, part.deviceId).toBe(Math.floor((last - first) / part.unitsPerMillijoule));
    if (part.wrapsAt !== null && part.deviceType === 'cpu')
      expect((last - first) / part.wrapsAt).toBeGreaterThan(10);
    parts += energyMillijoules;
  }
  const node = integralJoules(samples) * 1000;
  const other = booked.get('other')!.energyMillijoules;
  // The BMC speaks every two seconds and the counters every second: the ends differ by at most two seconds of the node.
  expect(Math.abs(parts + other - node)).toBeLessThan(2 * 7_378_000);
  expect(other / node).toBeCloseTo(1 - PARTS.reduce((sum, { share }) => sum + share, 0), 3);
  const { totals } = await harness.api<Emissions>(
    'GET',
    `/v1/nodes/${host.nodeId}/emissions?from=2024-05-17T15:00:00Z&to=2024-05-17T17:00:00Z`,
  );
  expect(totals.energyKwh).toBe((parts + other) / 3_600_000_000);
  const { gpu, cpu, memory, other: rest } = totals.energyKwhByDevice;
  expect(gpu! + cpu! + memory! + rest!).toBeCloseTo(totals.energyKwh, 12);
});

test('the state disk is lost in the middle of a window: what was acknowledged stays, nothing is doubled', async () => {
  const host = await enrolHost(harness, key, 'lost-disk');
  const lostMs = Date.parse('2024-05-17T15:47:30Z');
  const backMs = lostMs + 17_000;
  const run = { harness, host, hostname: 'lost-disk', sensors: nodeMeter(samples, 'lost-disk') };
  await runHost({ ...run, startMs: START_MS, endMs: lostMs });
  const acknowledged = (await bookedDevices(harness, host.nodeId)).get('other')!;
  const rest = samples.filter(({ atMs }) => atMs >= backMs);
  await runHost({ ...run, sensors: nodeMeter(rest, 'lost-disk'), startMs: backMs, endMs: END_MS });
  const after = (await bookedDevices(harness, host.nodeId)).get('other')!;
  const expected = acknowledged.energyMillijoules + integralJoules(rest) * 1000;
  expect(Math.abs(after.energyMillijoules - expected)).toBeLessThan(20);
  expect(after.meteredMilliseconds).toBe(
    acknowledged.meteredMilliseconds + rest.at(-1)!.atMs - rest[0]!.atMs,
  );
});
