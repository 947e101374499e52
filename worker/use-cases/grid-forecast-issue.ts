/** What is kept of a forecast that just came or was just made. */
import type { HourForecast } from '../../shared/grid/forecast/forecaster.ts';
import { bandAround, type LeadErrors } from '../../shared/grid/lead-errors.ts';
import { DAY_MS, HOUR_MS, WINDOW_MS } from '../../shared/time/window.ts';
import type { ProviderValue } from '../grid/provider.ts';
import type { Issue } from '../storage/grid-forecasts.ts';

/** A time of issue further back than this, or ahead of now, is taken for a mistake. */
const OLDEST_ISSUE_MS = 3 * DAY_MS;

/** The band comes from how far the provider's earlier issues were off; without enough of them there is none yet. */
export function issueOfProvider(values: readonly ProviderValue[], errors: LeadErrors, nowMs: number): Issue {
  const said = values[0]?.issuedAtMs ?? null;
  const isPlausible = said !== null && said <= nowMs + WINDOW_MS && said > nowMs - OLDEST_ISSUE_MS;
  return {
    issuedAtMs: isPlausible ? said : nowMs,
    fetchedAtMs: nowMs,
    method: values[0]?.method ?? null,
    steps: values.map(({ startMs, endMs, gramsPerKwh }) => {
      const deviation = errors.deviation(Math.max(0, startMs - nowMs) / HOUR_MS);
      const band = deviation === null ? null : bandAround(gramsPerKwh, deviation);
      return {
        startMs,
        endMs,
        gramsPerKwh,
        lowGramsPerKwh: band?.lowGramsPerKwh ?? null,
        highGramsPerKwh: band?.highGramsPerKwh ?? null,
      };
    }),
  };
}

/** @param originMs start of the first hour */
export function ownIssue(
  hours: readonly HourForecast[],
  originMs: number,
  method: string,
  nowMs: number,
): Issue {
  return {
    issuedAtMs: nowMs,
    fetchedAtMs: nowMs,
    method,
    steps: hours.map((hour, lead) => ({
      startMs: originMs + lead * HOUR_MS,
      endMs: originMs + (lead + 1) * HOUR_MS,
      ...hour,
    })),
  };
}
