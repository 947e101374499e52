/** `GET /v1/grid/greenest` as the agent reads it, and the question for it. */
import type { Scope } from '../../shared/grid/intensity.ts';
import { type Api, ApiError } from '../api/api-client.ts';

export interface GreenestQuery {
  /** Empty: what the server takes for it: the zones of all sites, for a node's token that of its own site. */
  readonly gridZones: readonly string[];
  readonly durationMs: number;
  readonly notBeforeMs: number | null;
  /** When the job has ended; null: as the server has it. */
  readonly deadlineMs: number | null;
  readonly powerWatts: number | null;
  readonly interruptible: boolean;
  readonly basis: string;
  readonly signal: string;
  /** Absent: as the server has it, that of the first zone now. */
  readonly scope?: Scope | undefined;
}

export interface Choice {
  /** RFC 3339, UTC. */
  readonly start: string;
  readonly end: string;
  readonly spans: readonly { readonly start: string; readonly end: string }[];
  readonly gramsPerKwh: number;
  readonly grams: number;
  readonly gramsLow: number;
  readonly gramsHigh: number;
}

export interface Saving {
  readonly grams: number;
  readonly gramsLow: number;
  readonly gramsHigh: number;
  readonly ratio: number;
  readonly worthWaiting: boolean;
}

export interface ForecastOrigin {
  readonly provider: string;
  readonly method: string | null;
  readonly issuedAt: string;
  readonly fetchedAt: string;
  readonly until: string;
}

export interface ZoneAnswer {
  readonly gridZone: string;
  readonly best: Choice;
  readonly startNow: Choice | null;
  readonly saving: Saving | null;
  readonly forecast: ForecastOrigin;
}

export interface GreenestAnswer {
  readonly notBefore: string;
  readonly deadline: string;
  /** Of every forecast that was compared; null where there was none. */
  readonly scope: Scope | null;
  readonly durationMinutes: number;
  readonly powerWatts: number;
  readonly interruptible: boolean;
  readonly best: (Choice & { readonly gridZone: string }) | null;
  readonly startNow: (Choice & { readonly gridZone: string }) | null;
  readonly saving: Saving | null;
  readonly worthWaiting: boolean;
  /** Least expected grams first. */
  readonly zones: readonly ZoneAnswer[];
  readonly excluded: readonly { readonly gridZone: string; readonly reason: string }[];
}

const MINUTE_MS = 60_000;
/** The server looks 96 hours ahead of its own clock; ours may be a little off. */
export const HORIZON_MS = (96 * 60 - 5) * MINUTE_MS;
/** What the server takes, with room for a choice. */
export const DURATION_LIMITS = { leastMs: 5 * MINUTE_MS, mostMs: 95 * 60 * MINUTE_MS };

/** @throws ApiError, HttpError */
export async function askGreenest(api: Api, query: GreenestQuery): Promise<GreenestAnswer> {
  const { gridZones, durationMs, notBeforeMs, deadlineMs, powerWatts, basis, signal, scope } = query;
  const instant = (ms: number | null) => (ms === null ? undefined : new Date(ms).toISOString());
  const answer = await api.get('/v1/grid/greenest', {
    gridZones: gridZones.length === 0 ? undefined : gridZones.join(','),
    durationMinutes: String(Math.ceil(durationMs / MINUTE_MS)),
    notBefore: instant(notBeforeMs),
    deadline: instant(deadlineMs),
    powerWatts: powerWatts === null ? undefined : String(powerWatts),
    interruptible: query.interruptible ? 'true' : undefined,
    basis,
    signal,
    scope,
  });
  if (Array.isArray(answer.zones) && Array.isArray(answer.excluded) && typeof answer.deadline === 'string')
    return answer as unknown as GreenestAnswer;
  throw new ApiError('server', 'the server answers something else than a greenest start');
}

/** Every zone that an answer speaks of. */
export const zonesOf = ({ zones, excluded }: GreenestAnswer): string[] =>
  [...zones, ...excluded].map(({ gridZone }) => gridZone);
