/**
 * What hardware emitted, from what somebody remembers of it: an estimate, made of the same parts as a figure.
 *
 *   energy   = hours x (count x power + hosts x power of a host)
 *   grams    = energy x PUE x intensity, spread evenly over the windows between the dates where those are known
 *   embodied = hours x (count x kg + hosts x kg) / (lifetime x 8,760 [x expected utilization])      hosts = count / devices per host
 *
 * Low and high follow the bounds of power and of embodied figures. What PUE and intensity leave open is in neither.
 */
import { YEAR_MS } from '../embodied/amortization.ts';
import { chargeWindow } from '../emissions/charge-window.ts';
import { Cell, FigureSums, type Figures } from '../emissions/figures.ts';
import type { IntensityResolver } from '../grid/resolve.ts';
import type { Place } from '../settings/place.ts';
import { NO_FACTORS } from '../settings/site-factors.ts';
import { HOUR_MS, type TimeRange, WINDOW_MS } from '../time/window.ts';
import { epochMs, MILLIJOULES_PER_KWH } from '../units.ts';
import type { DeviceType } from '../wire/ingest.ts';
import type { PowerEstimate } from './power-model.ts';

export interface EmbodiedKilograms {
  readonly kgCo2eq: number;
  readonly low: number;
  readonly high: number;
}

export interface Piece {
  readonly power: PowerEstimate;
  readonly embodied: EmbodiedKilograms;
}

export interface EstimateInput {
  readonly count: number;
  /** For which each piece ran. */
  readonly hours: number;
  readonly piece: Piece & { readonly type: DeviceType; readonly gpus: number };
  /** What the pieces stand in, beside them; null: not counted. */
  readonly host: (Piece & { readonly devicesPerHost: number }) | null;
  /** Between which the energy is spread; null where nobody knows. */
  readonly dates: TimeRange | null;
  /** Null where the intensity was given. */
  readonly gridZone: string | null;
  readonly intensityOf: IntensityResolver;
  readonly pueRatio: number;
  readonly lifetimeYears: number;
  /** Null: by calendar time; else active hours alone carry the hardware, of which a lifetime has this share. */
  readonly expectedUtilizationRatio: number | null;
}

export interface EstimateFigures extends Figures {
  readonly energyKwhLow: number;
  readonly energyKwhHigh: number;
  readonly facilityEnergyKwhLow: number;
  readonly facilityEnergyKwhHigh: number;
  readonly operationalGramsLow: number;
  readonly operationalGramsHigh: number;
  readonly totalGramsLow: number;
  readonly totalGramsHigh: number;
}

export interface Estimate {
  readonly totals: EstimateFigures;
  readonly gpuCount: number;
  /** Energy that no intensity is known for; it has no grams. */
  readonly excludedKwh: number;
  /** Mean over the energy for which an intensity is known; null without any. */
  readonly gramsPerKwh: number | null;
  /** Whose values were used: provider and method, in the order of their first use. */
  readonly intensities: readonly { readonly provider: string; readonly method: string | null }[];
}

const GRAMS_PER_KG = 1_000;
const MILLIJOULES_PER_WATT_HOUR = 3_600_000;

