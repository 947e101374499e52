/**
 * The worked example of docs/method.md on a real fleet, recomputed as a reader would: from what the API lists and nothing
 * else. Each figure is compared with the page and with the product's own answer.
 */
import { beforeAll, expect, test } from 'vitest';
import page from '../../../docs/method.md?raw';
import { seriesWire } from '../ingest/support.ts';
import { ask, clock, DAY_MS, gpu, H100, HOUR_MS, newNode, storeHours, WINDOW_MS } from './support.ts';

/** A cell of the first table row that begins with this text. */
function cell(first: string, column: number): number {
  const line = page.split('\n').find((each) => each.startsWith(`| ${first}`));
  if (line === undefined) throw new Error(`docs/method.md has no row "${first}"`);
  return Number(line.split('|')[column + 1]!.trim());
}
const given = (first: string) => cell(first, 1);
const figure = (first: string) => cell(first, 2);

const GPU = 'GPU-00000000-0000-4000-8000-00000000000a';
const JOB = 'slurm:c:1';
const RANGE = `from=${new Date(DAY_MS).toISOString()}&to=${new Date(DAY_MS + HOUR_MS).toISOString()}`;
const YEAR_HOURS = 8_760;
let node: string;

interface Figures {
  readonly energyKwh: number;
  readonly facilityEnergyKwh: number;
  readonly operationalGrams: number;
  readonly embodiedGrams: number;
  readonly totalGrams: number;
  readonly idleGrams: number;
  readonly supplyKinds: Record<string, number>;
}
interface Answer {
  readonly totals: Figures;
  readonly series: readonly Figures[];
  readonly sci: readonly { unit: string; gramsPerUnit: number }[];
}

beforeAll(async () => {
  await storeHours('US-CAL-CISO', [given('intensity of US-CAL-CISO')]);
  await ask('POST', '/v1/sites', {
    id: 'sf',
    gridZone: 'US-CAL-CISO',
    pueRatio: given('PUE of the site'),
    embodiedLifetimeYears: given('lifetime'),
    residualGramsPerKwh: given('residual mix'),
    wueLitresPerKwh: given('WUE of the site'),
    gridWaterLitresPerKwh: given('water of the electricity'),
    networkOverheadRatio: given('network, as a share'),
    networkOverheadSource: 'docs/method.md',
    hostOverheadRatio: given('what the host takes'),
    hostOverheadSource: 'docs/method.md',
    supplyContracts: {
      'go-1': {
        kind: 'certificate',
        kwh: given('certificates with that hour'),
        vintageFrom: new Date(DAY_MS).toISOString(),
        vintageTo: new Date(DAY_MS + HOUR_MS).toISOString(),
        gramsPerKwh: given('intensity of the certificates'),
        source: 'docs/method.md',
      },
    },
  });
  const enrolled = await newNode('by-hand', 'sf');
  node = enrolled.nodeId;
  clock.nowMs = DAY_MS + HOUR_MS;
  const watts = given('power of the GPU');
  const energy = watts * WINDOW_MS;
  const series = {
    stepMilliseconds: 1_000,
    watts: await seriesWire(Array.from({ length: 300 }, () => watts)),
  };
  const lowWindows = given('time for which the job hardly used') / 5;
  const windowsOfJob = given('time for which the job had it') / 5;
  const reports = Array.from({ length: 12 }, (_, i) => ({
    windowStartMs: DAY_MS + i * WINDOW_MS,
    epoch: 'epoch0001',
    revision: 1,
    final: true,
    devices: [
      gpu(GPU, energy, {
        series,
        utilizationRatio: i < lowWindows ? 0.05 : 0.9,
        ...(i < windowsOfJob ? {} : { idleMillijoules: energy }),
      }),
    ],
    jobs:
      i < windowsOfJob
        ? [{ id: JOB, devices: [{ id: GPU, energyMillijoules: energy, allocatedMilliseconds: WINDOW_MS }] }]
        : [],
  }));
  const parts = [{ id: GPU, type: 'gpu' as const, name: H100 }];
  const inventory = { hostname: 'by-hand', kernel: '6.8', productName: '', parts };
  const said = { version: 1, sentAtMs: clock.nowMs, agentVersion: '0.1.0', reports, inventory };
  await ask('POST', '/v1/ingest', said, enrolled.token);
});

