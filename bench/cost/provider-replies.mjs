/**
 * A provider that answers: in the shape of replies that were recorded of Electricity Maps, for whatever zone is asked for, on both
 * bases. An hour is there as it begins, estimated, and is revised once: after as long as the recorded hour of the day was. Plain JavaScript:
 * it runs in workerd, among files that Node runs.
 */
import forecast from '../../test/fixtures/grid-api/electricity-maps/v4_carbon-intensity_forecast_DK-DK2.json';
import recorded from '../../test/fixtures/grid-api/electricity-maps/v4_carbon-intensity_history_DK-DK2.json';

const HOUR_MS = 3_600_000;
/** What those take that were estimates when they were recorded. */
const USUAL_LAG_MS = 2.5 * HOUR_MS;
/** By hour of the day. */
const hours = recorded.history
  .map(({ datetime, updatedAt, isEstimated, carbonIntensity }) => ({
    hour: new Date(datetime).getUTCHours(),
    carbonIntensity,
    revisedAfterMs: isEstimated ? USUAL_LAG_MS : Date.parse(updatedAt) - Date.parse(datetime),
  }))
  .sort((a, b) => a.hour - b.hour);

/** To be given to the Worker as `ELECTRICITY_MAPS_TOKEN`. */
export const TOKEN = 'of-a-bench';

/** A `fetch` that reaches nobody else. @param now clock in UTC milliseconds */
export const answeringFetch = (now) => async (input, init) => {
  const url = new URL(input instanceof Request ? input.url : input);
  if (url.hostname !== 'api.electricitymaps.com' || new Headers(init?.headers).get('auth-token') !== TOKEN)
    throw new Error('a benchmark stays on this machine');
  const zone = url.searchParams.get('zone');
  const basis = url.searchParams.get('emissionFactorType');
  const thisHourMs = Math.floor(now() / HOUR_MS) * HOUR_MS;
  const rows = (fromMs, endMs) =>
    Array.from({ length: Math.round((endMs - fromMs) / HOUR_MS) }, (_, i) =>
      rowOf(zone, basis, fromMs + i * HOUR_MS, now()),
    );
  const replies = {
    history: () => ({ zone, history: rows(thisHourMs - 23 * HOUR_MS, thisHourMs + HOUR_MS) }),
    'past-range': () => ({
      zone,
      data: rows(Date.parse(url.searchParams.get('start')), Date.parse(url.searchParams.get('end'))),
    }),
    forecast: () => ({
      zone,
      forecast: forecast.forecast.map((row, i) => ({
        ...row,
        datetime: new Date(thisHourMs + i * HOUR_MS).toISOString(),
      })),
      updatedAt: new Date(thisHourMs).toISOString(),
    }),
  };
  return Response.json(replies[url.pathname.split('/').at(-1)]());
};

function rowOf(zone, emissionFactorType, startMs, nowMs) {
  const { carbonIntensity, revisedAfterMs } = hours[new Date(startMs).getUTCHours()];
  const isEstimated = nowMs < startMs + revisedAfterMs;
  const updatedMs = isEstimated ? Math.floor(nowMs / HOUR_MS) * HOUR_MS : startMs + revisedAfterMs;
  return {
    zone,
    // No two days are alike, and no estimate is what comes of it.
    carbonIntensity: carbonIntensity + (Math.floor(startMs / 24 / HOUR_MS) % 7) + (isEstimated ? 10 : 0),
    datetime: new Date(startMs).toISOString(),
    updatedAt: new Date(updatedMs).toISOString(),
    createdAt: new Date(startMs - HOUR_MS).toISOString(),
    emissionFactorType,
    flowTraced: true,
    isEstimated,
    estimationMethod: isEstimated ? 'FORECASTS_HIERARCHY' : null,
  };
}
