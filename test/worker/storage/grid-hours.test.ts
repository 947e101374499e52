/** Hours of a stored series, as forecasts are made from them. */
import { expect, test } from 'vitest';
import { epochMs, gramsPerKwh } from '../../../shared/units.ts';
import { readHours } from '../../../worker/storage/grid-forecasts.ts';
import { findOrAddSeries, storeValues } from '../../../worker/storage/grid-writes.ts';
import { database } from '../ingest/support.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const NOON = Date.parse('2024-03-20T12:00:00Z');

test('an hour is the mean over the time of its values, whatever their lengths; one that is known in part is not known', async () => {
  const series = {
    gridZone: 'DE',
    basis: 'direct',
    signal: 'average',
    scope: 'consumption',
    provider: 'a',
  } as const;
  const value = (fromMinute: number, minutes: number, grams: number) => ({
    startMs: epochMs(NOON + fromMinute * MINUTE_MS),
    endMs: epochMs(NOON + (fromMinute + minutes) * MINUTE_MS),
    gramsPerKwh: gramsPerKwh(grams),
    kind: 'measured' as const,
    method: null,
    issuedAtMs: null,
  });
  const values = [
    value(0, 45, 100),
    value(45, 15, 500),
    value(60, 30, 100),
    value(120, 120, 70),
    value(240, 5, 0),
    value(245, 55, 120),
  ];
  await storeValues(database, series, values, NOON);
  const id = await findOrAddSeries(database, series);
  const hours = await readHours(database, id, { fromMs: NOON, toMs: NOON + 5 * HOUR_MS });
  expect([...hours]).toEqual([200, Number.NaN, 70, 70, 110]);
});
