/** An estimate after the fact: finds what the request names, and says what had to be assumed. */
import { DEFAULT_LIFETIME_YEARS } from '../../shared/embodied/amortization.ts';
import type { CatalogEntry } from '../../shared/embodied/catalog.ts';
import { publishedPue } from '../../shared/estimate/cloud-pue.ts';
import { type Estimate, estimate } from '../../shared/estimate/estimate.ts';
import { hardwareNamed, nearestHardware } from '../../shared/estimate/hardware.ts';
import type { PowerEstimate } from '../../shared/estimate/power-model.ts';
import type { Basis } from '../../shared/grid/intensity.ts';
import type { IntensityResolver } from '../../shared/grid/resolve.ts';
import { annualIntensity, annualPoint, findZone } from '../../shared/grid/zones.ts';
import { DAY_MS, HOUR_MS, type TimeRange, WINDOW_MS } from '../../shared/time/window.ts';
import { epochMs, gramsPerKwh } from '../../shared/units.ts';
import { fail, ok, type Result } from '../http/problem.ts';
import { openDatabase } from '../storage/database.ts';
import { placedRegion } from './cloud-regions.ts';
import {
  embodiedOf,
  type GivenEmbodied,
  type HostRequest,
  hostOf,
  Notes,
  type PowerRequest,
  powerOf,
} from './estimate-hardware.ts';
import { loadIntensity } from './grid-intensity.ts';
import { unknownZone } from './grid-unknown-zone.ts';
import { readHardware } from './hardware.ts';

export interface EstimateRequest extends PowerRequest {
  readonly hardware: string;
  readonly count: number;
  /** Of each piece; default: all the time between the dates. */
  readonly hours?: number | undefined;
  readonly host?: HostRequest | undefined;
  readonly gridZone?: string | undefined;
  readonly cloudRegion?: string | undefined;
  readonly intensity?: { readonly gramsPerKwh: number; readonly source: string } | undefined;
  readonly fromMs?: number | undefined;
  readonly toMs?: number | undefined;
  readonly pueRatio?: number | undefined;
  readonly basis: Basis;
  readonly embodied?: GivenEmbodied | undefined;
  readonly embodiedLifetimeYears?: number | undefined;
  readonly expectedUtilizationRatio?: number | undefined;
}

export interface EstimateAnswer extends Estimate {
  readonly hardware: CatalogEntry;
  readonly hours: number;
  readonly dates: TimeRange | null;
  /** Null where the intensity was given. */
  readonly gridZone: string | null;
  readonly pueRatio: number;
  readonly lifetimeYears: number;
  readonly power: PowerEstimate;
  /** What the request did not say, and what it was taken to be. */
  readonly assumptions: readonly string[];
  readonly sources: readonly string[];
}

/** A year of five-minute windows, and a leap day. */
const MAX_DAYS = 366;

/** Problems: `invalid_body` with the field, `unknown_grid_zone`, `range_too_long`. */
export async function estimateEmissions(
  db: D1Database,
  request: EstimateRequest,
  nowMs: number,
): Promise<Result<EstimateAnswer>> {
  const catalog = await readHardware(db, Math.min(nowMs, request.toMs ?? nowMs));
  const match = hardwareNamed(request.hardware, catalog);
  if (match === null) {
    const nearest = nearestHardware(request.hardware, catalog).join(', ');
    return fail(
      'invalid_body',
      `/hardware: the catalog knows no "${request.hardware}"; nearest: ${nearest}. For any other give the nearest with powerWatts and embodied of your own.`,
      '/hardware',
    );
  }
  const { entry, by } = match;
  const notes = new Notes();
  if (by === 'similar')
    notes.assume(
      `Hardware: ${entry.name}, with which the name begins, stands for "${request.hardware}", from half the low bound of its making to twice the high one.`,
    );
  const power = powerOf(request, entry, notes);
  if (!power.ok) return power;
  const host = hostOf(request.host, entry, catalog, notes);
  if (!host.ok) return host;
  const when = datesOf(request, nowMs, notes);
  if (!when.ok) return when;
  const { dates, hours } = when.value;
  const grid = await gridOf(db, request, { dates, nowMs, notes });
  if (!grid.ok) return grid;
  const pue = pueOf(request, dates?.startMs ?? nowMs, notes);
  if (!pue.ok) return pue;
  const lifetimeYears = request.embodiedLifetimeYears ?? DEFAULT_LIFETIME_YEARS;
  if (request.embodiedLifetimeYears === undefined)
    notes.assume(`Lifetime: ${lifetimeYears} years, the default.`);
  if (entry.kind === 'tpu') notes.assume(`${entry.boundary}.`);

  const isAccelerator = entry.kind === 'gpu' || entry.kind === 'tpu';
  const result = estimate({
    count: request.count,
    hours,
    piece: {
      type: isAccelerator ? 'gpu' : entry.kind === 'cpu' ? 'cpu' : 'other',
      gpus: isAccelerator ? 1 : (entry.gpuCount ?? 0),
      power: power.value,
      embodied: embodiedOf(request.embodied, entry, notes),
    },
    host: host.value,
    dates,
    ...grid.value,
    pueRatio: pue.value,
    lifetimeYears,
    expectedUtilizationRatio: request.expectedUtilizationRatio ?? null,
  });
  for (const { provider, method } of request.intensity === undefined ? result.intensities : [])
    notes.cite(`intensity of ${grid.value.gridZone}: ${method ?? `stored values of ${provider}`}`);
  // Of a value that was given nobody knows the scope.
  const totals = request.intensity === undefined ? result.totals : { ...result.totals, scope: null };
  return ok({
    ...result,
    totals,
    hardware: entry,
    hours,
    dates,
    gridZone: grid.value.gridZone,
    pueRatio: pue.value,
    lifetimeYears,
    power: power.value,
    assumptions: notes.assumptions,
    sources: [...new Set(notes.sources)],
  });
}

