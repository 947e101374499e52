import { expect, test } from 'vitest';
import { catalog, HardwareCatalog, PUBLISHED, yearOf } from '../../../shared/embodied/catalog.ts';
import { partFootprint, withFootprints } from '../../../shared/embodied/footprint.ts';

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
  ['AMD Instinct MI300X', 'mi300x'],
  ['NVIDIA GeForce RTX 3090', 'rtx-3090'],
])('%s is known by its name', (name, id) => {
  expect(PUBLISHED.find('gpu', name)).toMatchObject({ by: 'name', entry: { id } });
});

test.each([
  ['AMD EPYC 9654 96-Core Processor', 'epyc-9654'],
  ['Intel(R) Xeon(R) Platinum 8480C', 'xeon-8480'],
  ['Intel(R) Xeon(R) Platinum 8175M CPU @ 2.50GHz', 'xeon-8175m'],
])('%s is known by its name', (name, id) => {
  expect(PUBLISHED.find('cpu', name)).toMatchObject({ by: 'name', entry: { id } });
});

test('every alias finds its own entry', () => {
  for (const { id, kind, aliases } of catalog.entries)
    if (kind === 'gpu' || kind === 'cpu')
      for (const alias of aliases ?? []) expect(PUBLISHED.find(kind, alias).entry.id, alias).toBe(id);
});

test('a longer name is like the longest that it begins with, and marked; an unknown one has wide bounds', () => {
  expect(PUBLISHED.find('gpu', 'NVIDIA GeForce RTX 3090 Ti')).toMatchObject({
    by: 'similar',
    entry: { id: 'rtx-3090' },
  });
  const unknown = partFootprint({ type: 'gpu', name: 'Acme 9000', capacityBytes: null });
  expect(unknown).toMatchObject({ assumed: true, entryIds: ['gpu-unknown'], gramsHigh: 697_300 });
  expect(partFootprint({ type: 'gpu', name: 'NVIDIA L4', capacityBytes: null }).assumed).toBe(false);
  // How many modules it comes in, nobody says.
  expect(partFootprint({ type: 'memory', name: 'DDR5', capacityBytes: 2 ** 36 }).assumed).toBe(true);
});

test.each(['gpu', 'cpu'])(
  'any other %s is the median of the known ones, within their widest bounds',
  (kind) => {
    const known = catalog.entries.filter((entry) => entry.kind === kind && entry.id !== `${kind}-unknown`);
    const values = known.map(({ kgCo2eq }) => kgCo2eq).sort((a, b) => a - b);
    const half = values.length / 2;
    const median = (values[Math.ceil(half) - 1]! + values[Math.floor(half)]!) / 2;
    expect(PUBLISHED.entry(`${kind}-unknown`)).toMatchObject({
      kgCo2eq: Number(median.toFixed(3)),
      low: Math.min(...known.map(({ low }) => low)),
      high: Math.max(...known.map(({ high }) => high)),
    });
  },
);

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
    by: 'name',
    // What the operator does not say of it stays as published.
    entry: { kgCo2eq: 60, provenance: 'operator', sources: ['our supplier'], adpeKgSbeq: 0.002482 },
  });
  expect(own.find('gpu', 'NVIDIA L40').entry.id).toBe('l40');
  const acme = { type: 'gpu' as const, name: 'Acme 9000', capacityBytes: null };
  expect(partFootprint(acme, own)).toMatchObject({ grams: 99_000, matched: true, waterCubicMetresEq: null });
  expect(partFootprint(acme)).toMatchObject({ matched: false, entryIds: ['gpu-unknown'] });
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
    Math.round(withFootprints([supplies, ...gpus])[0]!.grams / 24.3 / 2_990);
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
