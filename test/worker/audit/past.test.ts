/** The past as it was known: any changes, in any order, end where a fleet that knew all from the start would be. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { epochMs, gramsPerKwh } from '../../../shared/units.ts';
import { storeValues } from '../../../worker/storage/grid-writes.ts';
import { ask, clock, DAY_MS, database, gpu, HOUR_MS, WINDOW_MS } from '../emissions/support.ts';
import { host } from '../support/enrolment.ts';
import {
  type Answer,
  answerOf,
  changesOf,
  GPU_ID,
  HOURS,
  iso,
  nodeAt,
  SETTLED_MS,
  type Told,
  tell,
  tellAll,
  WINDOWS,
} from './support.ts';

/** Real zones, two for each of the two fleets; every hour of the day is stored, so that no yearly average is needed. */
const ZONES = { changed: ['FI', 'LV'], knowing: ['EE', 'LT'] } as const;
type Zones = readonly [string, string];
const which = fc.constantFrom(0 as const, 1 as const);

async function store(gridZone: string, hour: number, value: number): Promise<void> {
  await storeValues(
    database,
    { gridZone, basis: 'lifecycle', signal: 'average', scope: 'consumption', provider: 'recorded' },
    [
      {
        startMs: epochMs(DAY_MS + hour * HOUR_MS),
        endMs: epochMs(DAY_MS + (hour + 1) * HOUR_MS),
        gramsPerKwh: gramsPerKwh(value),
        kind: 'measured',
        method: null,
        issuedAtMs: null,
      },
    ],
    clock.nowMs,
  );
}

const hour = fc.integer({ min: 0, max: HOURS - 1 });
const window = fc.integer({ min: 0, max: WINDOWS - 1 });
const energy = fc.integer({ min: 0, max: 200_000_000 });
const fromMs = fc.integer({ min: -3, max: WINDOWS }).map((at) => DAY_MS + at * WINDOW_MS);
const change = fc.oneof(
  fc.record({
    of: fc.constant('setting' as const),
    key: fc.constantFrom('pueRatio', 'embodiedLifetimeYears'),
    value: fc.integer({ min: 10, max: 29 }).map((tenths) => tenths / 10),
    fromMs,
  }),
  // The zone of the site where it stands, or of the other; the site of the node.
  fc.record({ of: fc.constant('zone' as const), site: which, zone: which, fromMs }),
  fc.record({ of: fc.constant('move' as const), site: which, fromMs }),
  // Of the month of the day, or of the one before.
  fc.record({
    of: fc.constant('month' as const),
    month: fc.constantFrom('2024-04', '2024-05'),
    value: fc.integer({ min: 10, max: 29 }).map((tenths) => tenths / 10),
  }),
  fc.record({
    of: fc.constant('contract' as const),
    id: fc.constantFrom('go', 'ppa'),
    kwh: fc.option(
      fc.integer({ min: 1, max: 30 }).map((tenths) => tenths / 10),
      { nil: null },
    ),
    toHour: fc.integer({ min: 1, max: HOURS }),
  }),
  fc.record({
    of: fc.constant('intensity' as const),
    zone: which,
    hour,
    value: fc.integer({ min: 0, max: 900 }),
  }),
  fc.record({ of: fc.constant('report' as const), window, energy }),
  // More than a GPU can draw: set aside, and released by a person.
  fc.record({ of: fc.constant('release' as const), window, energy: fc.constant(3_000_000_000) }),
);
type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;

