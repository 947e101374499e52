import { expect, test } from 'vitest';
import {
  catalog,
  HardwareCatalog,
  IMPACTS,
  type Impact,
  PUBLISHED,
  yearOf,
} from '../../../shared/embodied/catalog.ts';
import { partFootprint, withFootprints } from '../../../shared/embodied/footprint.ts';
import { modelledGpu } from '../../../shared/embodied/gpu-model.ts';

test.each(['NVIDIA GH200 480GB', 'NVIDIA GB200'])(
  'the CPU on the module of a %s is not counted twice',
  (name) => {
    const part = (type: 'gpu' | 'cpu', of: string) => {
      const service = { inServiceMs: 0, outOfServiceMs: null };
      return { id: of, type, name: of, capacityBytes: null, ...service };
    };
    const cpu = part('cpu', 'Neoverse-V2');
    const known = [{ fromMs: 0, value: PUBLISHED }];
    const [gpu, inModule] = withFootprints([part('gpu', name), cpu], known);
    expect(gpu!.grams).toBeGreaterThan(0);
    expect(inModule).toMatchObject({ grams: 0, gramsLow: 0, gramsHigh: 0, match: 'module', entries: [] });
    expect(withFootprints([part('gpu', 'NVIDIA H100 80GB HBM3'), cpu], known)[1]!.grams).toBeGreaterThan(0);
  },
);

test('every entry has its bounds in order, a known source and, where modelled, a formula', () => {
  expect(catalog.entries).toHaveLength(81);
  expect(new Set(catalog.entries.map(({ id }) => id)).size).toBe(81);
  for (const { id, kgCo2eq, low, high, sources, model, method } of catalog.entries) {
    expect(low, id).toBeLessThanOrEqual(kgCo2eq);
    expect(high, id).toBeGreaterThanOrEqual(kgCo2eq);
    expect(method.length, id).toBeGreaterThan(0);
    expect(sources.length, id).toBeGreaterThan(0);
    for (const source of sources) expect(catalog.sources, id).toHaveProperty(source);
    if (model !== undefined) expect(catalog.models, id).toHaveProperty(model);
  }
});

test('CPU figures follow the formula that they name', () => {
  for (const { id, model, kgCo2eq, dieAreaMm2 } of catalog.entries)
    if (model === 'cpu-die') expect(0.0197 * dieAreaMm2! + 9.14, id).toBeCloseTo(kgCo2eq, 1);
});

test.each([
  ['NVIDIA H100 80GB HBM3', 'h100-sxm5-80gb'],
  ['NVIDIA H100 PCIe', 'h100-pcie-80gb'],
  ['NVIDIA A100-SXM4-80GB', 'a100-sxm4-80gb'],
  ['NVIDIA A100-SXM4-40GB', 'a100-sxm4-40gb'],
  ['Tesla V100-SXM2-16GB', 'v100-sxm2-16gb'],
  ['NVIDIA L4', 'l4'],
  ['NVIDIA L40S', 'l40s'],
  ['NVIDIA A10G', 'a10g'],
  ['NVIDIA B200', 'b200-sxm-180gb'],
  ['NVIDIA B300 SXM6 AC', 'b300-sxm-288gb'],
  ['AMD Instinct MI300X', 'mi300x'],
  ['NVIDIA GeForce RTX 3090', 'rtx-3090'],
])('%s is known by its name', (name, id) => {
  expect(PUBLISHED.find('gpu', name)).toMatchObject({ by: 'exact', entry: { id } });
});

test.each([
  ['AMD EPYC 9654 96-Core Processor', 'epyc-9654'],
  ['Intel(R) Xeon(R) Platinum 8480C', 'xeon-8480'],
  ['Intel(R) Xeon(R) Platinum 8175M CPU @ 2.50GHz', 'xeon-8175m'],
])('%s is known by its name', (name, id) => {
  expect(PUBLISHED.find('cpu', name)).toMatchObject({ by: 'exact', entry: { id } });
});

test('every alias finds its own entry', () => {
  for (const { id, kind, aliases } of catalog.entries)
    if (kind === 'gpu' || kind === 'cpu')
      for (const alias of aliases ?? []) expect(PUBLISHED.find(kind, alias).entry.id, alias).toBe(id);
});