function datesOf(
  { fromMs, toMs, hours, intensity }: EstimateRequest,
  nowMs: number,
  notes: Notes,
): Result<{ dates: TimeRange | null; hours: number }> {
  const bad = (field: string, text: string) => fail('invalid_body', `/${field}: ${text}`, `/${field}`);
  if (fromMs === undefined) {
    if (toMs !== undefined) return bad('from', 'missing beside to.');
    if (hours === undefined) return bad('hours', 'missing; give hours, or from and to.');
    if (intensity === undefined)
      notes.assume('Dates: not given, so the yearly average stands for the hours in which it ran.');
    return ok({ dates: null, hours });
  }
  if (toMs === undefined && hours === undefined) return bad('to', 'missing; give to or hours.');
  const endMs = toMs ?? fromMs + hours! * HOUR_MS;
  if (fromMs >= endMs) return bad('to', 'must be after from.');
  if (endMs > nowMs) return bad(toMs === undefined ? 'hours' : 'to', 'must not reach into the future.');
  if (endMs - fromMs > MAX_DAYS * DAY_MS)
    return fail('range_too_long', `One estimate spans at most ${MAX_DAYS} days; ask for each year.`, '/from');
  const spanHours = (endMs - fromMs) / HOUR_MS;
  if (hours !== undefined && hours > spanHours * (1 + 1e-9))
    return bad(
      'hours',
      `each piece ran at most the ${spanHours} hours between from and to; raise count instead.`,
    );
  if (hours !== undefined && hours < spanHours)
    notes.assume(`Spread: the ${hours} hours evenly over the ${spanHours} hours between from and to.`);
  return ok({ dates: { startMs: epochMs(fromMs), endMs: epochMs(endMs) }, hours: hours ?? spanHours });
}

async function gridOf(
  db: D1Database,
  { gridZone: named, cloudRegion, intensity, basis }: EstimateRequest,
  { dates, nowMs, notes }: { dates: TimeRange | null; nowMs: number; notes: Notes },
): Promise<Result<{ gridZone: string | null; intensityOf: IntensityResolver }>> {
  if (intensity !== undefined) {
    notes.cite(`intensity: ${intensity.source}`);
    const point = {
      startMs: epochMs(0),
      endMs: epochMs(0),
      gramsPerKwh: gramsPerKwh(intensity.gramsPerKwh),
      kind: 'estimated' as const,
      provider: 'given',
      method: intensity.source,
      issuedAtMs: null,
      fetchedAtMs: epochMs(0),
    };
    return ok({ gridZone: null, intensityOf: () => point });
  }
  let gridZone = named ?? '';
  if (cloudRegion !== undefined) {
    const region = await placedRegion(openDatabase(db), cloudRegion, nowMs);
    if (!region.ok) return region;
    gridZone = region.value.gridZone;
    notes.assume(`Grid zone: ${gridZone}, in which ${cloudRegion} lies.`);
  }
  if (findZone(gridZone) === null) return unknownZone(gridZone);
  if (dates === null) {
    const annual = annualIntensity(gridZone, basis, 'average', nowMs);
    return ok({
      gridZone,
      intensityOf: (startMs) => annual && annualPoint(annual, epochMs(startMs), epochMs(startMs + WINDOW_MS)),
    });
  }
  const fromMs = Math.floor(dates.startMs / WINDOW_MS) * WINDOW_MS;
  const range = { gridZone, basis, signal: 'average', fromMs, toMs: dates.endMs } as const;
  return ok({ gridZone, intensityOf: await loadIntensity(db, range) });
}

function pueOf({ pueRatio, cloudRegion }: EstimateRequest, atMs: number, notes: Notes): Result<number> {
  if (pueRatio !== undefined) return ok(pueRatio);
  const published = cloudRegion === undefined ? null : publishedPue(cloudRegion, atMs);
  if (published === null)
    return fail(
      'invalid_body',
      `/pueRatio: missing${cloudRegion === undefined ? '' : `, and none is published for ${cloudRegion}`}; 1 counts what the machines drew and no more.`,
      '/pueRatio',
    );
  notes.assume(`PUE: ${published.pueRatio}, published for ${cloudRegion} in ${published.year}.`);
  notes.cite(`PUE: ${published.source}`);
  return ok(published.pueRatio);
}