async function apply(step: Change, sites: Zones, zones: Zones, node: Told): Promise<void> {
  const site = sites[0];
  switch (step.of) {
    case 'setting':
      await ask('PATCH', `/v1/sites/${site}`, { [step.key]: step.value, effectiveFrom: iso(step.fromMs) });
      return;
    case 'zone':
      await ask('PATCH', `/v1/sites/${sites[step.site]}`, {
        gridZone: zones[step.zone],
        effectiveFrom: iso(step.fromMs),
      });
      return;
    case 'move':
      await ask('PATCH', `/v1/nodes/${node.nodeId}`, {
        site: sites[step.site],
        effectiveFrom: iso(step.fromMs),
      });
      return;
    case 'month':
      await ask('PATCH', `/v1/sites/${site}`, { pueByMonth: [{ month: step.month, pueRatio: step.value }] });
      return;
    case 'contract':
      await ask('PATCH', `/v1/sites/${site}`, {
        supplyContracts: { [step.id]: step.kwh === null ? null : contractOf(step.kwh, step.toHour) },
      });
      return;
    case 'intensity':
      await store(zones[step.zone], step.hour, step.value);
      return;
    case 'report':
      await tell(node, step.window, step.energy);
      return;
    case 'release': {
      await tell(node, step.window, step.energy);
      const { quarantine } = await ask<{ quarantine: { id: number }[] }>('GET', '/v1/quarantine?limit=1');
      await ask('POST', `/v1/quarantine/${quarantine[0]!.id}/release?why=meter+checked`);
    }
  }
}

const contractOf = (kwh: number, toHour: number) => ({
  kind: 'certificate',
  kwh,
  vintageFrom: iso(DAY_MS),
  vintageTo: iso(DAY_MS + toHour * HOUR_MS),
  gramsPerKwh: 7,
  source: 'test',
});

/** What only the last word says: of each hour, window, and setting with its date. */
function lastWords(steps: readonly Change[]): Change[] {
  const nameOf = (step: Change) => {
    switch (step.of) {
      case 'setting':
        return `${step.key} ${step.fromMs}`;
      case 'month':
        // From the start of the month, which no other setting here begins at.
        return `month ${step.month}`;
      case 'zone':
        return `zone ${step.site} ${step.fromMs}`;
      case 'move':
        return `move ${step.fromMs}`;
      case 'contract':
        return `contract ${step.id}`;
      case 'intensity':
        return `hour ${step.zone} ${step.hour}`;
      default:
        return `window ${step.window}`;
    }
  };
  return [...new Map(steps.map((step) => [nameOf(step), step])).values()];
}

let runs = 0;

/** No GPU: two nodes that report the same one would mean that it moved. */
const inventoryAt = (sentAtMs: number) => ({
  version: 1,
  sentAtMs,
  agentVersion: '0.1.0',
  reports: [],
  inventory: {
    hostname: 'host',
    kernel: '',
    productName: '',
    parts: [{ id: 'dimm', type: 'memory', name: 'DDR5', capacityBytes: 2 ** 36 }],
  },
});

const atMarket = (nodeId: string) =>
  ask<Answer>(
    'GET',
    `/v1/fleet/emissions?filter=node:${nodeId}&accounting=market&from=${iso(DAY_MS)}&to=${iso(DAY_MS + HOURS * HOUR_MS)}`,
  );

async function fleet(name: string, zones: Zones) {
  const site = `${name}-${runs}`;
  const other = `${site}-b`;
  clock.nowMs = DAY_MS;
  // The clock went back, as no server's does: what the run before it left of this zone would be of the future.
  const values = `SELECT v.key FROM grid_series s JOIN grid_values v ON v.key / 16777216 = s.id WHERE s.grid_zone IN (?1, ?2)`;
  await database.batch(
    [
      `DELETE FROM grid_revisions WHERE value_key IN (${values})`,
      `DELETE FROM grid_values WHERE key IN (${values})`,
    ].map((sql) => database.prepare(sql).bind(...zones)),
  );
  await ask('POST', '/v1/sites', { id: site, gridZone: zones[0], pueRatio: 1.2 });
  await ask('POST', '/v1/sites', { id: other, gridZone: zones[1], pueRatio: 1.7, embodiedLifetimeYears: 3 });
  const node = await nodeAt(site);
  clock.nowMs = DAY_MS + HOURS * HOUR_MS + 1;
  for (let at = 0; at < HOURS; at++) {
    await store(zones[0], at, 100 + at);
    await store(zones[1], at, 400 + at);
  }
  await tellAll(
    node,
    Array.from({ length: WINDOWS }, (_, at) => [at, 100_000_000 + at] as const),
  );
  return { site, sites: [site, other] as const, node };
}

