/** The ledger of parts through the public door. */
import { beforeEach, expect, test } from 'vitest';
import type { EnrollReply } from '../../../shared/wire/ingest.ts';
import { ask, clock, DAY_MS, HOUR_MS, newNode } from '../emissions/support.ts';
import { gpuId, gpuPart, inventory, iso, ledgerOf, partOf, say } from './support.ts';

const YEAR_MS = 8_760 * HOUR_MS;
const H100_GRAMS = 164_000;

let runs = 0;
let node: EnrollReply;
beforeEach(async () => {
  runs++;
  clock.nowMs = DAY_MS;
  await ask('POST', '/v1/sites', { id: `s-${runs}`, gridZone: 'DE', pueRatio: 1 });
  node = await newNode(`n-${runs}`, `s-${runs}`);
});
/** Ids of this run: parts move between nodes by them. */
const n = (k: number) => runs * 100 + k;

async function fleetGrams(fromMs: number, toMs: number, filter: string): Promise<number> {
  const range = `from=${iso(fromMs)}&to=${iso(toMs)}&filter=${filter}`;
  const { totals } = await ask<{ totals: { embodiedGrams: number } }>('GET', `/v1/fleet/emissions?${range}`);
  return totals.embodiedGrams;
}

test('each part tells what it emitted, what of it accrued, what is left, and where that is from', async () => {
  await inventory(node, [
    gpuPart(n(1)),
    { id: 'memory', type: 'memory', name: 'DDR5', capacityBytes: 2 ** 36 },
  ]);
  clock.nowMs = DAY_MS + YEAR_MS;
  const ledger = await ledgerOf(node.nodeId);
  expect(ledger).toMatchObject({ embodiedMethod: 'straightLine', sumsToTotal: true, lifetimeYears: 4 });
  const gpu = ledger.parts.find(({ id }) => id === gpuId(n(1)))!;
  expect(gpu).toMatchObject({
    embodiedGrams: H100_GRAMS,
    accruedGrams: H100_GRAMS / 4,
    remainingGrams: (H100_GRAMS * 3) / 4,
    writtenOffGrams: 0,
    matched: true,
    assumed: false,
    inServiceAssumed: true,
    fullyAmortized: false,
    adpeKgSbeq: 0.00516,
    primaryEnergyMegajoules: 1_820,
    waterCubicMetresEq: 63.9,
  });
  expect(gpu.figures[0]).toMatchObject({ entry: 'h100-sxm5-80gb', kind: 'manufacturer' });
  const sum = ledger.parts.reduce((grams, part) => grams + part.accruedGrams, 0);
  expect(ledger.totals.accruedGrams).toBeCloseTo(sum, 6);
  // Nobody published the water of memory, so nobody knows that of the node.
  expect(ledger.totals).toMatchObject({ waterCubicMetresEq: null });
  expect(ledger.totals.adpeKgSbeq).toBeGreaterThan(0.00516);
  clock.nowMs = DAY_MS + 9 * YEAR_MS;
  expect(await partOf(node.nodeId, gpuId(n(1)))).toMatchObject({ fullyAmortized: true, remainingGrams: 0 });
});

test('the fleet’s sum is that of the ledger', async () => {
  await inventory(node, [gpuPart(n(1))]);
  clock.nowMs = DAY_MS + 48 * HOUR_MS;
  await say(node.nodeId, 'power-supplies', { count: 3, why: 'counted' });
  const [fromMs, toMs] = [DAY_MS + 5 * HOUR_MS, DAY_MS + 30 * HOUR_MS];
  const ledger = await ledgerOf(node.nodeId, `?from=${iso(fromMs)}&to=${iso(toMs)}`);
  const grams = await fleetGrams(fromMs, toMs, `site:s-${runs}`);
  expect(Math.abs(ledger.totals.accruedGrams! - grams)).toBeLessThan(1e-6);
});

