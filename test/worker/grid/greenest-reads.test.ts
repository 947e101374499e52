/** The greenest start asks D1 as little for ten zones as for one, and not twice within a minute; what it knows is never older. */
import { expect, test } from 'vitest';
import { DAY_MS, HOUR_MS } from '../../../shared/time/window.ts';
import { epochMs, gramsPerKwh } from '../../../shared/units.ts';
import { keepForecast } from '../../../worker/storage/grid-forecasts.ts';
import { forgetReads, readRecently } from '../../../worker/storage/grid-recent.ts';
import { findOrAddSeries, storeValues } from '../../../worker/storage/grid-writes.ts';
import { greenestStart } from '../../../worker/use-cases/greenest.ts';
import { putTrust } from '../../../worker/use-cases/grid-trust.ts';
import { countingDatabase } from '../ingest/counting-database.ts';
import { database } from '../ingest/support.ts';

const NOON_MS = Date.UTC(2026, 2, 10, 12);
const ZONES = ['DE', 'FR', 'ES', 'SE-SE4', 'DK-DK1', 'US-TEX-ERCO', 'PL', 'NL', 'BE', 'AT'];
const SERIES = { basis: 'lifecycle', signal: 'average' } as const;
const counting = countingDatabase(database);

/** Clean at one hour of the next day, and else alike. */
async function forecast(gridZone: string, cleanHour: number, nowMs: number): Promise<void> {
  const series = { ...SERIES, gridZone, scope: 'consumption', provider: 'wattshed' } as const;
  const steps = Array.from({ length: 24 }, (_, hour) => {
    const grams = hour === cleanHour ? 50 : 200;
    const startMs = NOON_MS + (hour + 1) * HOUR_MS;
    const band = { lowGramsPerKwh: grams - 10, highGramsPerKwh: grams + 10 };
    return { startMs, endMs: startMs + HOUR_MS, gramsPerKwh: grams, ...band };
  });
  const issue = { issuedAtMs: nowMs, fetchedAtMs: nowMs, method: null, steps };
  const slotMs = Math.floor(nowMs / HOUR_MS) * HOUR_MS;
  await keepForecast(database, await findOrAddSeries(database, series), slotMs, issue);
}

async function measure(gridZone: string, grams: number): Promise<void> {
  const value = {
    startMs: epochMs(NOON_MS),
    endMs: epochMs(NOON_MS + HOUR_MS),
    gramsPerKwh: gramsPerKwh(grams),
    kind: 'measured' as const,
    method: null,
    issuedAtMs: null,
  };
  const series = { ...SERIES, gridZone, scope: 'consumption', provider: 'electricity-maps' } as const;
  await storeValues(database, series, [value], NOON_MS);
}

/** Round trips to D1, the hour chosen, and the grams of starting now, in the first zone. */
async function ask(gridZones: readonly string[], nowMs: number) {
  const before = counting.calls.roundTrips;
  const query = { ...SERIES, gridZones, durationMs: HOUR_MS, powerWatts: 1000, interruptible: false };
  const result = await greenestStart(counting.database, { ...query, deadlineMs: NOON_MS + DAY_MS }, nowMs);
  if (!result.ok) throw new Error(JSON.stringify(result.problem));
  const first = result.value.answer.zones.find(({ gridZone }) => gridZone === gridZones[0])!;
  const hour = (first.best.startMs - NOON_MS) / HOUR_MS - 1;
  return { trips: counting.calls.roundTrips - before, hour, nowGrams: first.startNow?.grams ?? null };
}

test('one zone or ten, four reads, and one within the next minute', async () => {
  for (const gridZone of ZONES) {
    await forecast(gridZone, 7, NOON_MS - HOUR_MS);
    await measure(gridZone, 300);
  }
  expect(await ask(['DE'], NOON_MS)).toEqual({ trips: 4, hour: 7, nowGrams: expect.closeTo(300, 6) });
  expect(await ask(ZONES, NOON_MS)).toEqual({ trips: 4, hour: 7, nowGrams: expect.closeTo(300, 6) });
  expect(await ask(ZONES, NOON_MS + 59_999)).toMatchObject({ trips: 1, hour: 7 });
  expect(await ask(ZONES, NOON_MS + 60_000)).toMatchObject({ trips: 4 });
});

test('a forecast, a value and an order of trust that came through this isolate hold at once', async () => {
  const nowMs = NOON_MS + 120_000;
  await ask(['FR'], nowMs);
  await forecast('FR', 3, nowMs);
  expect(await ask(['FR'], nowMs + 1)).toMatchObject({ hour: 3 });
  await measure('FR', 20);
  expect((await ask(['FR'], nowMs + 2)).nowGrams).toBeLessThan(100);
  const order = { providers: ['user'], fallbacks: [], scope: null };
  const recorder = { nowMs, by: 'test', why: null };
  const change = { series: { ...SERIES, gridZone: 'FR' }, order, effectiveFromMs: NOON_MS - DAY_MS };
  expect(await putTrust(database, change, [], recorder)).toMatchObject({ ok: true });
  // The measured value is not trusted any more, so starting now is not known.
  expect((await ask(['FR'], nowMs + 3)).nowGrams).toBeNull();
});

test('what another isolate wrote holds after a minute', async () => {
  const nowMs = NOON_MS + 240_000;
  await ask(['ES'], nowMs);
  await database
    .prepare(`UPDATE grid_forecasts SET steps = replace(steps, '[50,40,60]', '[200,190,210]')`)
    .run();
  expect(await ask(['ES'], nowMs + 59_999)).toMatchObject({ trips: 1, hour: 7 });
  expect(await ask(['ES'], nowMs + 60_000)).toMatchObject({ trips: 4, hour: 0 });
});

test('nothing is kept that was read while something was written, and not without end', async () => {
  let reads = 0;
  const read = async () => ++reads;
  await readRecently('a', NOON_MS, async () => {
    forgetReads();
    return read();
  });
  expect(await readRecently('a', NOON_MS, read)).toBe(2);
  expect(await readRecently('a', NOON_MS, read)).toBe(2);
  // A clock that went back tells nothing of the age.
  expect(await readRecently('a', NOON_MS - 1, read)).toBe(3);
  for (let other = 0; other < 32; other++) await readRecently(`other ${other}`, NOON_MS, read);
  expect(await readRecently('a', NOON_MS, read)).toBe(36);
});