test('any changes end where knowing them from the start does, and asOf undoes them one by one', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 8 }), async (steps) => {
      runs++;
      const { sites, node } = await fleet('changed', ZONES.changed);
      await ask('POST', '/v1/ingest', inventoryAt(clock.nowMs), node.token);
      const given: [number, Answer][] = [];
      clock.nowMs = SETTLED_MS;
      for (const step of steps) {
        given.push([clock.nowMs, await answerOf(node.nodeId)]);
        clock.nowMs += 60_000;
        await apply(step, sites, ZONES.changed, node);
      }
      const endedMs = clock.nowMs;
      for (const [atMs, answer] of given) expect(await answerOf(node.nodeId, atMs)).toEqual(answer);
      const ended = await answerOf(node.nodeId);

      const market = await atMarket(node.nodeId);

      const knowing = await fleet('knowing', ZONES.knowing);
      await ask('POST', '/v1/ingest', inventoryAt(clock.nowMs), knowing.node.token);
      for (const step of lastWords(steps)) await apply(step, knowing.sites, ZONES.knowing, knowing.node);
      clock.nowMs = endedMs;
      const known = await answerOf(knowing.node.nodeId);
      expect(ended.totals.embodiedGrams).toBeGreaterThan(0);
      expect(ended.totals.energyKwh).toBe(known.totals.energyKwh);
      for (const [was, is] of [
        [ended, known],
        [market, await atMarket(knowing.node.nodeId)],
      ] as const) {
        for (const name of ['operationalGrams', 'facilityEnergyKwh', 'embodiedGrams', 'coverage']) {
          const [a, b] = [was.totals[name]!, is.totals[name]!];
          expect(Math.abs(a - b), name).toBeLessThanOrEqual(1e-9 * Math.max(Math.abs(b), 1e-3));
        }
      }
    }),
    { numRuns: 8 },
  );
}, 300_000);

test('a revision moves the total by exactly its effect, years later too, and asOf knows both', async () => {
  runs++;
  const { node } = await fleet('effect', ZONES.changed);
  clock.nowMs = Date.UTC(2029, 2, 1);
  for (let at = 0; at < HOURS; at++) await store(ZONES.changed[0], at, 100 + at);
  const before = await answerOf(node.nodeId);
  const beforeMs = clock.nowMs;
  clock.nowMs += 1;
  await store(ZONES.changed[0], 2, 777);
  const after = await answerOf(node.nodeId);
  let millijoules = 0;
  for (let at = 24; at < 36; at++) millijoules += 100_000_000 + at;
  const effect = (millijoules / 3_600_000_000) * 1.2 * (777 - 102);
  expect(Math.abs(after.totals.operationalGrams - before.totals.operationalGrams - effect)).toBeLessThan(
    1e-9 * effect,
  );
  expect(after.totals.energyKwh).toBe(before.totals.energyKwh);
  expect(await answerOf(node.nodeId, beforeMs)).toEqual(before);
  const [logged] = await changesOf(`subject=grid:${ZONES.changed[0]}&from=${iso(clock.nowMs)}`);
  expect(logged).toMatchObject({
    who: 'grid:recorded',
    what: 'intensity',
    from: { provider: 'recorded', basis: 'lifecycle', values: 1, meanGramsPerKwh: 102 },
    to: { values: 1, meanGramsPerKwh: 777 },
    effectiveFrom: iso(DAY_MS + 2 * HOUR_MS),
    effectiveTo: iso(DAY_MS + 3 * HOUR_MS),
  });
});