test('a part that vanishes for an hour is noted and goes on; a newcomer after a week is a proposal', async () => {
  await inventory(node, [gpuPart(n(1))]);
  clock.nowMs = DAY_MS + HOUR_MS;
  await inventory(node, []);
  expect(await partOf(node.nodeId, gpuId(n(1)))).toMatchObject({
    missingSince: iso(clock.nowMs),
    outOfServiceFrom: null,
  });
  clock.nowMs += HOUR_MS;
  await inventory(node, [gpuPart(n(1))]);
  expect((await partOf(node.nodeId, gpuId(n(1)))).missingSince).toBeNull();

  clock.nowMs += HOUR_MS;
  await inventory(node, [gpuPart(n(2))]);
  const cameMs = clock.nowMs;
  clock.nowMs += 7 * 24 * HOUR_MS;
  const old = await partOf(node.nodeId, gpuId(n(1)));
  expect(old).toMatchObject({
    suspectedReplacement: gpuId(n(2)),
    outOfServiceFrom: null,
    writtenOffGrams: 0,
  });

  await say(node.nodeId, gpuId(n(1)), { replacedBy: gpuId(n(2)), why: 'RMA 17' });
  const replaced = await partOf(node.nodeId, gpuId(n(1)));
  expect(replaced).toMatchObject({
    replacedBy: gpuId(n(2)),
    outOfServiceFrom: iso(cameMs),
    suspectedReplacement: null,
    remainingGrams: 0,
  });
  expect(replaced.accruedSoFarGrams + replaced.writtenOffGrams!).toBeCloseTo(H100_GRAMS, 6);
  const { changes } = await ask<{ changes: { what: string; why: string | null }[] }>(
    'GET',
    `/v1/changes?subject=node:${node.nodeId}&limit=1`,
  );
  expect(changes[0]).toMatchObject({
    what: 'parts',
    why: 'RMA 17',
    from: [{ id: gpuId(n(1)), outOfService: null }],
    to: [{ id: gpuId(n(1)), outOfService: iso(cameMs), replacedBy: gpuId(n(2)) }],
    effectiveFrom: iso(cameMs),
  });
});

test('a GPU that another node reports ends here and goes on there: never twice, never less', async () => {
  await inventory(node, [gpuPart(n(1))]);
  const other = await newNode(`o-${runs}`, `s-${runs}`);
  clock.nowMs = DAY_MS + 12 * HOUR_MS;
  await inventory(other, [gpuPart(n(1))]);
  const movedMs = clock.nowMs;
  // Two agents that see one GPU do not throw it to and fro.
  await inventory(node, [gpuPart(n(1))]);
  clock.nowMs = DAY_MS + 24 * HOUR_MS;
  const here = await partOf(node.nodeId, gpuId(n(1)));
  const there = await partOf(other.nodeId, gpuId(n(1)));
  expect(here).toMatchObject({ outOfServiceFrom: iso(movedMs), movedTo: other.nodeId, writtenOffGrams: 0 });
  expect(there).toMatchObject({ inServiceFrom: iso(movedMs), agesFrom: iso(DAY_MS), movedTo: null });
  const day = (H100_GRAMS * 24 * HOUR_MS) / (4 * YEAR_MS);
  expect(here.accruedSoFarGrams + there.accruedSoFarGrams).toBeCloseTo(day, 6);
  expect(there.broughtGrams).toBeCloseTo(here.accruedSoFarGrams, 6);
  expect(here.carriedAwayGrams).toBeCloseTo(there.accruedSoFarGrams + there.remainingGrams!, 6);
  const { changes } = await ask<{ changes: { why: string | null }[] }>(
    'GET',
    `/v1/changes?subject=node:${node.nodeId}&limit=1`,
  );
  expect(changes[0]).toMatchObject({ what: 'parts', why: 'reported by another node' });
  // Before it was seen there, it was here.
  const before = await partOf(node.nodeId, gpuId(n(1)), `?asOf=${iso(movedMs - 1)}`);
  expect(before).toMatchObject({ outOfServiceFrom: null, movedTo: null });
});

test('ids that are no UUIDs are other parts in other nodes', async () => {
  const card = { id: '0000:3b:00.0', type: 'gpu' as const, name: 'AMD Instinct MI300X' };
  await inventory(node, [card]);
  const other = await newNode(`o-${runs}`, `s-${runs}`);
  await inventory(other, [card]);
  expect((await partOf(node.nodeId, card.id)).outOfServiceFrom).toBeNull();
});

test('eight GPUs have six power supplies; of a virtual machine the operator says what is its own', async () => {
  await inventory(
    node,
    Array.from({ length: 8 }, (_, k) => gpuPart(n(k))),
  );
  const grams = async () => (await partOf(node.nodeId, 'power-supplies')).embodiedGrams;
  expect(await grams()).toBeCloseTo(6 * 2.99 * 24_300, 6);
  await say(node.nodeId, 'power-supplies', { count: 4 });
  expect(await grams()).toBeCloseTo(4 * 2.99 * 24_300, 6);
  await say(node.nodeId, 'chassis', { count: 0, why: 'a virtual machine' });
  expect(await partOf(node.nodeId, 'chassis')).toMatchObject({
    embodiedGrams: 0,
    embodiedGramsHigh: 0,
    assumed: false,
  });
  await say(node.nodeId, 'chassis', { count: null });
  expect(await partOf(node.nodeId, 'chassis')).toMatchObject({ embodiedGrams: 150_000, assumed: true });
  expect(await ledgerOf(node.nodeId)).toMatchObject({ virtualMachine: false });
});

test('a date that the operator gives is no longer assumed, and what accrued before the node came is in no sum', async () => {
  await inventory(node, [gpuPart(n(1))]);
  await say(node.nodeId, gpuId(n(1)), { inServiceFrom: iso(DAY_MS - 2 * YEAR_MS) });
  clock.nowMs = DAY_MS + YEAR_MS;
  expect(await partOf(node.nodeId, gpuId(n(1)))).toMatchObject({
    inServiceAssumed: false,
    broughtGrams: H100_GRAMS / 2,
    accruedSoFarGrams: H100_GRAMS / 4,
    remainingGrams: H100_GRAMS / 4,
  });
});

