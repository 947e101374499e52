/**
 * The figures of one answer, one step or one group: sums over the cells that belong to it. Energies are added as
 * integers without bound, grams with compensation, so that parts agree with their whole.
 */
import { type IntensityKind, SCOPES, type Scope } from '../grid/intensity.ts';
import { NumberSet } from '../number-set.ts';
import { OVERHEADS, type Overhead } from '../settings/site-factors.ts';
import { MILLIJOULES_PER_KWH } from '../units.ts';
import type { DeviceType, EnergyKind, JobAttribution } from '../wire/ingest.ts';
import { CompensatedSum } from './compensated-sum.ts';
import type { PartSums } from './embodied-parts.ts';
import type { GridUses } from './grid-uses.ts';

/** Where the electricity comes from under market accounting. */
export const SUPPLY_KINDS = ['contract', 'residual', 'location'] as const;
export type SupplyKind = (typeof SUPPLY_KINDS)[number];

/** `site`: what the site uses; `grid`: what making its electricity uses. */
export const WATERS = ['site', 'grid'] as const;
export type Water = (typeof WATERS)[number];

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
  /** Of what was expected and not covered, and of what was metered: by type of device, over all owners. */
  readonly gapMilliseconds: Record<DeviceType, number> = { gpu: 0, cpu: 0, memory: 0, other: 0 };
  readonly meteredMilliseconds: Record<DeviceType, number> = { gpu: 0, cpu: 0, memory: 0, other: 0 };
  /** Whether the node was enrolled and not retired at some time of it. */
  inFleet = false;
  /** Whether anything was booked in it: energy counts wherever the ledger has it. */
  reporting = false;
  readonly byKind: Record<EnergyKind, number> = { counter: 0, integrated: 0, modelled: 0, simulated: 0 };
  readonly byDeviceType: Record<DeviceType, number> = { gpu: 0, cpu: 0, memory: 0, other: 0 };
  readonly byGridKind: Record<IntensityKind, number> = { measured: 0, estimated: 0, forecast: 0, annual: 0 };
  /** Of the energy in jobs. */
  readonly byAttribution: Record<JobAttribution, number> = {
    allocation: 0,
    slices: 0,
    turns: 0,
    utilization: 0,
    processes: 0,
  };
  /** Of facility energy; market accounting splits a window among several. */
  readonly kwhBySupply: Record<SupplyKind, number> = { contract: 0, residual: 0, location: 0 };
  /** Null where the site says nothing of it; with the energy of which it does. */
  readonly water: Record<Water, { litres: number; knownMillijoules: number } | null> = {
    site: null,
    grid: null,
  };
  readonly overheads: Record<Overhead, { kwh: number; grams: number } | null> = {
    host: null,
    network: null,
    storage: null,
    cooling: null,
  };
  readonly facilityKwh = new CompensatedSum();
  readonly grams = new CompensatedSum();
  readonly idleGrams = new CompensatedSum();
  readonly unattributedGrams = new CompensatedSum();
  readonly lowUtilizationGrams = new CompensatedSum();
  embodiedGrams = 0;
  embodiedGramsLow = 0;
  embodiedGramsHigh = 0;
  /** The same part by part; null where nobody asks. */
  embodiedParts: PartSums | null = null;
  /** What was charged at the intensity of the grid; null: nothing. */
  gridUses: GridUses | null = null;
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
  /** Shares of the energy in jobs by how they came to it; all 0 where there is none. */
  readonly jobAttributions: Readonly<Record<JobAttribution, number>>;
  readonly recovered: number;
  /** Shares of the energy that an intensity was known for; all 0 where there is none. */
  readonly gridKinds: Readonly<Record<IntensityKind, number>>;
  /** Of what is charged at the intensity of the grid; null where nothing is. */
  readonly scope: Scope | 'mixed' | null;
  /** The parts of what is charged so, where there are two: consumption and production are never one figure. */
  readonly scopes: Readonly<Record<Scope, ScopePart>> | null;
  /** Shares of the facility energy that is charged under market accounting; all 0 under location. */
  readonly supplyKinds: Readonly<Record<SupplyKind, number>>;
  readonly energyKwhByDevice: Readonly<Record<DeviceType, number>>;
  /** Null where no site says anything of it. */
  readonly waterLitresSite: number | null;
  readonly waterLitresGrid: number | null;
  /** Shares of the energy whose site says something of it. */
  readonly waterKnown: Readonly<Record<Water, number>>;
  /** In no other figure; null where no site gives the factor. */
  readonly overheads: Readonly<Record<Overhead, OverheadFigures | null>>;
}