test('energy of a whole hour that came late is unknown before it came, and logged once per request', async () => {
  runs++;
  clock.nowMs = DAY_MS;
  const site = `late-${runs}`;
  await ask('POST', '/v1/sites', { id: site, gridZone: 'SE', pueRatio: 1 });
  const node = await nodeAt(site);
  clock.nowMs = SETTLED_MS;
  const before = await answerOf(node.nodeId);
  expect(before.totals).toMatchObject({ energyKwh: 0, coverage: 0 });
  clock.nowMs += 1;
  await tellAll(node, [
    [0, 1_000],
    [1, 2_000],
    [12, 4_000],
  ]);
  const first = await answerOf(node.nodeId);
  const firstMs = clock.nowMs;
  clock.nowMs += 1;
  await tell(node, 1, 5_000);
  expect((await answerOf(node.nodeId)).totals.energyKwh).toBe(10_000 / 3_600_000_000);
  expect(await answerOf(node.nodeId, firstMs)).toEqual(first);
  expect(await answerOf(node.nodeId, SETTLED_MS)).toEqual(before);
  expect(await changesOf(`subject=node:${node.nodeId}&what=energy`)).toMatchObject([
    {
      who: `node:${node.nodeId}`,
      from: { energyMillijoules: 3_000 },
      to: { energyMillijoules: 6_000, hours: 1 },
      effectiveFrom: iso(DAY_MS),
      effectiveTo: iso(DAY_MS + HOUR_MS),
    },
    {
      from: { energyMillijoules: 0 },
      to: { energyMillijoules: 7_000, hours: 2 },
      effectiveTo: iso(DAY_MS + 2 * HOUR_MS),
    },
  ]);
});

test('a node is unknown before it enrolled, and retired only since it was', async () => {
  runs++;
  const { node, site } = await fleet('retired', ZONES.changed);
  clock.nowMs = SETTLED_MS;
  const before = await answerOf(node.nodeId);
  clock.nowMs += 1;
  await ask('DELETE', `/v1/nodes/${node.nodeId}?why=sold`);
  expect(await answerOf(node.nodeId, SETTLED_MS)).toEqual(before);
  expect(await answerOf(node.nodeId, DAY_MS - 1)).toMatchObject({
    totals: { energyKwh: 0, totalGrams: 0, coverage: null, nodesExpected: 0 },
  });
  const logged = await changesOf(`subject=node:${node.nodeId}`);
  expect(logged.filter(({ what }) => what !== 'energy')).toMatchObject([
    { who: 'admin', what: 'retiredAt', from: null, to: SETTLED_MS + 1, why: 'sold' },
    { what: 'site', from: null, to: site, effectiveFrom: iso(0) },
  ]);
  // Beyond the hours that it reported for: whether it was expected to report.
  const expected = (asOf = '') =>
    ask<Answer>(
      'GET',
      `/v1/fleet/emissions?filter=node:${node.nodeId}&from=${iso(DAY_MS)}&to=${iso(SETTLED_MS + 5 * HOUR_MS)}${asOf}`,
    );
  clock.nowMs += HOUR_MS;
  const goneMs = clock.nowMs;
  const gone = await expected();
  const { key } = await ask<{ key: string }>('POST', '/v1/enrolment-keys', {
    label: 'x',
    site,
    maxUses: null,
  });
  clock.nowMs += 1;
  await ask('POST', '/v1/enroll', host(site), key);
  clock.nowMs += HOUR_MS;
  const back = await expected();
  expect(await expected(`&asOf=${iso(goneMs)}`)).toEqual(gone);
  expect(await expected(`&asOf=${iso(clock.nowMs)}`)).toEqual(back);
  // Back since then, and silent.
  expect(back.totals.coverage).toBeLessThan(gone.totals.coverage!);
  const away = await ask<Answer>(
    'GET',
    `/v1/fleet/emissions?filter=node:${node.nodeId}&from=${iso(SETTLED_MS + WINDOW_MS)}&to=${iso(SETTLED_MS + HOUR_MS)}`,
  );
  expect(away.totals).toMatchObject({ coverage: null, nodesExpected: 0, embodiedGrams: 0 });
  expect((await changesOf(`subject=node:${node.nodeId}&what=retiredAt`))[0]).toMatchObject({
    from: SETTLED_MS + 1,
    to: null,
    why: 'enrolled again',
  });
});

