/**
 * The figures of one answer, one step or one group: sums over the cells that belong to it. Energies are added as
 * integers without bound, grams with compensation, so that parts agree with their whole.
 */
import type { IntensityKind } from '../grid/intensity.ts';
import { MILLIJOULES_PER_KWH } from '../units.ts';
import type { DeviceType, EnergyKind } from '../wire/ingest.ts';
import { CompensatedSum } from './compensated-sum.ts';

/** One node, or an owner's share of it, in one place and one step: integers of millijoules and milliseconds below 2^53, grams as sums. */
export class Cell {
  energyMillijoules = 0;
  idleMillijoules = 0;
  jobMillijoules = 0;
  recoveredMillijoules = 0;
  lowUtilizationMillijoules = 0;
  gpuMilliseconds = 0;
  /** Utilization x time, and the GPU time for which it is known. */
  utilizedMilliseconds = 0;
  utilizationKnownMilliseconds = 0;
  expectedMilliseconds = 0;
  coveredMilliseconds = 0;
  missingMillijoulesEstimate = 0;
  /** Whether the node was enrolled and not retired at some time of it. */
  inFleet = false;
  /** Whether anything was booked in it: energy counts wherever the ledger has it. */
  reporting = false;
  readonly byKind: Record<EnergyKind, number> = { counter: 0, integrated: 0, modelled: 0, simulated: 0 };
  readonly byDeviceType: Record<DeviceType, number> = { gpu: 0, cpu: 0, memory: 0, other: 0 };
  readonly byGridKind: Record<IntensityKind, number> = { measured: 0, estimated: 0, forecast: 0, annual: 0 };
  readonly facilityKwh = new CompensatedSum();
  readonly grams = new CompensatedSum();
  readonly idleGrams = new CompensatedSum();
  readonly unattributedGrams = new CompensatedSum();
  readonly lowUtilizationGrams = new CompensatedSum();
  embodiedGrams = 0;
  embodiedGramsLow = 0;
  embodiedGramsHigh = 0;
}

export interface Figures {
  /** IT energy. */
  readonly energyKwh: number;
  /** x PUE: what the operational grams are made from. */
  readonly facilityEnergyKwh: number;
  readonly operationalGrams: number;
  readonly embodiedGrams: number;
  readonly embodiedGramsLow: number;
  readonly embodiedGramsHigh: number;
  /** operational + embodied */
  readonly totalGrams: number;
  readonly idleEnergyKwh: number;
  readonly idleGrams: number;
  /** Energy that is neither in a job nor proven idle. */
  readonly unattributedEnergyKwh: number;
  readonly unattributedGrams: number;
  /** Energy that jobs drew from GPUs whose mean utilization over the window was below the threshold asked for. */
  readonly lowUtilizationEnergyKwh: number;
  readonly lowUtilizationGrams: number;
  /** Time for which GPUs were metered. */
  readonly gpuSeconds: number;
  /** Mean over the GPU time for which it is known, 0..1; null where it never is. */
  readonly gpuUtilizationRatio: number | null;
  /** 0..1; null where nothing was expected. */
  readonly coverage: number | null;
  readonly nodesExpected: number;
  readonly nodesReporting: number;
  /** Never in a total. */
  readonly missingEnergyKwhEstimate: number;
  /** Shares of `energyKwh`; all 0 where there is none. */
  readonly energyKinds: Readonly<Record<EnergyKind, number>>;
  readonly recovered: number;
  /** Shares of the energy that an intensity was known for; all 0 where there is none. */
  readonly gridKinds: Readonly<Record<IntensityKind, number>>;
  readonly energyKwhByDevice: Readonly<Record<DeviceType, number>>;
}

type BigCounts<K extends string> = Record<K, bigint>;

export class FigureSums {
  #energy = 0n;
  #idle = 0n;
  #jobs = 0n;
  #recovered = 0n;
  #lowUtilization = 0n;
  #gpuMilliseconds = 0n;
  #utilizationKnown = 0n;
  #expected = 0n;
  #covered = 0n;
  readonly #byKind: BigCounts<EnergyKind> = { counter: 0n, integrated: 0n, modelled: 0n, simulated: 0n };
  readonly #byDeviceType: BigCounts<DeviceType> = { gpu: 0n, cpu: 0n, memory: 0n, other: 0n };
  readonly #byGridKind: BigCounts<IntensityKind> = { measured: 0n, estimated: 0n, forecast: 0n, annual: 0n };
  readonly #facilityKwh = new CompensatedSum();
  readonly #grams = new CompensatedSum();
  readonly #idleGrams = new CompensatedSum();
  readonly #unattributedGrams = new CompensatedSum();
  readonly #lowUtilizationGrams = new CompensatedSum();
  readonly #utilized = new CompensatedSum();
  readonly #embodied = new CompensatedSum();
  readonly #embodiedLow = new CompensatedSum();
  readonly #embodiedHigh = new CompensatedSum();
  readonly #missing = new CompensatedSum();
  readonly #nodesExpected = new Set<number>();
  readonly #nodesReporting = new Set<number>();