test.each([
  [{ inServiceFrom: '2090-01-01T00:00:00Z' }, '/inServiceFrom'],
  [{ outOfService: '2090-01-01T00:00:00Z' }, '/outOfService'],
  [{ outOfService: '2001-01-01T00:00:00Z' }, '/outOfService'],
  [{ replacedBy: 'chassis' }, '/replacedBy'],
  [{ replacedBy: 'nothing' }, '/replacedBy'],
  [{ count: 2 }, '/count'],
])('%j is refused', async (word, field) => {
  await inventory(node, [gpuPart(n(1))]);
  const path = `/v1/nodes/${node.nodeId}/parts/${gpuId(n(1))}`;
  const response = await clock.call('PATCH', path, word);
  expect([response.status, ((await response.json()) as { field: string }).field]).toEqual([422, field]);
});

test('an unknown part and node are told', async () => {
  for (const path of [`/v1/nodes/${node.nodeId}/parts/none`, '/v1/nodes/none/parts/chassis'])
    expect((await clock.call('PATCH', path, { count: 1 })).status).toBe(404);
});

test('immediate has all of a part when it came; a part from elsewhere was bought there', async () => {
  await inventory(node, [gpuPart(n(1))]);
  clock.nowMs = DAY_MS + 10 * HOUR_MS;
  const query = (fromMs: number, toMs: number) =>
    `?embodiedMethod=immediate&from=${iso(fromMs)}&to=${iso(toMs)}`;
  const grams = async (fromMs: number, toMs: number) =>
    (await partOf(node.nodeId, gpuId(n(1)), query(fromMs, toMs))).accruedGrams;
  expect(await grams(DAY_MS - HOUR_MS, DAY_MS)).toBe(0);
  expect(await grams(DAY_MS, DAY_MS + HOUR_MS)).toBe(H100_GRAMS);
  expect(await grams(DAY_MS + HOUR_MS, DAY_MS + 2 * HOUR_MS)).toBe(0);
});

test('active hours are those of jobs, over lifetime and expected utilization; the host goes with its GPUs', async () => {
  await inventory(node, [gpuPart(n(1)), gpuPart(n(2))]);
  clock.nowMs = DAY_MS + HOUR_MS;
  const device = (k: number) => ({
    id: gpuId(n(k)),
    type: 'gpu',
    name: 'NVIDIA H100 80GB HBM3',
    meteredMilliseconds: 300_000,
    energyMillijoules: 1_000,
    kind: 'counter',
  });
  const job = {
    id: 'slurm:c:1',
    devices: [{ id: gpuId(n(1)), energyMillijoules: 1_000, allocatedMilliseconds: 300_000 }],
  };
  const reports = Array.from({ length: 12 }, (_, i) => ({
    windowStartMs: DAY_MS + i * 300_000,
    epoch: 'epoch0001',
    revision: 1,
    final: true,
    devices: [device(1), device(2)],
    jobs: [job],
  }));
  const body = { version: 1, sentAtMs: clock.nowMs, agentVersion: '0.1.0', reports };
  await ask('POST', '/v1/ingest', body, node.token);
  const query = '?embodiedMethod=activeHours&expectedUtilizationRatio=0.5';
  const ledger = await ledgerOf(node.nodeId, query);
  expect(ledger).toMatchObject({ embodiedMethod: 'activeHours', sumsToTotal: false });
  const hours = (id: string) => ledger.parts.find((part) => part.id === id)!.activeHours;
  expect([hours(gpuId(n(1))), hours(gpuId(n(2))), hours('chassis')]).toEqual([1, 0, 0.5]);
  const gpu = ledger.parts.find((part) => part.id === gpuId(n(1)))!;
  expect(gpu.accruedGrams).toBeCloseTo(H100_GRAMS / (4 * 8_760 * 0.5), 9);
  expect(gpu).toMatchObject({ remainingGrams: null, writtenOffGrams: null });
  const stray = await clock.call('GET', `/v1/nodes/${node.nodeId}/embodied?expectedUtilizationRatio=0.5`);
  expect(stray.status).toBe(400);
});

test('a node that left its fleet writes off what was still to accrue', async () => {
  await inventory(node, [gpuPart(n(1))]);
  clock.nowMs = DAY_MS + YEAR_MS;
  await ask('DELETE', `/v1/nodes/${node.nodeId}`);
  clock.nowMs += YEAR_MS;
  expect(await partOf(node.nodeId, gpuId(n(1)))).toMatchObject({
    accruedSoFarGrams: H100_GRAMS / 4,
    remainingGrams: 0,
    writtenOffGrams: (H100_GRAMS * 3) / 4,
  });
});
