/** A carbon statement: one figure with all that a reader needs to judge it. Renderers only lay it out. */
import { type CatalogEntry, type HardwareCatalog, sourceOf } from '../embodied/catalog.ts';
import { type PartType, partFootprint } from '../embodied/footprint.ts';
import type { PartRow } from '../emissions/embodied-parts.ts';
import type { Figures } from '../emissions/figures.ts';
import { type Excluded, type FigureGroup, NO_GROUP } from '../emissions/join.ts';
import type { SciScore } from '../emissions/sci.ts';
import type { Basis, Signal } from '../grid/intensity.ts';
import { type AnnualIntensity, annualIntensity, findZone } from '../grid/zones.ts';
import { type Equivalent, equivalentsOf } from './equivalents.ts';
import { notCounted } from './not-counted.ts';

export interface StatementSubject {
  readonly kind: 'job' | 'project' | 'period';
  /** Id of the job or the period, name of the project. Said by others, as are all texts here: never markup. */
  readonly name: string;
  readonly project: string | null;
  readonly user: string | null;
  readonly phase: string | null;
  /** Of a job: the runs that the figure is of. */
  readonly runs: readonly string[];
  /** Of a period: what it is about; empty: the fleet. */
  readonly filter: string | null;
  readonly closedAtMs: number | null;
}

/** One setting of a site or a zone that held at some time of the statement. */
export interface StatementSetting {
  readonly subject: string;
  readonly key: string;
  readonly value: string;
  readonly effectiveFromMs: number;
}

export interface StatementInput {
  readonly subject: StatementSubject;
  readonly fromMs: number;
  readonly toMs: number;
  readonly asOfMs: number;
  readonly basis: Basis;
  readonly signal: Signal;
  readonly accounting: 'location' | 'market';
  readonly totals: Figures;
  readonly gpuCount: number;
  readonly excluded: readonly Excluded[];
  readonly byZone: readonly FigureGroup[];
  readonly bySite: readonly FigureGroup[];
  readonly byModel: readonly FigureGroup[];
  /** Who gave the intensities of a zone. */
  readonly providersOf: (gridZone: string) => readonly string[];
  readonly lifetimeYears: readonly number[];
  /** The embodied figure by what it is of. */
  readonly parts: readonly PartRow[];
  readonly sci: readonly SciScore[];
  readonly versions: {
    readonly software: string;
    readonly catalogSha256: string;
    readonly zonesSha256: string;
  };
  readonly settings: readonly StatementSetting[];
  /** As it was known: with the operator's own figures. */
  readonly catalog: HardwareCatalog;
}

export interface StatementHardware {
  /** As its driver reports it; `none`: nodes without GPUs. */
  readonly model: string;
  readonly gpuCount: number;
  readonly gpuHours: number;
  readonly energyKwh: number;
  /** What making one emitted; null where the group is of several models or of none. */
  readonly embodied: {
    readonly entry: string;
    readonly kgCo2eq: number;
    readonly low: number;
    readonly high: number;
    readonly boundary: string;
    /** True where the catalog does not know the part by this name. */
    readonly assumed: boolean;
  } | null;
}

/** Parts of one kind, of all hardware. */
export interface StatementPart extends PartRow {
  /** In words: `memory module`. */
  readonly label: string;
  /** 0..1 of the embodied figure; null where that is 0. */
  readonly share: number | null;
}

export interface StatementZone {
  /** `none`: sites without a zone. */
  readonly gridZone: string;
  readonly name: string | null;
  readonly facilityEnergyKwh: number;
  readonly operationalGrams: number;
  /** Mean over the energy for which one is known; null without any. */
  readonly meanGramsPerKwh: number | null;
  /** Average of the year in which the time begins; null where the table has none on this basis and signal. */
  readonly yearAverage: AnnualIntensity | null;
  readonly providers: readonly string[];
}

export interface StatementSite {
  readonly site: string;
  readonly energyKwh: number;
  /** Facility energy / IT energy; null without energy. */
  readonly pueRatio: number | null;
}