/** To the digits of the page, and to 1e-9 of what the product answers. */
function same(byHand: number, onPage: number, answered: number): void {
  expect(byHand).toBeCloseTo(onPage, 4);
  expect(Math.abs(byHand - answered)).toBeLessThanOrEqual(1e-9 * Math.max(1, Math.abs(answered)));
}

/** kWh of the hour from the stored power series. */
async function energyByHand(): Promise<number> {
  const { devices } = await ask<{ devices: { powerWatts: number[]; windowsFromEnergy: number }[] }>(
    'GET',
    `/v1/nodes/${node}/power?${RANGE}&stepSeconds=60`,
  );
  expect(devices).toHaveLength(1);
  expect(devices[0]!.windowsFromEnergy).toBe(0);
  return devices[0]!.powerWatts.reduce((sum, watts) => sum + (watts * 60) / 3_600_000, 0);
}

/** The site where the node stands, with what holds there. */
async function siteByHand() {
  const { site } = await ask<{ site: string }>('GET', `/v1/nodes/${node}`);
  return ask<{
    gridZone: string;
    pueRatio: number;
    residualGramsPerKwh: number;
    embodiedLifetimeYears: number;
    wueLitresPerKwh: number;
    gridWaterLitresPerKwh: number;
    networkOverheadRatio: number;
    hostOverheadRatio: number;
  }>('GET', `/v1/sites/${site}`);
}

async function intensityByHand(gridZone: string): Promise<number> {
  const { series } = await ask<{ series: { gramsPerKwh: number; start: string; end: string }[] }>(
    'GET',
    `/v1/grid/${gridZone}/intensity?${RANGE}`,
  );
  expect(series).toHaveLength(1);
  return series[0]!.gramsPerKwh;
}

/** What all parts accrue in the hour; each of them is in service throughout. */
async function embodiedByHand(): Promise<number> {
  const { parts, lifetimeYears } = await ask<{
    lifetimeYears: number;
    parts: { embodiedGrams: number; inServiceFrom: string }[];
  }>('GET', `/v1/nodes/${node}/embodied`);
  for (const part of parts) expect(Date.parse(part.inServiceFrom)).toBeLessThanOrEqual(DAY_MS);
  return parts.reduce((sum, { embodiedGrams }) => sum + embodiedGrams, 0) / (lifetimeYears * YEAR_HOURS);
}

test('the node’s hour', async () => {
  const site = await siteByHand();
  const energy = await energyByHand();
  const operational = energy * site.pueRatio * (await intensityByHand(site.gridZone));
  const embodied = await embodiedByHand();
  const { totals, series } = await ask<Answer>('GET', `/v1/nodes/${node}/emissions?${RANGE}&step=window`);
  same(energy, figure('`energyKwh`'), totals.energyKwh);
  same(
    energy,
    figure('`energyKwh`'),
    series.reduce((sum, { energyKwh }) => sum + energyKwh, 0),
  );
  same(energy * site.pueRatio, figure('`facilityEnergyKwh`'), totals.facilityEnergyKwh);
  same(operational, figure('`operationalGrams`'), totals.operationalGrams);
  same(embodied, figure('`embodiedGrams`'), totals.embodiedGrams);
  same(operational + embodied, figure('`totalGrams`'), totals.totalGrams);
});

test('water, and the overheads that stand beside the figure', async () => {
  const site = await siteByHand();
  const energy = await energyByHand();
  const intensity = await intensityByHand(site.gridZone);
  const { totals } = await ask<{
    totals: {
      waterLitresSite: number;
      waterLitresGrid: number;
      overheads: Record<string, { energyKwh: number; operationalGrams: number }>;
    };
  }>('GET', `/v1/fleet/emissions?${RANGE}`);
  same(energy * site.wueLitresPerKwh, figure('`waterLitresSite`'), totals.waterLitresSite);
  const facility = energy * site.pueRatio;
  same(facility * site.gridWaterLitresPerKwh, figure('`waterLitresGrid`'), totals.waterLitresGrid);
  const ratios = { network: site.networkOverheadRatio, host: site.hostOverheadRatio };
  for (const [name, ratio] of Object.entries(ratios)) {
    const { energyKwh, operationalGrams } = totals.overheads[name]!;
    same(energy * ratio, figure(`\`overheads.${name}.energyKwh\``), energyKwh);
    same(energy * ratio * intensity, figure(`\`overheads.${name}.operationalGrams\``), operationalGrams);
  }
});

