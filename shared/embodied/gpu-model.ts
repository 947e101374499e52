/**
 * What making a GPU emitted that the catalog does not know: formula `anchored-to-pcf` of the catalog with what is known of
 * it, the median of the known GPUs for the rest. The bounds have the least and the most of them instead, by the rule of
 * the catalog: -20 %, and the higher of +30 % and MLCA's formula.
 */
import type { CatalogEntry } from './catalog.ts';

interface GpuInputs {
  readonly dieAreaCm2: number;
  /** kgCO2eq per cm2 of die by process (Boakes et al.): 16 to 12 nm 1.55, 8 to 6 nm 2.06, 4 nm 2.74. */
  readonly processKgPerCm2: number;
  readonly memoryGigabytes: number;
  readonly tdpWatts: number;
}

/** Of the GPUs of the catalog. */
const LEAST: GpuInputs = { dieAreaCm2: 2.94, processKgPerCm2: 1.55, memoryGigabytes: 11, tdpWatts: 70 };
const MEDIAN: GpuInputs = { dieAreaCm2: 8.14, processKgPerCm2: 2.06, memoryGigabytes: 48, tdpWatts: 350 };
const MOST: GpuInputs = { dieAreaCm2: 24, processKgPerCm2: 2.74, memoryGigabytes: 288, tdpWatts: 1_400 };

/** Kilograms of the formulas that the catalog names `anchored-to-pcf` and, of MLCA, at 1 GB of memory per cm2. */
const anchored = ({ dieAreaCm2, processKgPerCm2, memoryGigabytes, tdpWatts }: GpuInputs): number =>
  5 * (processKgPerCm2 / 2.74) * dieAreaCm2 + 0.82 * memoryGigabytes + 0.038 * tdpWatts + 27;
const mlca = ({ dieAreaCm2, memoryGigabytes }: GpuInputs): number =>
  1.97 * dieAreaCm2 + 26.971 + 2.2 * memoryGigabytes + 5.22;

export function modelledGpu(known: Partial<GpuInputs> = {}): Pick<CatalogEntry, 'kgCo2eq' | 'low' | 'high'> {
  const most = { ...MOST, ...known };
  return {
    kgCo2eq: rounded(anchored({ ...MEDIAN, ...known })),
    low: rounded(0.8 * anchored({ ...LEAST, ...known })),
    high: rounded(Math.max(1.3 * anchored(most), mlca(most))),
  };
}

const rounded = (kilograms: number): number => Math.round(kilograms * 10) / 10;

/** Gigabytes of memory that a name tells (`Acme 9000 96GB`); null where it tells none. */
export function memoryInName(name: string): number | null {
  const gigabytes = Number(/\b(\d{1,3}) ?GB\b/i.exec(name)?.[1] ?? 0);
  return gigabytes === 0 ? null : gigabytes;
}