export interface Statement
  extends Omit<StatementInput, 'byZone' | 'bySite' | 'byModel' | 'providersOf' | 'catalog' | 'parts'> {
  readonly totalGramsLow: number;
  readonly totalGramsHigh: number;
  readonly gpuHours: number;
  readonly hardware: readonly StatementHardware[];
  readonly parts: readonly StatementPart[];
  readonly zones: readonly StatementZone[];
  readonly sites: readonly StatementSite[];
  readonly embodiedMethod: string;
  readonly equivalents: readonly Equivalent[];
  readonly notCounted: readonly string[];
  readonly sources: readonly string[];
}

const PART_LABELS: Readonly<Record<PartType, string>> = {
  gpu: 'GPU',
  cpu: 'CPU',
  memory: 'memory',
  dimm: 'memory module',
  ssd: 'SSD',
  hdd: 'hard disk',
  chassis: 'chassis',
  motherboard: 'motherboard',
  powerSupplies: 'power supplies',
  assembly: 'assembly',
};

const SECONDS_PER_HOUR = 3_600;
export const EMBODIED_METHOD = 'straight line by calendar time, a year of 8,760 hours';

export function composeStatement(input: StatementInput): Statement {
  const { byZone, bySite, byModel, providersOf, catalog, parts, ...rest } = input;
  const { totals } = input;
  const zones = byZone.map((group) => zoneOf(group, input));
  const equivalents = equivalentsOf(totals.totalGrams);
  return {
    ...rest,
    totalGramsLow: totals.operationalGrams + totals.embodiedGramsLow,
    totalGramsHigh: totals.operationalGrams + totals.embodiedGramsHigh,
    gpuHours: totals.gpuSeconds / SECONDS_PER_HOUR,
    hardware: byModel.map((group) => hardwareOf(group, catalog)),
    parts: parts.map((part) => ({
      ...part,
      label: PART_LABELS[part.type as PartType],
      share: totals.embodiedGrams === 0 ? null : part.grams / totals.embodiedGrams,
    })),
    zones,
    sites: bySite.map(({ key, energyKwh, facilityEnergyKwh }) => ({
      site: key,
      energyKwh,
      pueRatio: energyKwh === 0 ? null : facilityEnergyKwh / energyKwh,
    })),
    embodiedMethod: EMBODIED_METHOD,
    equivalents,
    notCounted: notCounted(input),
    sources: [
      ...new Set([
        ...entriesOf(parts, catalog).flatMap(({ sources }) => sources.map(sourceOf)),
        ...zones.flatMap(({ yearAverage }) =>
          yearAverage === null ? [] : [`Yearly average of ${yearAverage.year}: ${yearAverage.source}`],
        ),
        ...equivalents.map(({ source }) => source),
      ]),
    ],
  };
}

/** Of the catalog, which these parts are counted by. */
export const entriesOf = (parts: readonly PartRow[], catalog: HardwareCatalog): readonly CatalogEntry[] =>
  parts.flatMap(
    ({ type, name }) => partFootprint({ type: type as PartType, name, capacityBytes: null }, catalog).entries,
  );

function hardwareOf(
  { key, gpuCount, gpuSeconds, energyKwh }: FigureGroup,
  catalog: HardwareCatalog,
): StatementHardware {
  const { entry, by } = catalog.find('gpu', key);
  const { id, kgCo2eq, low, high, boundary } = entry;
  return {
    model: key,
    gpuCount,
    gpuHours: gpuSeconds / SECONDS_PER_HOUR,
    energyKwh,
    embodied:
      gpuCount === 0 || key.includes(' + ')
        ? null
        : { entry: id, kgCo2eq, low, high, boundary, assumed: by !== 'exact' },
  };
}

function zoneOf(
  { key, facilityEnergyKwh, operationalGrams, energyKwh }: FigureGroup,
  { basis, signal, fromMs, excluded, providersOf }: StatementInput,
): StatementZone {
  const without = excluded.find(({ gridZone }) => (gridZone ?? NO_GROUP) === key)?.energyKwh ?? 0;
  const chargedKwh = energyKwh === 0 ? 0 : facilityEnergyKwh * (1 - Math.min(1, without / energyKwh));
  const zone = findZone(key);
  return {
    gridZone: key,
    name: zone && [zone.name, zone.country].filter((part) => part !== null).join(', '),
    facilityEnergyKwh,
    operationalGrams,
    meanGramsPerKwh: chargedKwh === 0 ? null : operationalGrams / chargedKwh,
    yearAverage: annualIntensity(key, basis, signal, fromMs),
    providers: providersOf(key),
  };
}
