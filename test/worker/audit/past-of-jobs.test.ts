/**
 * The law of past.test.ts over fleets with jobs and contracts: late reports that split their energy otherwise, what people
 * say of jobs, contracts that come, change and go, under location and market accounting.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { epochMs, gramsPerKwh } from '../../../shared/units.ts';
import type { JobReport } from '../../../shared/wire/ingest.ts';
import { storeValues } from '../../../worker/storage/grid-writes.ts';
import { ask, clock, DAY_MS, database, HOUR_MS, WINDOW_MS } from '../emissions/support.ts';
import { GPU_ID, HOURS, iso, nodeAt, SETTLED_MS, type Told, tellAll, WINDOWS } from './support.ts';

const ZONES = { changed: 'LV', knowing: 'LT' };
const CONTRACTS = ['go-1', 'go-2'] as const;
const JOBS = 3;
/** Of kWh: the whole day draws about 4.8. */
const CONTRACT_KWH = [0.1, 0.5, 2, 50];

const window = fc.integer({ min: 0, max: WINDOWS - 1 });
const fromMs = fc.integer({ min: -3, max: WINDOWS }).map((at) => DAY_MS + at * WINDOW_MS);
const split = fc.record({
  job: fc.integer({ min: 0, max: JOBS - 1 }),
  energy: fc.integer({ min: 0, max: 200_000_000 }),
  /** Of the window's energy and time. */
  share: fc.constantFrom(0, 0.25, 0.5, 1),
});
const change = fc.oneof(
  fc.record({
    of: fc.constant('setting' as const),
    key: fc.constantFrom('pueRatio', 'embodiedLifetimeYears'),
    value: fc.integer({ min: 10, max: 29 }).map((tenths) => tenths / 10),
    fromMs,
  }),
  fc.record({
    of: fc.constant('setting' as const),
    key: fc.constant('residualGramsPerKwh'),
    value: fc.integer({ min: 0, max: 700 }),
    fromMs,
  }),
  fc.record({
    of: fc.constant('contract' as const),
    id: fc.constantFrom(...CONTRACTS),
    /** Null takes it back. */
    kwh: fc.option(fc.constantFrom(...CONTRACT_KWH)),
    hours: fc.integer({ min: 1, max: HOURS }),
  }),
  fc.record({
    of: fc.constant('intensity' as const),
    hour: fc.integer({ min: 0, max: HOURS - 1 }),
    value: fc.integer({ min: 0, max: 900 }),
  }),
  fc.record({ of: fc.constant('report' as const), window, split }),
  fc.record({
    of: fc.constant('said' as const),
    job: fc.integer({ min: 0, max: JOBS - 1 }),
    project: fc.constantFrom('a', 'b', null),
  }),
);
type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;
type Split = typeof split extends fc.Arbitrary<infer T> ? T : never;

interface Fleet {
  readonly site: string;
  readonly gridZone: string;
  readonly node: Told;
}

const jobOf = (site: string, job: number) => `slurm:${site}:${job}`;

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

function reportOf(site: string, at: number, { job, energy, share }: Split): [number, number, JobReport[]] {
  const energyMillijoules = Math.floor(energy * share);
  const allocatedMilliseconds = WINDOW_MS * share;
  const devices = [{ id: GPU_ID, energyMillijoules, allocatedMilliseconds }];
  return [at, energy, share === 0 ? [] : [{ id: jobOf(site, job), devices }]];
}

async function apply(step: Change, { site, gridZone, node }: Fleet): Promise<void> {
  switch (step.of) {
    case 'setting':
      await ask('PATCH', `/v1/sites/${site}`, { [step.key]: step.value, effectiveFrom: iso(step.fromMs) });
      return;
    case 'contract': {
      const contract = step.kwh === null ? null : contractOf(step.kwh, step.hours);
      await ask('PATCH', `/v1/sites/${site}`, { supplyContracts: { [step.id]: contract } });
      return;
    }
    case 'intensity':
      await store(gridZone, step.hour, step.value);
      return;
    case 'report':
      await tellAll(node, [reportOf(site, step.window, step.split)]);
      return;
    case 'said':
      await ask('PATCH', `/v1/jobs/${encodeURIComponent(jobOf(site, step.job))}`, { project: step.project });
  }
}

const contractOf = (kwh: number, hours: number) => ({
  kind: 'certificate',
  kwh,
  vintageFrom: iso(DAY_MS),
  vintageTo: iso(DAY_MS + hours * HOUR_MS),
  gramsPerKwh: 10,
  source: 'law',
});

