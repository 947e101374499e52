/** The intensity of many zones is read at once, and is what each zone alone would have. */
import { beforeAll, expect, test } from 'vitest';
import { ALL_KNOWN } from '../../../shared/audit/as-known.ts';
import { DAY_MS, HOUR_MS } from '../../../shared/time/window.ts';
import { epochMs, gramsPerKwh } from '../../../shared/units.ts';
import { storeValues } from '../../../worker/storage/grid-writes.ts';
import { loadIntensities, loadIntensity } from '../../../worker/use-cases/grid-intensity.ts';
import { putTrust } from '../../../worker/use-cases/grid-trust.ts';
import { countingDatabase } from '../ingest/counting-database.ts';
import { database } from '../ingest/support.ts';

const NOON_MS = Date.UTC(2026, 2, 10, 12);
const ZONES = ['DE', 'FR', 'ES', 'SE-SE4', 'DK-DK1', 'US-TEX-ERCO', 'PL'];
const SERIES = { basis: 'lifecycle', signal: 'average' } as const;
const day = { ...SERIES, fromMs: NOON_MS - DAY_MS, toMs: NOON_MS };

async function store(gridZone: string, grams: number, fetchedAtMs: number): Promise<void> {
  const values = [6, 5, 4, 3].map((hoursBack) => ({
    startMs: epochMs(NOON_MS - hoursBack * HOUR_MS),
    endMs: epochMs(NOON_MS - (hoursBack - 1) * HOUR_MS),
    gramsPerKwh: gramsPerKwh(grams + hoursBack),
    kind: 'measured' as const,
    method: null,
    issuedAtMs: null,
  }));
  const series = { ...SERIES, gridZone, scope: 'consumption', provider: 'electricity-maps' } as const;
  await storeValues(database, series, values, fetchedAtMs);
}

beforeAll(async () => {
  // PL has the yearly average alone.
  for (const [index, gridZone] of ZONES.slice(0, -1).entries()) await store(gridZone, 100 * index, NOON_MS);
  await store('FR', 900, NOON_MS + HOUR_MS);
  const order = { providers: null, fallbacks: [], scope: null };
  const recorder = { nowMs: NOON_MS + HOUR_MS, by: 'test', why: null };
  const change = { series: { ...SERIES, gridZone: 'ES' }, order, effectiveFromMs: NOON_MS - DAY_MS };
  expect(await putTrust(database, change, [], recorder)).toMatchObject({ ok: true });
});

test.each([
  ['all that is known', ALL_KNOWN],
  ['what was known before a revision and an order', NOON_MS + 1],
])('%s is the same at once and zone by zone', async (_, knownAtMs) => {
  const together = await loadIntensities(database, { ...day, gridZones: ZONES }, knownAtMs);
  const found: (number | undefined)[] = [];
  for (const gridZone of ZONES) {
    const alone = await loadIntensity(database, { ...day, gridZone }, knownAtMs);
    for (let startMs = day.fromMs; startMs < day.toMs; startMs += HOUR_MS / 2)
      expect([gridZone, startMs, together.get(gridZone)!(startMs)]).toEqual([
        gridZone,
        startMs,
        alone(startMs),
      ]);
    found.push(alone(NOON_MS - 3 * HOUR_MS)?.gramsPerKwh);
  }
  const revised = knownAtMs === ALL_KNOWN;
  expect(found.slice(0, 4)).toEqual([3, revised ? 903 : 103, 203, 303]);
  // Carried forward, unless the order forbids it.
  const later = together.get('ES')!(NOON_MS - HOUR_MS);
  expect(later?.gramsPerKwh).toBe(revised ? undefined : 203);
});

test('more zones are no more queries; a long range is read in parts', async () => {
  const trips = async (gridZones: readonly string[], fromMs: number) => {
    const counting = countingDatabase(database);
    await loadIntensities(counting.database, { ...day, fromMs, gridZones });
    return counting.calls.roundTrips;
  };
  expect(await trips(['DE'], day.fromMs)).toBe(2);
  expect(await trips(ZONES, day.fromMs)).toBe(2);
  expect(await trips(ZONES, NOON_MS - 365 * DAY_MS)).toBe(1 + ZONES.length);
});