  add(nodeNumber: number, cell: Cell): void {
    this.#energy += BigInt(cell.energyMillijoules);
    this.#idle += BigInt(cell.idleMillijoules);
    this.#jobs += BigInt(cell.jobMillijoules);
    this.#recovered += BigInt(cell.recoveredMillijoules);
    this.#lowUtilization += BigInt(cell.lowUtilizationMillijoules);
    this.#gpuMilliseconds += BigInt(cell.gpuMilliseconds);
    this.#utilizationKnown += BigInt(cell.utilizationKnownMilliseconds);
    this.#utilized.add(cell.utilizedMilliseconds);
    this.#expected += BigInt(cell.expectedMilliseconds);
    this.#covered += BigInt(cell.coveredMilliseconds);
    addCounts(this.#byKind, cell.byKind);
    addCounts(this.#byDeviceType, cell.byDeviceType);
    addCounts(this.#byGridKind, cell.byGridKind);
    this.#facilityKwh.add(cell.facilityKwh.value);
    this.#grams.add(cell.grams.value);
    this.#idleGrams.add(cell.idleGrams.value);
    this.#unattributedGrams.add(cell.unattributedGrams.value);
    this.#lowUtilizationGrams.add(cell.lowUtilizationGrams.value);
    this.#embodied.add(cell.embodiedGrams);
    this.#embodiedLow.add(cell.embodiedGramsLow);
    this.#embodiedHigh.add(cell.embodiedGramsHigh);
    this.#missing.add(cell.missingMillijoulesEstimate);
    if (cell.inFleet) this.#nodesExpected.add(nodeNumber);
    if (cell.reporting) this.#nodesReporting.add(nodeNumber);
  }

  toFigures(): Figures {
    const operationalGrams = this.#grams.value;
    const embodiedGrams = this.#embodied.value;
    return {
      energyKwh: toKwh(this.#energy),
      facilityEnergyKwh: this.#facilityKwh.value,
      operationalGrams,
      embodiedGrams,
      embodiedGramsLow: this.#embodiedLow.value,
      embodiedGramsHigh: this.#embodiedHigh.value,
      totalGrams: operationalGrams + embodiedGrams,
      idleEnergyKwh: toKwh(this.#idle),
      idleGrams: this.#idleGrams.value,
      unattributedEnergyKwh: toKwh(this.#energy - this.#idle - this.#jobs),
      unattributedGrams: this.#unattributedGrams.value,
      lowUtilizationEnergyKwh: toKwh(this.#lowUtilization),
      lowUtilizationGrams: this.#lowUtilizationGrams.value,
      gpuSeconds: Number(this.#gpuMilliseconds) / 1_000,
      gpuUtilizationRatio:
        this.#utilizationKnown === 0n ? null : this.#utilized.value / Number(this.#utilizationKnown),
      // An agent's clock may run a hair ahead of the server's inside the open window.
      coverage: this.#expected === 0n ? null : Math.min(1, Number(this.#covered) / Number(this.#expected)),
      nodesExpected: this.#nodesExpected.size,
      nodesReporting: this.#nodesReporting.size,
      missingEnergyKwhEstimate: this.#missing.value / MILLIJOULES_PER_KWH,
      energyKinds: shares(this.#byKind),
      recovered: this.#energy === 0n ? 0 : Number(this.#recovered) / Number(this.#energy),
      gridKinds: shares(this.#byGridKind),
      energyKwhByDevice: mapCounts(this.#byDeviceType, toKwh),
    };
  }
}

const toKwh = (millijoules: bigint): number => Number(millijoules) / MILLIJOULES_PER_KWH;

function addCounts<K extends string>(sums: BigCounts<K>, counts: Readonly<Record<K, number>>): void {
  for (const key in counts) if (counts[key] !== 0) sums[key] += BigInt(counts[key]);
}

function mapCounts<K extends string>(
  counts: BigCounts<K>,
  map: (count: bigint) => number,
): Record<K, number> {
  const mapped = {} as Record<K, number>;
  for (const key in counts) mapped[key] = map(counts[key]);
  return mapped;
}

function shares<K extends string>(counts: BigCounts<K>): Record<K, number> {
  const total = Number((Object.values(counts) as bigint[]).reduce((sum, count) => sum + count, 0n));
  return mapCounts(counts, (count) => (total === 0 ? 0 : Number(count) / total));
}
