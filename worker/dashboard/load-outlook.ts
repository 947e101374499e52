/** What is expected of the next 24 hours in each zone, and when a job of four hours would start best. */
import { HOUR_MS } from '../../shared/time/window.ts';
import { ApiError, type Get } from './api.ts';
import type { ForecastAnswer, GreenestAnswer } from './contract.ts';

export interface Outlook {
  readonly fromMs: number;
  readonly toMs: number;
  readonly provider: string;
  readonly steps: readonly {
    readonly startMs: number;
    readonly endMs: number;
    readonly gramsPerKwh: number;
  }[];
  /** Null where no start is known to be better than now. */
  readonly best: BestStart | null;
}

export interface BestStart {
  readonly startMs: number;
  readonly endMs: number;
  /** Of the grams of starting now. */
  readonly savingRatio: number;
}

const SPAN_MS = 24 * HOUR_MS;
export const JOB_MS = 4 * HOUR_MS;

/** By zone; a zone without a forecast is left out. */
export async function loadOutlooks(
  get: Get,
  keys: readonly string[],
  nowMs: number,
): Promise<Map<string, Outlook>> {
  if (keys.length === 0) return new Map();
  const toMs = nowMs + SPAN_MS;
  try {
    const range = { from: new Date(nowMs).toISOString(), to: new Date(toMs).toISOString() };
    const forecasts = await Promise.all(
      keys.map((key) => get<ForecastAnswer>(`/v1/grid/${encodeURIComponent(key)}/forecast`, range)),
    );
    // One question keeps to one scope, so zones of each are asked for apart.
    const scopes = [...new Set(forecasts.flatMap(({ scope }) => scope ?? []))];
    const greenest = await Promise.all(
      scopes.map((scope) =>
        get<GreenestAnswer>('/v1/grid/greenest', {
          gridZones: keys.filter((_, index) => forecasts[index]!.scope === scope).join(','),
          durationMinutes: String(JOB_MS / 60_000),
          deadline: range.to,
          scope,
        }),
      ),
    );
    const zones = greenest.flatMap((answer) => answer.zones);
    return new Map(
      forecasts.flatMap(({ provider, steps }, index) => {
        const key = keys[index]!;
        if (provider === null || steps.length === 0) return [];
        return [
          [
            key,
            {
              fromMs: nowMs,
              toMs,
              provider,
              steps: steps.map(({ start, end, gramsPerKwh }) => ({
                startMs: Math.max(Date.parse(start), nowMs),
                endMs: Math.min(Date.parse(end), toMs),
                gramsPerKwh,
              })),
              best: bestStart(zones, key),
            },
          ],
        ];
      }),
    );
  } catch (error) {
    // The page has enough to show without an outlook.
    if (error instanceof ApiError && !error.isRefusal) return new Map();
    throw error;
  }
}

function bestStart(zones: GreenestAnswer['zones'], key: string): BestStart | null {
  const zone = zones.find(({ gridZone }) => gridZone === key);
  if (!zone?.saving?.worthWaiting) return null;
  const startMs = Date.parse(zone.best.start);
  return { startMs, endMs: startMs + JOB_MS, savingRatio: zone.saving.ratio };
}
