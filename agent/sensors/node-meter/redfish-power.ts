/** The power in Redfish's answers, from the newer and the older schema, as real controllers fill them in. */

import type { MeasuringPoint } from '../../../shared/wire/ingest.ts';

export type JsonObject = Readonly<Record<string, unknown>>;

export interface RedfishPower {
  readonly powerWatts: number;
  /** Which property says so. */
  readonly property: string;
  /** By the name that the controller gives it. */
  readonly point: MeasuringPoint;
  /** Over how long it is a mean; null where it is of now. */
  readonly meanOverMilliseconds: number | null;
}

/** A mean over more than this is no power of now: integration bridges no more either. */
const MAX_MEAN_MINUTES = 10 / 60;

/** `EnvironmentMetrics` of a chassis (2021 on); null where it tells no power. Its `PowerLimitWatts` is a limit. */
export function environmentPower(metrics: JsonObject): RedfishPower | null {
  const powerWatts = numberOf(objectOf(metrics.PowerWatts)?.Reading);
  return powerWatts === null
    ? null
    : { powerWatts, property: 'EnvironmentMetrics', point: 'unknown', meanOverMilliseconds: null };
}

/**
 * `Power` of a chassis: its first control is the whole, further ones are parts of it. Some makers give an object instead
 * of an array or numbers as text; some give no power but a mean over seconds.
 */
export function controlPower(power: JsonObject): RedfishPower | null {
  const { PowerControl: controls } = power;
  const control = objectOf(Array.isArray(controls) ? controls[0] : controls);
  if (control === null) return null;
  const point = pointOf(String(control.Name ?? ''));
  const consumed = numberOf(control.PowerConsumedWatts);
  if (consumed !== null)
    return { powerWatts: consumed, property: 'PowerControl', point, meanOverMilliseconds: null };
  const metrics = objectOf(control.PowerMetrics);
  const mean = numberOf(metrics?.AverageConsumedWatts);
  const minutes = numberOf(metrics?.IntervalInMin);
  if (mean === null || minutes === null || minutes > MAX_MEAN_MINUTES) return null;
  const seconds = Math.round(minutes * 60);
  const meanOverMilliseconds = seconds * 1000 || null;
  return {
    powerWatts: mean,
    property: `PowerControl, a mean over ${seconds} s`,
    point,
    meanOverMilliseconds,
  };
}

/** Supplies take AC in and give DC out; other names do not tell. */
function pointOf(name: string): MeasuringPoint {
  if (/\binput\b/i.test(name)) return 'acIn';
  return /\boutput\b/i.test(name) ? 'dcOut' : 'unknown';
}

/** The link of a property: `{ "@odata.id": "/redfish/v1/..." }`. */
export function linkOf(value: unknown): string | null {
  const link = objectOf(value)?.['@odata.id'];
  return typeof link === 'string' ? link : null;
}

export function linksOf(value: unknown): string[] {
  return Array.isArray(value) ? value.map(linkOf).filter((link) => link !== null) : [];
}

export function objectOf(value: unknown): JsonObject | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : null;
}

/** A non-negative number, also as text; null for anything else. */
function numberOf(value: unknown): number | null {
  if (typeof value === 'number') return Number.isFinite(value) && value >= 0 ? value : null;
  return typeof value === 'string' && /^\d+(\.\d+)?$/.test(value) ? Number(value) : null;
}
