/** The demo fleet: twelve invented nodes of three kinds at four sites. Powers are plausible, not measured. */

export interface DemoSite {
  readonly id: string;
  readonly name: string;
  readonly gridZone: string;
  readonly pueRatio: number;
}

export interface DemoHardware {
  readonly gpuName: string;
  readonly gpuCount: number;
  readonly gpuIdleWatts: number;
  readonly gpuBusyWatts: number;
  readonly cpuName: string;
  readonly cpuCores: number;
  readonly memoryBytes: number;
  readonly ssdBytes: number;
}

export interface DemoNode {
  /** From 0; seeds everything that is invented about the node. */
  readonly index: number;
  readonly hostname: string;
  readonly site: DemoSite;
  readonly hardware: DemoHardware;
}

const GIB = 2 ** 30;
const TB = 10 ** 12;

const H100: DemoHardware = {
  gpuName: 'NVIDIA H100 80GB HBM3',
  gpuCount: 8,
  gpuIdleWatts: 74,
  gpuBusyWatts: 610,
  cpuName: 'Intel(R) Xeon(R) Platinum 8480C',
  cpuCores: 56,
  memoryBytes: 2048 * GIB,
  ssdBytes: 30.72 * TB,
};
const H200: DemoHardware = { ...H100, gpuName: 'NVIDIA H200', gpuIdleWatts: 78, gpuBusyWatts: 630 };
const A100: DemoHardware = {
  gpuName: 'NVIDIA A100-SXM4-80GB',
  gpuCount: 8,
  gpuIdleWatts: 58,
  gpuBusyWatts: 350,
  cpuName: 'AMD EPYC 7742 64-Core Processor',
  cpuCores: 64,
  memoryBytes: 1024 * GIB,
  ssdBytes: 15.36 * TB,
};

/** Great Britain and West Denmark have live series without a key, so a demo shows measured beside yearly values. */
export const DEMO_SITES: readonly DemoSite[] = [
  { id: 'demo-slough', name: 'Demo: Slough', gridZone: 'GB', pueRatio: 1.3 },
  { id: 'demo-esbjerg', name: 'Demo: Esbjerg', gridZone: 'DK-DK1', pueRatio: 1.12 },
  { id: 'demo-frankfurt', name: 'Demo: Frankfurt', gridZone: 'DE', pueRatio: 1.25 },
  { id: 'demo-san-jose', name: 'Demo: San Jose', gridZone: 'US-CAL-CISO', pueRatio: 1.18 },
];

const RACKS: readonly (readonly [siteIndex: number, hardware: DemoHardware, count: number])[] = [
  [0, H100, 3],
  [1, H200, 2],
  [2, H100, 4],
  [3, A100, 3],
];

export const DEMO_NODES: readonly DemoNode[] = RACKS.flatMap(([siteIndex, hardware, count]) =>
  Array.from({ length: count }, (_, place) => ({ siteIndex, hardware, place })),
).map(({ siteIndex, hardware, place }, index) => {
  const site = DEMO_SITES[siteIndex]!;
  return { index, hostname: `${site.id}-${String(place + 1).padStart(2, '0')}`, site, hardware };
});