test('parts, sizes and devices that come later are unknown before', async () => {
  runs++;
  const { node } = await fleet('parts', ZONES.changed);
  const disk = (capacityBytes: number) => ({ id: 'disk', type: 'ssd', name: 'SSD', capacityBytes });
  const ofGpu = (id: string) => ({ id, type: 'gpu', name: 'NVIDIA H100' });
  const inventories = [
    [ofGpu(GPU_ID), disk(2 ** 36)],
    [ofGpu(GPU_ID), disk(2 ** 39)],
    [ofGpu(GPU_ID), ofGpu('GPU-added')],
  ];
  const given: [number, Answer][] = [];
  clock.nowMs = SETTLED_MS;
  for (const parts of inventories) {
    given.push([clock.nowMs, await answerOf(node.nodeId)]);
    clock.nowMs += 60_000;
    const inventory = { hostname: 'host', kernel: '', productName: '', parts };
    const said = { version: 1, sentAtMs: clock.nowMs, agentVersion: '0.1.0', reports: [], inventory };
    await ask('POST', '/v1/ingest', said, node.token);
  }
  given.push([clock.nowMs, await answerOf(node.nodeId)]);
  clock.nowMs += 60_000;
  const late = {
    windowStartMs: DAY_MS,
    epoch: 'epoch0002',
    revision: 1,
    final: true,
    devices: [gpu('GPU-later', 1_000)],
    jobs: [],
  };
  const said = { version: 1, sentAtMs: clock.nowMs, agentVersion: '0.1.0', reports: [late] };
  await ask('POST', '/v1/ingest', said, node.token);
  for (const [atMs, answer] of given) expect(await answerOf(node.nodeId, atMs)).toEqual(answer);
  const logged = await changesOf(`subject=node:${node.nodeId}&what=parts`);
  expect(logged).toHaveLength(3);
  expect(logged[1]).toMatchObject({
    who: `node:${node.nodeId}`,
    from: [disk(2 ** 36)],
    to: [disk(2 ** 39)],
    effectiveFrom: iso(DAY_MS),
  });
  const grams = given.map(([, { totals }]) => totals.embodiedGrams!);
  expect(grams[0]).toBe(0);
  expect(grams[2]).toBeGreaterThan(grams[1]!);
  expect((await answerOf(node.nodeId)).totals.coverage).toBeLessThan(given.at(-1)![1].totals.coverage!);
});

test('a filter by label asks for the labels as they were known', async () => {
  runs++;
  const { node } = await fleet('labels', ZONES.changed);
  const counted = async (team: string, asOf = '') =>
    (
      await ask<Answer>(
        'GET',
        `/v1/fleet/emissions?from=${iso(DAY_MS)}&filter=label.team:${team},node:${node.nodeId}${asOf}`,
      )
    ).totals.nodesExpected;
  const says = async (labels: Record<string, string | null>) => {
    clock.nowMs += 10;
    await ask('PATCH', `/v1/nodes/${node.nodeId}`, { labels, why: 'moved desk' });
  };
  clock.nowMs = SETTLED_MS;
  await says({ team: 'nlp' });
  await says({ team: 'vision' });
  // The same again changes nothing.
  await says({ team: 'vision' });
  expect([await counted('nlp'), await counted('vision')]).toEqual([0, 1]);
  const then = `&asOf=${iso(SETTLED_MS + 19)}`;
  expect([await counted('nlp', then), await counted('vision', then)]).toEqual([1, 0]);
  expect(await counted('nlp', `&asOf=${iso(SETTLED_MS)}`)).toBe(0);
  expect(await changesOf(`subject=node:${node.nodeId}&what=labels`)).toMatchObject([
    { from: { team: 'nlp' }, to: { team: 'vision' }, effectiveFrom: null, why: 'moved desk' },
    { from: {}, to: { team: 'nlp' } },
  ]);
});

test('the future is refused, and the answer says what it speaks of', async () => {
  runs++;
  const { node } = await fleet('future', ZONES.changed);
  clock.nowMs = SETTLED_MS + 17;
  const path = `/v1/nodes/${node.nodeId}/emissions`;
  const future = await clock.call('GET', `${path}?asOf=${iso(clock.nowMs + 1)}`);
  expect(await future.json()).toMatchObject({ code: 'invalid_parameter', field: 'asOf' });
  expect(await ask('GET', `${path}?asOf=${iso(SETTLED_MS)}`)).toMatchObject({
    asOf: iso(SETTLED_MS),
    to: iso(SETTLED_MS),
    settledUntil: iso(SETTLED_MS - 2 * HOUR_MS),
  });
});