export interface ScopePart {
  readonly facilityEnergyKwh: number;
  readonly operationalGrams: number;
}

export interface OverheadFigures {
  readonly energyKwh: number;
  readonly operationalGrams: number;
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
  readonly #byAttribution: BigCounts<JobAttribution> = {
    allocation: 0n,
    slices: 0n,
    turns: 0n,
    utilization: 0n,
    processes: 0n,
  };
  readonly #byGridKind: BigCounts<IntensityKind> = { measured: 0n, estimated: 0n, forecast: 0n, annual: 0n };
  readonly #bySupply = {
    contract: new CompensatedSum(),
    residual: new CompensatedSum(),
    location: new CompensatedSum(),
  };
  readonly #water = new Map<Water, { litres: CompensatedSum; known: bigint }>();
  readonly #overheads = new Map<Overhead, { kwh: CompensatedSum; grams: CompensatedSum }>();
  readonly #scopes = {
    consumption: { kwh: new CompensatedSum(), grams: new CompensatedSum() },
    production: { kwh: new CompensatedSum(), grams: new CompensatedSum() },
  };
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
  readonly #nodesExpected = new NumberSet();
  readonly #nodesReporting = new NumberSet();
  #last: { readonly expected: NumberSet; readonly reporting: NumberSet } | null = null;

  add(nodeNumber: number, cell: Cell): void {
    this.#addCell(cell);
    if (cell.inFleet) this.#nodesExpected.add(nodeNumber);
    if (cell.reporting) this.#nodesReporting.add(nodeNumber);
  }

  /** One cell that stands for many nodes; of a fleet that stands, one hour has the sets of the one before. */
  addNodes(cell: Cell, expected: NumberSet, reporting: NumberSet): void {
    this.#addCell(cell);
    if (expected !== this.#last?.expected) this.#nodesExpected.addAll(expected);
    if (reporting !== this.#last?.reporting) this.#nodesReporting.addAll(reporting);
    this.#last = { expected, reporting };
  }

  /** Adds what others sum to. */
  addAll(other: FigureSums): void {
    this.#energy += other.#energy;
    this.#idle += other.#idle;
    this.#jobs += other.#jobs;
    this.#recovered += other.#recovered;
    this.#lowUtilization += other.#lowUtilization;
    this.#gpuMilliseconds += other.#gpuMilliseconds;
    this.#utilizationKnown += other.#utilizationKnown;
    this.#expected += other.#expected;
    this.#covered += other.#covered;
    addCounts(this.#byKind, other.#byKind);
    addCounts(this.#byDeviceType, other.#byDeviceType);
    addCounts(this.#byAttribution, other.#byAttribution);
    addCounts(this.#byGridKind, other.#byGridKind);
    for (const kind of SUPPLY_KINDS) this.#bySupply[kind].add(other.#bySupply[kind].value);
    for (const scope of SCOPES) this.#addScope(scope, other.#scopePart(scope));
    for (const [kind, { litres, known }] of other.#water) this.#addWater(kind, litres.value, known);
    for (const [overhead, { kwh, grams }] of other.#overheads)
      this.#addOverhead(overhead, kwh.value, grams.value);
    this.#facilityKwh.add(other.#facilityKwh.value);
    this.#grams.add(other.#grams.value);
    this.#idleGrams.add(other.#idleGrams.value);
    this.#unattributedGrams.add(other.#unattributedGrams.value);
    this.#lowUtilizationGrams.add(other.#lowUtilizationGrams.value);
    this.#utilized.add(other.#utilized.value);
    this.#embodied.add(other.#embodied.value);
    this.#embodiedLow.add(other.#embodiedLow.value);
    this.#embodiedHigh.add(other.#embodiedHigh.value);
    this.#missing.add(other.#missing.value);
    this.#nodesExpected.addAll(other.#nodesExpected);
    this.#nodesReporting.addAll(other.#nodesReporting);
  }

  #addCell(cell: Cell): void {
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
    addCounts(this.#byAttribution, cell.byAttribution);
    addCounts(this.#byGridKind, cell.byGridKind);
    for (const kind of SUPPLY_KINDS) this.#bySupply[kind].add(cell.kwhBySupply[kind]);
    for (const use of cell.gridUses ?? []) this.#addScope(use.scope, use);
    this.#addFactors(cell);
    this.#facilityKwh.add(cell.facilityKwh.value);
    this.#grams.add(cell.grams.value);
    this.#idleGrams.add(cell.idleGrams.value);
    this.#unattributedGrams.add(cell.unattributedGrams.value);
    this.#lowUtilizationGrams.add(cell.lowUtilizationGrams.value);
    this.#embodied.add(cell.embodiedGrams);
    this.#embodiedLow.add(cell.embodiedGramsLow);
    this.#embodiedHigh.add(cell.embodiedGramsHigh);
    this.#missing.add(cell.missingMillijoulesEstimate);
  }

  #addFactors({ water, overheads }: Cell): void {
    for (const kind of WATERS) {
      const own = water[kind];
      if (own !== null) this.#addWater(kind, own.litres, BigInt(own.knownMillijoules));
    }
    for (const overhead of OVERHEADS) {
      const own = overheads[overhead];
      if (own !== null) this.#addOverhead(overhead, own.kwh, own.grams);
    }
  }

  #addScope(scope: Scope, { facilityEnergyKwh, operationalGrams }: ScopePart): void {
    this.#scopes[scope].kwh.add(facilityEnergyKwh);
    this.#scopes[scope].grams.add(operationalGrams);
  }

  #scopePart(scope: Scope): ScopePart {
    const { kwh, grams } = this.#scopes[scope];
    return { facilityEnergyKwh: kwh.value, operationalGrams: grams.value };
  }

  #scopeFigures(): Pick<Figures, 'scope' | 'scopes'> {
    const charged = SCOPES.filter((scope) => this.#scopes[scope].kwh.value > 0);
    if (charged.length < 2) return { scope: charged[0] ?? null, scopes: null };
    const [consumption, production] = [this.#scopePart('consumption'), this.#scopePart('production')];
    return { scope: 'mixed', scopes: { consumption, production } };
  }

  #addWater(kind: Water, litres: number, known: bigint): void {
    const sum = this.#water.get(kind) ?? { litres: new CompensatedSum(), known: 0n };
    this.#water.set(kind, sum);
    sum.litres.add(litres);
    sum.known += known;
  }

  #addOverhead(overhead: Overhead, kwh: number, grams: number): void {
    const sum = this.#overheads.get(overhead) ?? { kwh: new CompensatedSum(), grams: new CompensatedSum() };
    this.#overheads.set(overhead, sum);
    sum.kwh.add(kwh);
    sum.grams.add(grams);
  }

  #overhead(overhead: Overhead): OverheadFigures | null {
    const sum = this.#overheads.get(overhead);
    return sum === undefined ? null : { energyKwh: sum.kwh.value, operationalGrams: sum.grams.value };
  }

  #waterKnown(kind: Water): number {
    const known = this.#water.get(kind)?.known ?? 0n;
    return this.#energy === 0n ? 0 : Number(known) / Number(this.#energy);
  }

  #supplyKinds(): Record<SupplyKind, number> {
    const { contract, residual, location } = this.#bySupply;
    const all = contract.value + residual.value + location.value;
    const share = ({ value }: CompensatedSum) => (all === 0 ? 0 : value / all);
    return { contract: share(contract), residual: share(residual), location: share(location) };
  }

  /** operational + embodied */
  get totalGrams(): number {
    return this.#grams.value + this.#embodied.value;
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
      jobAttributions: shares(this.#byAttribution),
      recovered: this.#energy === 0n ? 0 : Number(this.#recovered) / Number(this.#energy),
      gridKinds: shares(this.#byGridKind),
      ...this.#scopeFigures(),
      supplyKinds: this.#supplyKinds(),
      energyKwhByDevice: mapCounts(this.#byDeviceType, toKwh),
      waterLitresSite: this.#water.get('site')?.litres.value ?? null,
      waterLitresGrid: this.#water.get('grid')?.litres.value ?? null,
      waterKnown: { site: this.#waterKnown('site'), grid: this.#waterKnown('grid') },
      overheads: {
        host: this.#overhead('host'),
        network: this.#overhead('network'),
        storage: this.#overhead('storage'),
        cooling: this.#overhead('cooling'),
      },
    };
  }
}

const toKwh = (millijoules: bigint): number => Number(millijoules) / MILLIJOULES_PER_KWH;

export function addCounts<K extends string>(
  sums: BigCounts<K>,
  counts: Readonly<Record<K, number | bigint>>,
): void {
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

/** All 0 where nothing is counted. */
export function shares<K extends string>(counts: BigCounts<K>): Record<K, number> {
  const total = Number((Object.values(counts) as bigint[]).reduce((sum, count) => sum + count, 0n));
  return mapCounts(counts, (count) => (total === 0 ? 0 : Number(count) / total));
}
