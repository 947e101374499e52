import { expect, test } from 'vitest';
import { catalog, catalogEntry, findHardware } from '../../../shared/embodied/catalog.ts';
import { partFootprint } from '../../../shared/embodied/footprint.ts';

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
  expect(findHardware('gpu', name)).toMatchObject({ by: 'name', entry: { id } });
});

test.each([
  ['AMD EPYC 9654 96-Core Processor', 'epyc-9654'],
  ['Intel(R) Xeon(R) Platinum 8480C', 'xeon-8480'],
  ['Intel(R) Xeon(R) Platinum 8175M CPU @ 2.50GHz', 'xeon-8175m'],
])('%s is known by its name', (name, id) => {
  expect(findHardware('cpu', name)).toMatchObject({ by: 'name', entry: { id } });
});

test('every alias finds its own entry', () => {
  for (const { id, kind, aliases } of catalog.entries)
    if (kind === 'gpu' || kind === 'cpu')
      for (const alias of aliases ?? []) expect(findHardware(kind, alias).entry.id, alias).toBe(id);
});

test('a longer name is like the longest that it begins with, and marked; an unknown one has wide bounds', () => {
  expect(findHardware('gpu', 'NVIDIA GeForce RTX 3090 Ti')).toMatchObject({
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
    expect(catalogEntry(`${kind}-unknown`)).toMatchObject({
      kgCo2eq: Number(median.toFixed(3)),
      low: Math.min(...known.map(({ low }) => low)),
      high: Math.max(...known.map(({ high }) => high)),
    });
  },
);

test('a host of 2 TiB and eight disks comes to what the catalog has for that server, but for its six power supplies', () => {
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
  const kilograms = parts.reduce((sum, each) => sum + partFootprint(each).grams, 0) / 1_000;
  const fourMoreSupplies = 4 * 24.3 * 2.99;
  expect(Math.abs((kilograms + fourMoreSupplies) / catalogEntry('dgx-h100').hostKgCo2eq! - 1)).toBeLessThan(
    0.001,
  );
});
