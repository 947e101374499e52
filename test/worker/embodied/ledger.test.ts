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
  expect(gpu).toMatchObject({ match: 'exact', adpeKgSbeqHigh: 0.0238, waterCubicMetresEqHigh: null });
  expect(ledger.parts.find(({ id }) => id === 'memory')).toMatchObject({
    match: 'type',
    adpeKgSbeqLow: expect.closeTo(64 * 2.653e-5, 9),
    primaryEnergyMegajoulesHigh: expect.closeTo(64 * 43.68 + 74, 6),
  });
  // Of the chassis one source has a figure.
  expect(ledger.totals).toMatchObject({ adpeKgSbeqLow: null });
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

test('an answer says over which lifetimes it is spread: each that held where its nodes stood', async () => {
  await inventory(node, [gpuPart(n(1))]);
  await ask('POST', '/v1/sites', {
    id: `six-${runs}`,
    gridZone: 'DE',
    pueRatio: 1,
    embodiedLifetimeYears: 6,
  });
  await newNode(`six-${runs}`, `six-${runs}`);
  clock.nowMs = DAY_MS + 10 * HOUR_MS;
  const lifetimes = async (filter: string) =>
    ask('GET', `/v1/fleet/emissions?from=${iso(DAY_MS)}&to=${iso(clock.nowMs)}&filter=${filter}`);
  expect(await lifetimes(`site:s-${runs}`)).toMatchObject({
    embodiedMethod: 'straightLine',
    embodiedLifetimeYears: [4],
  });
  expect(await lifetimes(`node:six-${runs}`)).toMatchObject({ embodiedLifetimeYears: [6] });
  // Five years from the fifth hour on.
  const change = { embodiedLifetimeYears: 5, effectiveFrom: iso(DAY_MS + 5 * HOUR_MS) };
  await ask('PATCH', `/v1/sites/s-${runs}`, change);
  expect(await lifetimes(`site:s-${runs}`)).toMatchObject({ embodiedLifetimeYears: [4, 5] });
  expect(await lifetimes('site:nowhere')).toMatchObject({ embodiedLifetimeYears: [] });
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

test('a GPU that comes back from another node goes on here: away in between, never twice, never less', async () => {
  await inventory(node, [gpuPart(n(1))]);
  const other = await newNode(`o-${runs}`, `s-${runs}`);
  const at = (hours: number) => DAY_MS + hours * HOUR_MS;
  clock.nowMs = at(6);
  await inventory(other, [gpuPart(n(1))]);
  clock.nowMs = at(18);
  await inventory(other, []);
  await inventory(node, [gpuPart(n(1))]);
  clock.nowMs = at(24);
  const here = await partOf(node.nodeId, gpuId(n(1)));
  const there = await partOf(other.nodeId, gpuId(n(1)));
  expect(here).toMatchObject({
    outOfServiceFrom: null,
    movedTo: null,
    absences: [{ from: iso(at(6)), to: iso(at(18)) }],
  });
  expect(there).toMatchObject({ outOfServiceFrom: iso(at(18)), movedTo: node.nodeId, writtenOffGrams: 0 });
  const hour = H100_GRAMS / (4 * 8_760);
  expect(here.accruedSoFarGrams).toBeCloseTo(12 * hour, 6);
  expect(there.accruedSoFarGrams).toBeCloseTo(12 * hour, 6);
  expect(here.carriedAwayGrams).toBeCloseTo(12 * hour, 6);
  const sums = [here.accruedSoFarGrams, here.broughtGrams, here.remainingGrams, here.writtenOffGrams];
  expect(sums.reduce<number>((sum, grams) => sum + grams!, here.carriedAwayGrams!)).toBeCloseTo(
    H100_GRAMS,
    6,
  );
  for (const [fromHour, hours] of [
    [0, 6],
    [6, 0],
    [18, 6],
  ] as const) {
    const range = `?from=${iso(at(fromHour))}&to=${iso(at(fromHour + 6))}`;
    expect((await partOf(node.nodeId, gpuId(n(1)), range)).accruedGrams).toBeCloseTo(hours * hour, 6);
  }
  const { changes } = await ask<{ changes: object[] }>(
    'GET',
    `/v1/changes?subject=node:${node.nodeId}&limit=1`,
  );
  expect(changes[0]).toMatchObject({ what: 'parts', why: 'reported again', effectiveFrom: iso(at(18)) });
  // As it was known while it was away.
  const away = await partOf(node.nodeId, gpuId(n(1)), `?asOf=${iso(at(12))}`);
  expect(away).toMatchObject({ outOfServiceFrom: iso(at(6)), movedTo: other.nodeId, absences: [] });
});

test('a GPU that the operator ended comes back once it was gone and is reported again', async () => {
  await inventory(node, [gpuPart(n(1))]);
  clock.nowMs = DAY_MS + HOUR_MS;
  await say(node.nodeId, gpuId(n(1)), { outOfService: iso(DAY_MS + HOUR_MS), why: 'to be repaired' });
  await inventory(node, [gpuPart(n(1))]);
  expect((await partOf(node.nodeId, gpuId(n(1)))).outOfServiceFrom).not.toBeNull();
  await inventory(node, []);
  clock.nowMs = DAY_MS + 5 * HOUR_MS;
  await inventory(node, [gpuPart(n(1))]);
  const back = await partOf(node.nodeId, gpuId(n(1)));
  expect(back).toMatchObject({
    outOfServiceFrom: null,
    absences: [{ from: iso(DAY_MS + HOUR_MS), to: iso(clock.nowMs) }],
  });
  const path = `/v1/nodes/${node.nodeId}/parts/${gpuId(n(1))}`;
  const early = await clock.call('PATCH', path, { outOfService: iso(DAY_MS + 2 * HOUR_MS) });
  expect(early.status).toBe(422);
});

test('an AMD GPU moves by the serial that its driver tells; a disk and a module once their node lets go of them', async () => {
  const serial = String(n(0)).padStart(6, '7');
  const card = { id: `amd-a1b2c3d4e5${serial}`, type: 'gpu' as const, name: 'AMD Instinct MI300X' };
  const disk = { id: `S64HNE0R${serial}`, type: 'ssd' as const, name: 'SSD', capacityBytes: 3.84e12 };
  const module = {
    id: `dimm-80CE${serial}`,
    type: 'dimm' as const,
    name: 'DDR5 M321',
    capacityBytes: 2 ** 36,
  };
  await inventory(node, [card, disk, module]);
  clock.nowMs = DAY_MS + HOUR_MS / 2;
  const other = await newNode(`o-${runs}`, `s-${runs}`);
  await inventory(other, [card, disk, module]);
  const outOf = async (id: string) => (await partOf(node.nodeId, id)).outOfServiceFrom;
  expect(await outOf(card.id)).toBe(iso(clock.nowMs));
  // Two disks of one serial number, or one that both see: nobody can tell while both report it.
  expect([await outOf(disk.id), await outOf(module.id)]).toEqual([null, null]);
  const cameMs = clock.nowMs;
  clock.nowMs += HOUR_MS;
  await inventory(node, []);
  await inventory(other, [card, disk, module]);
  expect([await outOf(disk.id), await outOf(module.id)]).toEqual([iso(cameMs), iso(cameMs)]);
  expect(await partOf(other.nodeId, disk.id)).toMatchObject({
    agesFrom: iso(DAY_MS),
    inServiceFrom: iso(cameMs),
  });
});

test('a disk moves at once from a node that has gone silent, and by its name as well as its serial', async () => {
  const disk = { id: `S64HNE0R${n(0)}55`, type: 'ssd' as const, name: 'SSD', capacityBytes: 3.84e12 };
  await inventory(node, [disk]);
  clock.nowMs = DAY_MS + 2 * HOUR_MS;
  const other = await newNode(`o-${runs}`, `s-${runs}`);
  await inventory(other, [{ ...disk, name: 'another maker’s'.replace('’', '') }]);
  expect((await partOf(node.nodeId, disk.id)).movedTo).toBeNull();
  const third = await newNode(`t-${runs}`, `s-${runs}`);
  await inventory(third, [disk]);
  expect((await partOf(node.nodeId, disk.id)).movedTo).toBe(third.nodeId);
});

test('where nodes report each hour, a disk stays with one that missed a report, and goes with one that missed three', async () => {
  const disk = { id: `S64HNE0R${n(0)}66`, type: 'ssd' as const, name: 'SSD', capacityBytes: 3.84e12 };
  await ask('PATCH', '/v1/settings', { reportEverySeconds: 3_600 });
  await inventory(node, [disk]);
  clock.nowMs = DAY_MS + 2 * HOUR_MS;
  await inventory(await newNode(`o-${runs}`, `s-${runs}`), [disk]);
  expect((await partOf(node.nodeId, disk.id)).movedTo).toBeNull();
  clock.nowMs = DAY_MS + 3 * HOUR_MS;
  const other = await newNode(`t-${runs}`, `s-${runs}`);
  await inventory(other, [disk]);
  expect((await partOf(node.nodeId, disk.id)).movedTo).toBe(other.nodeId);
  await ask('PATCH', '/v1/settings', { reportEverySeconds: 'auto' });
});

test('a disk that two nodes report is the first one’s once the other lets go of it', async () => {
  const disk = { id: `S64HNE0R${n(0)}77`, type: 'ssd' as const, name: 'SSD', capacityBytes: 3.84e12 };
  await inventory(node, [disk]);
  clock.nowMs = DAY_MS + HOUR_MS / 2;
  const other = await newNode(`o-${runs}`, `s-${runs}`);
  await inventory(other, [disk]);
  clock.nowMs = DAY_MS + HOUR_MS;
  await inventory(other, []);
  await inventory(node, [disk]);
  expect(await partOf(node.nodeId, disk.id)).toMatchObject({ inServiceFrom: iso(DAY_MS), agesFrom: null });
  expect(await partOf(other.nodeId, disk.id)).toMatchObject({
    outOfServiceFrom: iso(DAY_MS + HOUR_MS / 2),
    movedTo: node.nodeId,
    accruedSoFarGrams: 0,
    writtenOffGrams: 0,
  });
});

test('modules are parts of their own: one that is added later counts from then, and needs no count', async () => {
  const module = (slot: number) => ({
    id: `dimm-slot-${slot}`,
    type: 'dimm' as const,
    name: 'DDR5',
    capacityBytes: 2 ** 36,
  });
  await inventory(node, [module(0)]);
  clock.nowMs = DAY_MS + HOUR_MS;
  await inventory(node, [module(0), module(1)]);
  expect(await partOf(node.nodeId, 'dimm-slot-0')).toMatchObject({
    inServiceFrom: iso(DAY_MS),
    assumed: false,
  });
  const added = await partOf(node.nodeId, 'dimm-slot-1');
  expect(added).toMatchObject({ inServiceFrom: iso(clock.nowMs), inServiceAssumed: true });
  expect(added.embodiedGrams).toBeCloseTo(64 * 1_768 + 5_220, 6);
});

test('where only the total is known, what is added to it is a part of its own since then', async () => {
  const total = (gib: number) => ({
    id: 'memory',
    type: 'memory' as const,
    name: 'rounded',
    capacityBytes: gib * 2 ** 30,
  });
  await inventory(node, [total(512)]);
  clock.nowMs = DAY_MS + HOUR_MS;
  await inventory(node, [total(768)]);
  await inventory(node, [total(768)]);
  expect(await partOf(node.nodeId, 'memory')).toMatchObject({
    capacityBytes: 2 ** 39,
    inServiceFrom: iso(DAY_MS),
  });
  expect(await partOf(node.nodeId, 'memory-2')).toMatchObject({
    capacityBytes: 2 ** 38,
    inServiceFrom: iso(clock.nowMs),
    assumed: true,
    missingSince: null,
  });
  await inventory(node, [total(256)]);
  expect((await ledgerOf(node.nodeId)).parts.filter(({ id }) => id.startsWith('memory'))).toHaveLength(2);
});

test('a total ends where its modules are told, and they go on with what is left: nothing twice, nothing written off', async () => {
  const total = { id: 'memory', type: 'memory' as const, name: 'rounded', capacityBytes: 2 ** 37 };
  const modules = [0, 1].map((slot) => ({
    id: `dimm-slot-${slot}`,
    type: 'dimm' as const,
    name: 'DDR5',
    capacityBytes: 2 ** 36,
  }));
  await inventory(node, [total]);
  clock.nowMs = DAY_MS + 12 * HOUR_MS;
  await inventory(node, modules);
  clock.nowMs = DAY_MS + 24 * HOUR_MS;
  const ended = await partOf(node.nodeId, 'memory');
  expect(ended).toMatchObject({ movedTo: node.nodeId, writtenOffGrams: 0, remainingGrams: 0 });
  expect(await partOf(node.nodeId, 'dimm-slot-1')).toMatchObject({ agesFrom: iso(DAY_MS) });
  const ledger = await ledgerOf(node.nodeId, `?from=${iso(DAY_MS)}&to=${iso(clock.nowMs)}`);
  const memory = ledger.parts.filter(({ id }) => /^(memory|dimm)/.test(id));
  const accrued = memory.reduce((sum, { accruedGrams }) => sum + accruedGrams, 0);
  expect(accrued).toBeCloseTo(((128 * 1_768 + 2 * 5_220) * 24) / (4 * 8_760), 6);
  // An agent that lost its rights tells nothing new of them.
  await inventory(node, [total]);
  expect(await partOf(node.nodeId, 'dimm-slot-0')).toMatchObject({
    missingSince: null,
    outOfServiceFrom: null,
  });
  expect((await partOf(node.nodeId, 'memory')).outOfServiceFrom).toBe(iso(DAY_MS + 12 * HOUR_MS));
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

test('before everything there is nothing, and no failure', async () => {
  await inventory(node, [gpuPart(n(1))]);
  const path = `/v1/nodes/${node.nodeId}/embodied?from=1969-12-31T00:00:00Z&to=1970-01-01T00:00:00Z`;
  const response = await clock.call('GET', path);
  expect(response.status).toBeLessThan(500);
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