test('the job’s share of it, and what was idle', async () => {
  const site = await siteByHand();
  const intensity = await intensityByHand(site.gridZone);
  const { jobs } = await ask<{ jobs: { id: string; energyKwh: number; gpuSeconds: number }[] }>(
    'GET',
    '/v1/jobs',
  );
  const [{ id, energyKwh, gpuSeconds }] = jobs as [(typeof jobs)[number]];
  const operational = energyKwh * site.pueRatio * intensity;
  // One GPU in the node for one hour: the job has its share of the GPU, and with it that of the host.
  const embodied = ((await embodiedByHand()) * gpuSeconds) / 3_600;
  const { totals, sci } = await ask<Answer>('GET', `/v1/jobs/${encodeURIComponent(id)}/emissions`);
  same(energyKwh, figure('`energyKwh` of the job'), totals.energyKwh);
  same(operational, figure('`operationalGrams` of the job'), totals.operationalGrams);
  same(embodied, figure('`embodiedGrams` of the job'), totals.embodiedGrams);
  same(operational + embodied, figure('`totalGrams` of the job'), totals.totalGrams);
  const perGpuHour = (operational + embodied) / (gpuSeconds / 3_600);
  same(perGpuHour, figure('SCI per GPU hour'), sci.find(({ unit }) => unit === 'gpuHour')!.gramsPerUnit);
  const idle = (await energyByHand()) * site.pueRatio * intensity - operational;
  const whole = await ask<Answer>('GET', `/v1/fleet/emissions?${RANGE}`);
  same(idle, figure('`idleGrams`'), whole.totals.idleGrams);
});

test('what the market makes of it', async () => {
  const site = await siteByHand();
  const facility = (await energyByHand()) * site.pueRatio;
  const { totals, contracts } = await ask<
    Answer & { contracts: { kwh: number; usedKwh: number; gramsPerKwh: number }[] }
  >('GET', `/v1/fleet/emissions?${RANGE}&accounting=market`);
  const [contract] = contracts as [(typeof contracts)[number]];
  const share = Math.min(1, contract.kwh / facility);
  const operational = facility * (share * contract.gramsPerKwh + (1 - share) * site.residualGramsPerKwh);
  same(share, figure('`supplyKinds.contract`'), totals.supplyKinds.contract!);
  same(1 - share, figure('`supplyKinds.residual`'), totals.supplyKinds.residual!);
  same(share * facility, given('certificates with that hour'), contract.usedKwh);
  same(operational, figure('`operationalGrams` at the market'), totals.operationalGrams);
  same(operational + (await embodiedByHand()), figure('`totalGrams` at the market'), totals.totalGrams);
});

interface Epoch {
  readonly energyMillijoules: number;
  readonly meteredMilliseconds: number;
  readonly idleMillijoules: number;
  readonly utilizationRatio: number | null;
  readonly jobs: readonly { id: string; energyMillijoules: number; allocatedMilliseconds: number }[];
}
interface Device {
  readonly id: string;
  readonly type: string;
  readonly energyMillijoules: number;
  readonly meteredMilliseconds: number;
  readonly expectedMilliseconds: number;
  readonly coveredMilliseconds: number;
  readonly epochs: readonly Epoch[];
}

const sum = (terms: readonly number[]) => terms.reduce((all, term) => all + term, 0);
const kwh = (millijoules: number) => millijoules / 3_600_000_000;

/** Every page of the node's windows. */
async function devicesByHand(range: string): Promise<Device[]> {
  const devices: Device[] = [];
  for (let cursor = ''; ; ) {
    const page = await ask<{ windows: { devices: Device[] }[]; nextCursor: string | null }>(
      'GET',
      `/v1/nodes/${node}/windows?${range}&limit=7${cursor}`,
    );
    expect(page.windows.length).toBeLessThanOrEqual(7);
    devices.push(...page.windows.flatMap((each) => each.devices));
    if (page.nextCursor === null) return devices;
    cursor = `&cursor=${page.nextCursor}`;
  }
}