export function estimate(input: EstimateInput): Estimate {
  const { piece, host, count, hours } = input;
  const hosts = host === null ? 0 : count / host.devicesPerHost;
  const millijoules = (watts: keyof PowerEstimate) => {
    const all = count * piece.power[watts] + (host === null ? 0 : hosts * host.power[watts]);
    return Math.round(hours * all * MILLIJOULES_PER_WATT_HOUR);
  };
  const energy = millijoules('watts');
  const ofPieces = Math.min(
    energy,
    Math.round(hours * count * piece.power.watts * MILLIJOULES_PER_WATT_HOUR),
  );

  const cell = new Cell();
  cell.energyMillijoules = energy;
  cell.jobMillijoules = energy;
  cell.byKind.modelled = energy;
  cell.byAttribution.allocation = energy;
  cell.byDeviceType.other = energy - ofPieces;
  cell.byDeviceType[piece.type] += ofPieces;
  cell.gpuMilliseconds = Math.round(piece.gpus * count * hours * HOUR_MS);
  const { excludedKwh, intensities } = chargeSpread(cell, energy, input);

  const share = (hours * HOUR_MS) / (input.lifetimeYears * YEAR_MS * (input.expectedUtilizationRatio ?? 1));
  const accrued = (bound: keyof EmbodiedKilograms) =>
    GRAMS_PER_KG *
    share *
    (count * piece.embodied[bound] + (host === null ? 0 : hosts * host.embodied[bound]));
  cell.embodiedGrams = accrued('kgCo2eq');
  cell.embodiedGramsLow = accrued('low');
  cell.embodiedGramsHigh = accrued('high');

  const sums = new FigureSums();
  sums.add(0, cell);
  const figures = sums.toFigures();
  const scaled = (figure: number, watts: keyof PowerEstimate) =>
    energy === 0 ? 0 : (figure * millijoules(watts)) / energy;
  const { operationalGrams, facilityEnergyKwh, embodiedGramsLow, embodiedGramsHigh } = figures;
  const charged = figures.energyKwh - excludedKwh;
  const operationalGramsLow = scaled(operationalGrams, 'wattsLow');
  const operationalGramsHigh = scaled(operationalGrams, 'wattsHigh');
  return {
    totals: {
      ...figures,
      energyKwhLow: millijoules('wattsLow') / MILLIJOULES_PER_KWH,
      energyKwhHigh: millijoules('wattsHigh') / MILLIJOULES_PER_KWH,
      facilityEnergyKwhLow: scaled(facilityEnergyKwh, 'wattsLow'),
      facilityEnergyKwhHigh: scaled(facilityEnergyKwh, 'wattsHigh'),
      operationalGramsLow,
      operationalGramsHigh,
      totalGramsLow: operationalGramsLow + embodiedGramsLow,
      totalGramsHigh: operationalGramsHigh + embodiedGramsHigh,
    },
    gpuCount: piece.gpus * count,
    excludedKwh,
    gramsPerKwh: charged === 0 ? null : operationalGrams / (charged * input.pueRatio),
    intensities,
  };
}

/** The same energy in each window between the dates; in one where those are not known. */
function chargeSpread(cell: Cell, energy: number, input: EstimateInput) {
  const { dates, gridZone, pueRatio, intensityOf } = input;
  const startMs = dates === null ? 0 : Math.floor(dates.startMs / WINDOW_MS) * WINDOW_MS;
  const windows = dates === null ? 1 : Math.ceil((dates.endMs - startMs) / WINDOW_MS);
  const place: Place = {
    startMs: epochMs(startMs),
    endMs: epochMs(startMs + windows * WINDOW_MS),
    siteId: null,
    // Of a given intensity the zone does not matter, only that there is one.
    gridZone: gridZone ?? '',
    pueRatio,
    lifetimeYears: input.lifetimeYears,
    factors: NO_FACTORS,
  };
  const used = new Map<string, { provider: string; method: string | null }>();
  const noting: IntensityResolver = (windowStartMs) => {
    const point = intensityOf(windowStartMs);
    if (point !== null) {
      const { provider, kind, method } = point;
      // How a value was carried forward differs from window to window; which yearly average it was does not.
      const fixed = kind === 'annual' || gridZone === null ? method : null;
      used.set(`${provider} ${fixed}`, { provider, method: fixed });
    }
    return point;
  };
  const charging = { intensityOf: () => noting, supply: null };
  const each = Math.floor(energy / windows);
  const more = energy - each * windows;
  let excluded = 0;
  for (let i = 0; i < windows; i++) {
    const all = each + (i < more ? 1 : 0);
    const sum = { all, idle: 0, jobs: all, lowUtilization: 0, begun: true };
    excluded += chargeWindow(cell, place, startMs + i * WINDOW_MS, sum, all, charging);
  }
  return { excludedKwh: excluded / MILLIJOULES_PER_KWH, intensities: [...used.values()] };
}
