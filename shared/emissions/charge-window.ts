/** From millijoules to kWh of the facility, grams and litres: what the place says of one window. */
import type { IntensityPoint } from '../grid/intensity.ts';
import type { IntensityResolver } from '../grid/resolve.ts';
import type { Place } from '../settings/place.ts';
import { OVERHEADS } from '../settings/site-factors.ts';
import { MILLIJOULES_PER_KWH } from '../units.ts';
import type { WindowSum } from './cell-work.ts';
import type { Cell } from './figures.ts';
import { GridUses } from './grid-uses.ts';
import type { ContractShares } from './supply.ts';

/** What a window's energy is charged with at one place. */
export interface Charging {
  readonly intensityOf: (gridZone: string) => IntensityResolver;
  /** Null: location-based. Else contracts cover what they can, the rest is at the residual mix where the site has one. */
  readonly supply: ContractShares | null;
}

/** Below this what contracts leave is a rounding error of theirs. */
const NO_REST = 1e-12;

/**
 * What becomes of a window's energy at one place.
 * @param componentsOnlyMillijoules of `sum.all`: where no meter of the whole node saw the window
 * @returns the millijoules that no intensity is known for; of a part that contracts leave, not whole ones
 */
export type ChargeWindow = (
  cell: Cell,
  place: Place,
  startMs: number,
  sum: WindowSum,
  componentsOnlyMillijoules: number,
) => number;

/** Adds facility energy, grams and litres (`ChargeWindow`). */
export function chargeWindow(
  cell: Cell,
  place: Place,
  startMs: number,
  sum: Omit<WindowSum, 'begun'>,
  componentsOnlyMillijoules: number,
  charging: Charging,
): number {
  const { all, idle, jobs, lowUtilization } = sum;
  const facilityKwhPerMillijoule = place.pueRatio / MILLIJOULES_PER_KWH;
  cell.facilityKwh.add(all * facilityKwhPerMillijoule);
  const intensity = place.gridZone === null ? null : charging.intensityOf(place.gridZone)(startMs);
  addWater(cell, place, all);
  addOverheads(cell, place, all, componentsOnlyMillijoules, intensity?.gramsPerKwh ?? 0);
  let gramsPerKwh: number;
  let uncharged = 0;
  if (charging.supply === null) {
    if (intensity === null) return all;
    gramsPerKwh = intensity.gramsPerKwh;
    cell.byGridKind[intensity.kind] += all;
    addGridUse(cell, place, intensity, all * facilityKwhPerMillijoule);
  } else {
    const contracts = charging.supply.shareAt(place.siteId, place.gridZone, startMs);
    const rest = 1 - contracts.share;
    const { residualGramsPerKwh } = place.factors;
    const restGrams = residualGramsPerKwh ?? intensity?.gramsPerKwh ?? null;
    gramsPerKwh = contracts.gramsPerKwh + rest * (restGrams ?? 0);
    const kwh = all * facilityKwhPerMillijoule;
    cell.kwhBySupply.contract += kwh * contracts.share;
    if (restGrams === null) uncharged = rest < NO_REST ? 0 : all * rest;
    else cell.kwhBySupply[residualGramsPerKwh === null ? 'location' : 'residual'] += kwh * rest;
    if (residualGramsPerKwh === null && intensity !== null) addGridUse(cell, place, intensity, kwh * rest);
  }
  const gramsPerMillijoule = facilityKwhPerMillijoule * gramsPerKwh;
  cell.grams.add(all * gramsPerMillijoule);
  cell.idleGrams.add(idle * gramsPerMillijoule);
  cell.unattributedGrams.add((all - idle - jobs) * gramsPerMillijoule);
  cell.lowUtilizationGrams.add(lowUtilization * gramsPerMillijoule);
  return uncharged;
}

/** What draws nothing uses no intensity. */
function addGridUse(
  cell: Cell,
  { gridZone }: Place,
  intensity: IntensityPoint,
  facilityEnergyKwh: number,
): void {
  if (facilityEnergyKwh === 0) return;
  cell.gridUses ??= new GridUses();
  cell.gridUses.add(gridZone!, intensity, facilityEnergyKwh, facilityEnergyKwh * intensity.gramsPerKwh);
}

/** The site's own by IT energy, as WUE is defined; that of the grid by what the facility draws. */
function addWater(cell: Cell, { factors, pueRatio }: Place, millijoules: number): void {
  const kwh = millijoules / MILLIJOULES_PER_KWH;
  if (factors.wueLitresPerKwh !== null) {
    cell.water.site ??= { litres: 0, knownMillijoules: 0 };
    cell.water.site.litres += kwh * factors.wueLitresPerKwh;
    cell.water.site.knownMillijoules += millijoules;
  }
  if (factors.gridWaterLitresPerKwh !== null) {
    cell.water.grid ??= { litres: 0, knownMillijoules: 0 };
    cell.water.grid.litres += kwh * pueRatio * factors.gridWaterLitresPerKwh;
    cell.water.grid.knownMillijoules += millijoules;
  }
}

/** Energy that no meter of a node saw, by IT energy, at the intensity of the place. */
function addOverheads(
  cell: Cell,
  { factors }: Place,
  millijoules: number,
  componentsOnlyMillijoules: number,
  gramsPerKwh: number,
): void {
  for (const overhead of OVERHEADS) {
    const factor = factors.overheads[overhead];
    if (factor === null) continue;
    const uncovered = overhead === 'host' ? componentsOnlyMillijoules : millijoules;
    const kwh = (uncovered / MILLIJOULES_PER_KWH) * factor.ratio;
    const own = cell.overheads[overhead] ?? { kwh: 0, grams: 0 };
    cell.overheads[overhead] = own;
    own.kwh += kwh;
    own.grams += kwh * gramsPerKwh;
  }
}