/** What only the last word says: of each hour, window, job, contract, and setting with its date. */
function lastWords(steps: readonly Change[]): Change[] {
  const nameOf = (step: Change) => {
    switch (step.of) {
      case 'setting':
        return `${step.key} ${step.fromMs}`;
      case 'contract':
        return step.id;
      case 'intensity':
        return `hour ${step.hour}`;
      case 'report':
        return `window ${step.window}`;
      case 'said':
        return `job ${step.job}`;
    }
  };
  return [...new Map(steps.map((step) => [nameOf(step), step])).values()];
}

let runs = 0;

async function fleet(name: keyof typeof ZONES): Promise<Fleet> {
  const gridZone = ZONES[name];
  const site = `jobs-${name}-${runs}`;
  clock.nowMs = DAY_MS;
  // The clock went back, as no server's does: what the run before it left of this zone would be of the future.
  const values = `SELECT v.key FROM grid_series s JOIN grid_values v ON v.key / 16777216 = s.id WHERE s.grid_zone = ?1`;
  await database.batch(
    [
      `DELETE FROM grid_revisions WHERE value_key IN (${values})`,
      `DELETE FROM grid_values WHERE key IN (${values})`,
    ].map((sql) => database.prepare(sql).bind(gridZone)),
  );
  await ask('POST', '/v1/sites', {
    id: site,
    gridZone,
    pueRatio: 1.2,
    supplyContracts: { 'go-1': contractOf(1, 3) },
  });
  const node = await nodeAt(site);
  clock.nowMs = DAY_MS + HOURS * HOUR_MS + 1;
  for (let hour = 0; hour < HOURS; hour++) await store(gridZone, hour, 100 + hour);
  await tellAll(
    node,
    Array.from({ length: WINDOWS }, (_, at) =>
      reportOf(site, at, { job: at % JOBS, energy: 240_000_000 + at, share: 0.5 }),
    ),
  );
  return { site, gridZone, node };
}

type Figures = Readonly<Record<string, number>>;
interface Answer {
  readonly totals: Figures;
  readonly groups: readonly (Figures & { readonly key: string })[];
}

/** Under both accountings, by project. Contracts are listed of the whole fleet, those that runs before left included. */
async function answersOf({ site }: Fleet, asOfMs?: number): Promise<Answer[]> {
  const range = `from=${iso(DAY_MS)}&to=${iso(DAY_MS + HOURS * HOUR_MS)}`;
  const asOf = asOfMs === undefined ? '' : `&asOf=${iso(asOfMs)}`;
  const answers: Answer[] = [];
  for (const accounting of ['location', 'market']) {
    const { totals, groups } = await ask<Answer>(
      'GET',
      `/v1/fleet/emissions?filter=site:${site}&groupBy=project&accounting=${accounting}&${range}${asOf}`,
    );
    answers.push({ totals, groups });
  }
  return answers;
}

const CLOSE = [
  'operationalGrams',
  'facilityEnergyKwh',
  'embodiedGrams',
  'unattributedGrams',
  'gpuSeconds',
  'coverage',
];

function expectSame(a: Answer, b: Answer): void {
  expect(a.groups.map(({ key }) => key)).toEqual(b.groups.map(({ key }) => key));
  const pairs = [
    [a.totals, b.totals] as const,
    ...a.groups.map((group, i) => [group, b.groups[i]!] as const),
  ];
  for (const [one, other] of pairs) {
    expect(one.energyKwh).toBe(other.energyKwh);
    for (const name of CLOSE) {
      const bound = 1e-9 * Math.max(Math.abs(other[name]!), 1e-3);
      expect(Math.abs(one[name]! - other[name]!), name).toBeLessThanOrEqual(bound);
    }
  }
}

test('with jobs and contracts too, any changes end where knowing them from the start does, and asOf undoes them', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 8 }), async (steps) => {
      runs++;
      const changed = await fleet('changed');
      const given: [number, Answer[]][] = [];
      clock.nowMs = SETTLED_MS;
      for (const step of steps) {
        given.push([clock.nowMs, await answersOf(changed)]);
        clock.nowMs += 60_000;
        await apply(step, changed);
      }
      const endedMs = clock.nowMs;
      // To the last bit but for the order of additions: contracts of the runs before cut the time of supply elsewhere.
      for (const [atMs, answers] of given)
        (await answersOf(changed, atMs)).forEach((answer, i) => {
          expectSame(answer, answers[i]!);
        });
      const ended = await answersOf(changed);
      for (const { totals, groups } of ended) {
        const sum = groups.reduce((all, group) => all + group.operationalGrams!, 0);
        expect(Math.abs(sum - totals.operationalGrams!)).toBeLessThanOrEqual(1e-9 * Math.max(1, sum));
      }

      const knowing = await fleet('knowing');
      for (const step of lastWords(steps)) await apply(step, knowing);
      clock.nowMs = endedMs;
      const known = await answersOf(knowing);
      ended.forEach((answer, i) => {
        expectSame(answer, known[i]!);
      });
    }),
    { numRuns: 5 },
  );
}, 180_000);