test('a longer name is like the longest that it begins with, with bounds of half to twice', () => {
  const known = PUBLISHED.entry('rtx-3090');
  expect(PUBLISHED.find('gpu', 'NVIDIA GeForce RTX 3090 Ti')).toEqual({
    by: 'similar',
    entry: expect.objectContaining({
      id: 'rtx-3090',
      kgCo2eq: known.kgCo2eq,
      low: known.low / 2,
      high: known.high * 2,
      adpeKgSbeqHigh: known.adpeKgSbeqHigh! * 2,
      provenance: 'model',
      confidence: 'low',
      method: expect.stringContaining('with which its name begins'),
    }),
  });
  expect(partFootprint({ type: 'gpu', name: 'NVIDIA L4', capacityBytes: null })).toMatchObject({
    assumed: false,
    match: 'exact',
  });
  // How many modules it comes in, nobody says.
  const memory = { type: 'memory' as const, name: 'DDR5', capacityBytes: 2 ** 36 };
  expect(partFootprint(memory)).toMatchObject({ assumed: true, match: 'type' });
  expect(partFootprint({ ...memory, type: 'dimm' })).toMatchObject({
    assumed: false,
    match: 'type',
    grams: 64 * 1_768 + 5_220,
  });
});

test('an unknown GPU has the figure of the model, with bounds that hold all that is known', () => {
  const unknown = PUBLISHED.entry('gpu-unknown');
  expect(unknown).toMatchObject({ ...modelledGpu(), provenance: 'model', model: 'anchored-to-pcf' });
  expect(partFootprint({ type: 'gpu', name: 'Acme 9000', capacityBytes: null })).toMatchObject({
    assumed: true,
    match: 'modelled',
    entries: [{ id: 'gpu-unknown' }],
    grams: 110_300,
    gramsLow: 37_600,
    gramsHigh: 713_100,
  });
  for (const { id, kind, low, high } of catalog.entries) {
    if (kind !== 'gpu') continue;
    expect(unknown.low, id).toBeLessThanOrEqual(low);
    expect(unknown.high, id).toBeGreaterThanOrEqual(high);
  }
});

test('the inputs of the model are the least, the median and the most of the known GPUs', () => {
  const known = catalog.entries.filter(({ kind, dieAreaMm2 }) => kind === 'gpu' && dieAreaMm2 !== undefined);
  const of = (input: 'dieAreaMm2' | 'memoryGigabytes' | 'tdpWatts') => {
    const values = known.map((entry) => entry[input]!).sort((a, b) => a - b);
    return [
      values[0]!,
      (values[(values.length - 1) >> 1]! + values[values.length >> 1]!) / 2,
      values.at(-1)!,
    ];
  };
  const inputs = { dieAreaCm2: 8.14, processKgPerCm2: 2.06, memoryGigabytes: 48, tdpWatts: 350 };
  expect(of('dieAreaMm2')).toEqual([294, 814, 2_400]);
  expect(of('memoryGigabytes')).toEqual([11, 48, 288]);
  expect(of('tdpWatts')).toEqual([70, 350, 1_400]);
  expect(modelledGpu(inputs).kgCo2eq).toBe(modelledGpu().kgCo2eq);
  // By hand: 5 x (2.06 / 2.74) x 8.14 + 0.82 x 48 + 0.038 x 350 + 27.
  expect(modelledGpu().kgCo2eq).toBe(110.3);
  // The two footprints that the formula is anchored to.
  const h100 = { dieAreaCm2: 8.14, processKgPerCm2: 2.74, memoryGigabytes: 80, tdpWatts: 700 };
  const b200 = { dieAreaCm2: 16, processKgPerCm2: 2.74, memoryGigabytes: 180, tdpWatts: 1_000 };
  expect([h100, b200].map((gpu) => modelledGpu(gpu).kgCo2eq)).toEqual([159.9, 292.6]);
});

test('what an unknown name tells of its memory goes into the model, and says so', () => {
  const { entry, by } = PUBLISHED.find('gpu', 'Acme 9000 96GB HBM3');
  expect(by).toBe('modelled');
  expect(entry).toMatchObject({ ...modelledGpu({ memoryGigabytes: 96 }), memoryGigabytes: 96 });
  expect(entry.method).toContain('96 GB that its name tells');
  expect(entry.high).toBeLessThan(600);
  const own = new HardwareCatalog(new Map([['gpu-unknown', { kgCo2eq: 1, low: 1, high: 1, source: 'x' }]]));
  expect(own.find('gpu', 'Acme 9000 96GB').entry.kgCo2eq).toBe(1);
});

