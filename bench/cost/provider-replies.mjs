/**
 * A provider that answers: in the shape of the replies of Electricity Maps, for whatever zone is asked for, on both bases. An hour is there
 * as it begins, estimated, and is revised once. Plain JavaScript: it runs in workerd, among files that Node runs.
 */

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
/** Of the hours of a day, by the reply that is kept in test/fixtures/grid-api (DK-DK2, 2026-08-21 and 22; data © Electricity Maps, ODbL 1.0): grams for each kWh, and minutes after its beginning at which it was last revised. */
const HOURS = [
  [192, 199],
  [177, 769],
  [149, 710],
  [107, 275],
  [51, 214],
  [54, 214],
  [49, 589],
  [84, 530],
  [85, 439],
  [70, 379],
  [80, 334],
  [83, 275],
  [81, 199],
  [80, 184],
  [78, 169],
  [72, 144],
  [70, 150],
  [75, 150],
  [246, 1204],
  [272, 679],
  [236, 1084],
  [205, 1024],
  [175, 499],
  [172, 439],
];
const FORECAST_HOURS = 72;

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
      forecast: Array.from({ length: FORECAST_HOURS }, (_, i) => ({
        carbonIntensity: HOURS[i % 24][0],
        datetime: new Date(thisHourMs + i * HOUR_MS).toISOString(),
      })),
      updatedAt: new Date(thisHourMs).toISOString(),
    }),
  };
  return Response.json(replies[url.pathname.split('/').at(-1)]());
};

function rowOf(zone, emissionFactorType, startMs, nowMs) {
  const [carbonIntensity, revisedAfterMinutes] = HOURS[new Date(startMs).getUTCHours()];
  const revisedAtMs = startMs + revisedAfterMinutes * MINUTE_MS;
  const isEstimated = nowMs < revisedAtMs;
  const updatedMs = isEstimated ? Math.floor(nowMs / HOUR_MS) * HOUR_MS : revisedAtMs;
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