test('low utilization, idle hardware, coverage and gaps, from the windows alone', async () => {
  clock.nowMs = DAY_MS + HOUR_MS + given('time for which the node was silent') * 60_000;
  const range = `from=${new Date(DAY_MS).toISOString()}&to=${new Date(clock.nowMs).toISOString()}`;
  const site = await siteByHand();
  const factor = site.pueRatio * (await intensityByHand(site.gridZone));
  const devices = await devicesByHand(range);
  expect(devices).toHaveLength(24);
  const epochs = devices.flatMap((device) => device.epochs);
  const { totals, groups } = await ask<{
    totals: Record<string, number>;
    groups: { owner: string; embodiedGrams: number; energyKwh: number }[];
  }>('GET', `/v1/fleet/emissions?${range}&groupBy=job`);

  const ofJobs = (each: Epoch) => sum(each.jobs.map((share) => share.energyMillijoules));
  const lowly = epochs.filter(({ utilizationRatio }) => utilizationRatio !== null && utilizationRatio < 0.2);
  const low = kwh(sum(lowly.map(ofJobs)));
  same(low, figure('`lowUtilizationEnergyKwh`'), totals.lowUtilizationEnergyKwh!);
  same(low * factor, figure('`lowUtilizationGrams`'), totals.lowUtilizationGrams!);

  const idleMs = sum(
    epochs.map((each) => {
      const free = each.meteredMilliseconds - sum(each.jobs.map((share) => share.allocatedMilliseconds));
      return each.idleMillijoules === 0
        ? 0
        : Math.round((free * each.idleMillijoules) / (each.energyMillijoules - ofJobs(each)));
    }),
  );
  const idle = groups.find(({ owner }) => owner === 'idle')!;
  same(
    ((await embodiedByHand()) * idleMs) / HOUR_MS,
    figure('`embodiedGrams` that are idle'),
    idle.embodiedGrams,
  );
  same(kwh(sum(epochs.map((each) => each.idleMillijoules))), 0.15, idle.energyKwh);

  const expected = sum(devices.map((device) => device.expectedMilliseconds));
  const covered = Math.min(expected, sum(devices.map((device) => device.coveredMilliseconds)));
  same(covered / expected, figure('`coverage` of the two hours'), totals.coverage!);
  const watts =
    sum(devices.map((device) => device.energyMillijoules)) /
    sum(devices.map((device) => device.meteredMilliseconds));
  same(
    kwh((expected - covered) * watts),
    figure('`missingEnergyKwhEstimate` of them'),
    totals.missingEnergyKwhEstimate!,
  );
});

test('windows as they were known, and what the route refuses', async () => {
  const range = `from=${new Date(DAY_MS).toISOString()}&to=${new Date(DAY_MS + HOUR_MS).toISOString()}`;
  const path = `/v1/nodes/${node}/windows?${range}`;
  const { windows } = await ask<{ windows: { devices: Device[] }[] }>(
    'GET',
    `${path}&asOf=${new Date(DAY_MS + WINDOW_MS).toISOString()}`,
  );
  // At that time one window had begun.
  expect(windows.map((each) => each.devices.map(({ id, type }) => [id, type]))).toEqual([[[GPU, 'gpu']]]);
  const refused = async (url: string) => {
    const { code, field } = await (await clock.call('GET', url)).json<Record<string, string>>();
    return { code, field };
  };
  expect(await refused(`${path}&asOf=2099-01-01T00:00:00Z`)).toEqual({
    code: 'invalid_parameter',
    field: 'asOf',
  });
  expect(await refused(`/v1/nodes/nobody/windows?${range}`)).toEqual({ code: 'not_found', field: 'id' });
  expect(await refused(`/v1/nodes/${node}/windows?from=2024-01-01T00:00:00Z`)).toEqual({
    code: 'range_too_long',
    field: 'from',
  });
});