test('any other CPU is the model at the median die of the known ones', () => {
  const dies = catalog.entries.flatMap(({ id, kind, dieAreaMm2 }) =>
    kind === 'cpu' && id !== 'cpu-unknown' && dieAreaMm2 ? [dieAreaMm2] : [],
  );
  const sorted = dies.sort((a, b) => a - b);
  const median = (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
  expect(0.0197 * median + 9.14).toBeCloseTo(PUBLISHED.entry('cpu-unknown').kgCo2eq, 1);
  expect(PUBLISHED.entry('cpu-unknown')).toMatchObject({ low: 5.5, high: 100, provenance: 'model' });
  expect(0.6 * 9.14).toBeCloseTo(5.5, 1);
});

test('other impacts have bounds where two sources or a range have a figure, and none where one has', () => {
  for (const entry of catalog.entries)
    for (const impact of IMPACTS) {
      const [low, high] = [entry[`${impact}Low`], entry[`${impact}High`]];
      expect(low === undefined, `${entry.id} ${impact}`).toBe(high === undefined);
      if (low === undefined) continue;
      expect(low, entry.id).toBeLessThanOrEqual(entry[impact]!);
      expect(high, entry.id).toBeGreaterThanOrEqual(entry[impact]!);
    }
  const bounded = (kind: string, impact: Impact) =>
    catalog.entries
      .filter((entry) => entry.kind === kind && entry.id !== 'gpu-unknown')
      .map((entry) => entry[`${impact}High`] !== undefined);
  expect(new Set(bounded('gpu', 'adpeKgSbeq'))).toEqual(new Set([true]));
  expect(new Set(bounded('gpu', 'waterCubicMetresEq'))).toEqual(new Set([false]));
  expect(new Set(bounded('memory', 'primaryEnergyMegajoules'))).toEqual(new Set([true]));
  expect(new Set(bounded('cpu', 'adpeKgSbeq'))).toEqual(new Set([false]));
});

test('the bounds of depletion and primary energy are those of MLCA and of ADEME’s factors', () => {
  for (const entry of catalog.entries) {
    const { kind, dieAreaMm2, memoryGigabytes } = entry;
    if (kind !== 'gpu' || dieAreaMm2 === undefined || memoryGigabytes === undefined) continue;
    const adpe = 5.8e-7 * (dieAreaMm2 / 100) + 0.0170687302 + memoryGigabytes * 6.3e-5 + 1.69e-3;
    const energy = 26.5 * (dieAreaMm2 / 100) + 156 + memoryGigabytes * 27.3 + 74;
    for (const [bounds, other] of [
      [[entry.adpeKgSbeqLow!, entry.adpeKgSbeqHigh!], adpe],
      [[entry.primaryEnergyMegajoulesLow!, entry.primaryEnergyMegajoulesHigh!], energy],
    ] as const)
      expect(Math.min(...bounds.map((bound) => Math.abs(bound / other - 1))), entry.id).toBeLessThan(1e-3);
  }
});

test('every entry says where its figure is from and of which year, and its other impacts are positive', () => {
  for (const entry of catalog.entries) {
    expect(['manufacturer', 'lca', 'derived', 'model'], entry.id).toContain(entry.provenance);
    expect(yearOf(entry), entry.id).toBeGreaterThan(2015);
    if (entry.model !== undefined) expect(entry.provenance, entry.id).toBe('model');
    if (entry.otherImpactsModel !== undefined) expect(catalog.models).toHaveProperty(entry.otherImpactsModel);
    for (const impact of ['adpeKgSbeq', 'primaryEnergyMegajoules', 'waterCubicMetresEq'] as const)
      expect(entry[impact] ?? 1, entry.id).toBeGreaterThan(0);
  }
  const known = (kind: string, impact: 'adpeKgSbeq' | 'waterCubicMetresEq') =>
    catalog.entries.filter((entry) => entry.kind === kind).every((entry) => entry[impact] !== undefined);
  expect([known('gpu', 'adpeKgSbeq'), known('gpu', 'waterCubicMetresEq')]).toEqual([true, true]);
  expect([known('cpu', 'adpeKgSbeq'), known('tpu', 'adpeKgSbeq')]).toEqual([true, false]);
});

test('figures of manufacturers are theirs: HGX H100 1,312 kg and HGX B200 2,274 kg for eight GPUs', () => {
  expect(PUBLISHED.entry('h100-sxm5-80gb')).toMatchObject({ kgCo2eq: 1_312 / 8, provenance: 'manufacturer' });
  expect(PUBLISHED.entry('b200-sxm-180gb')).toMatchObject({ kgCo2eq: 2_274 / 8, provenance: 'manufacturer' });
});

test('every source has a year and is in use', () => {
  const used = new Set(catalog.entries.flatMap(({ sources }) => sources));
  expect([...used].sort()).toEqual(Object.keys(catalog.sources).sort());
  expect(Object.keys(catalog.sourceYears).sort()).toEqual(Object.keys(catalog.sources).sort());
});

test('from P100 to B300, MI210 to MI325X, Gaudi and TPU, and each kind of part', () => {
  const ids = new Set(catalog.entries.map(({ id }) => id.split('-')[0]));
  for (const id of ['p100', 'v100', 't4', 'a100', 'l4', 'h100', 'h200', 'gh200', 'b200', 'b300', 'gb200'])
    expect(ids).toContain(id);
  for (const id of ['mi210', 'mi250', 'mi250x', 'mi300x', 'mi325x', 'gaudi2', 'gaudi3', 'tpu'])
    expect(ids).toContain(id);
  const kinds = new Set(catalog.entries.map(({ kind }) => kind));
  for (const kind of ['memory', 'ssd', 'hdd', 'chassis', 'psu', 'motherboard', 'nic', 'switch', 'server'])
    expect(kinds).toContain(kind);
});

test('an own figure stands in front of the published one, and an own part is known by its names', () => {
  const own = new HardwareCatalog(
    new Map([
      ['l4', { kgCo2eq: 60, low: 55, high: 70, source: 'our supplier' }],
      [
        'acme-9000',
        {
          kgCo2eq: 99,
          low: 90,
          high: 110,
          source: 'their sheet',
          part: { kind: 'gpu' as const, name: 'Acme 9000', names: ['Acme 9000'] },
        },
      ],
    ]),
  );
  expect(own.find('gpu', 'NVIDIA L4')).toMatchObject({
    by: 'exact',
    // What the operator does not say of it stays as published.
    entry: { kgCo2eq: 60, provenance: 'operator', sources: ['our supplier'], adpeKgSbeq: 0.002482 },
  });
  expect(own.find('gpu', 'NVIDIA L40').entry.id).toBe('l40');
  const acme = { type: 'gpu' as const, name: 'Acme 9000', capacityBytes: null };
  expect(partFootprint(acme, own)).toMatchObject({ grams: 99_000, match: 'exact', waterCubicMetresEq: null });
  expect(partFootprint(acme)).toMatchObject({ match: 'modelled', entries: [{ id: 'gpu-unknown' }] });
});

test('eight GPUs have six power supplies; an operator’s count comes first; none is none', () => {
  const supplies = { type: 'powerSupplies' as const, name: '', capacityBytes: null };
  const kilograms = (count: number | null, gpuCount: number) =>
    partFootprint({ ...supplies, count }, undefined, gpuCount).grams / 24.3 / 2_990;
  expect([0, 1, 4, 8].map((gpus) => Math.round(kilograms(null, gpus)))).toEqual([2, 2, 4, 6]);
  expect(kilograms(3, 8)).toBeCloseTo(3, 9);
  expect(partFootprint({ ...supplies, count: 0 })).toMatchObject({ grams: 0, gramsHigh: 0, assumed: false });
  const memory = { type: 'memory' as const, name: 'DDR5', capacityBytes: 2 ** 36 };
  const modules = (count: number | null) => partFootprint({ ...memory, count }).grams;
  expect((modules(4) - modules(null)) / 5_220).toBeCloseTo(3, 9);
});

test('a chassis is built for the most GPUs that it ever held at once, not for all that passed through it', () => {
  const service = (id: number, inServiceMs: number, outOfServiceMs: number | null) => ({
    id,
    type: 'gpu' as const,
    name: 'NVIDIA L4',
    capacityBytes: null,
    inServiceMs,
    outOfServiceMs,
  });
  const supplies = { ...service(9, 0, null), type: 'powerSupplies' as const };
  const figure = (gpus: readonly (typeof supplies | ReturnType<typeof service>)[]) =>
    Math.round(
      withFootprints([supplies, ...gpus], [{ fromMs: 0, value: PUBLISHED }])[0]!.grams / 24.3 / 2_990,
    );
  expect(figure([0, 1, 2].map((id) => service(id, 0, null)))).toBe(2);
  expect(figure([0, 1, 2, 3].map((id) => service(id, id, id + 1)))).toBe(2);
  expect(figure([0, 1, 2, 3].map((id) => service(id, 0, 5)))).toBe(4);
});

test('a host of 2 TiB and eight disks and eight GPUs comes to what the catalog has for that server', () => {
  const part = (type: 'cpu' | 'memory' | 'ssd', name: string, capacityBytes: number | null = null) => ({
    type,
    name,
    capacityBytes,
  });
  const cpu = part('cpu', 'Intel(R) Xeon(R) Platinum 8480C');
  const parts = [
    cpu,
    cpu,
    part('memory', 'DDR5', 2 ** 41),
    ...Array.from({ length: 8 }, () => part('ssd', 'disk', 3.84e12)),
    ...Array.from({ length: 2 }, () => part('ssd', 'disk', 1.92e12)),
    ...(['chassis', 'motherboard', 'powerSupplies', 'assembly'] as const).map((type) => ({
      type,
      name: type,
      capacityBytes: null,
    })),
  ];
  const kilograms = parts.reduce((sum, each) => sum + partFootprint(each, undefined, 8).grams, 0) / 1_000;
  expect(Math.abs(kilograms / PUBLISHED.entry('dgx-h100').hostKgCo2eq! - 1)).toBeLessThan(0.001);
});
