/** A zone has one scope in each hour, and its order of trust keeps to it. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type IntensityPoint, SCOPES, type Scope } from '../../../shared/grid/intensity.ts';
import { intensityResolver, LOOKBACK_MS, scopeResolver } from '../../../shared/grid/resolve.ts';
import { scopeOfPoint } from '../../../shared/grid/scope.ts';
import { DEFAULT_TRUST, FALLBACKS, liveInScope, type TrustOrder } from '../../../shared/grid/trust.ts';
import { DAY_MS, HOUR_MS, WINDOW_MS } from '../../../shared/time/window.ts';
import { epochMs, gramsPerKwh } from '../../../shared/units.ts';

const NOON = Date.UTC(2024, 4, 17, 12);
const lifecycle = { gridZone: 'DE', basis: 'lifecycle', signal: 'average' } as const;

function point(
  startMs: number,
  provider: string,
  scope: Scope,
  grams: number,
  durationMs = HOUR_MS,
): IntensityPoint {
  return {
    startMs: epochMs(startMs),
    endMs: epochMs(startMs + durationMs),
    gramsPerKwh: gramsPerKwh(grams),
    kind: 'measured',
    provider,
    scope,
    method: null,
    issuedAtMs: null,
    fetchedAtMs: epochMs(startMs + durationMs),
  };
}
const used = (startMs: number, grams = 300) => point(startMs, 'used', 'consumption', grams);
const made = (startMs: number, grams = 90) => point(startMs, 'made', 'production', grams);
const own = (scope: Scope, startMs: number, grams = 5) => point(startMs, 'user', scope, grams);
const hours = (fromMs: number, count: number) =>
  Array.from({ length: count }, (_, index) => fromMs + index * HOUR_MS);

describe('by default', () => {
  test('a zone whose consumption is silent for less than 7 days takes no value of production', () => {
    const points = [used(NOON), ...hours(NOON, 10 * 24).map((ms) => made(ms))];
    const resolve = intensityResolver(lifecycle, points);
    expect(resolve(NOON + 2 * HOUR_MS)).toMatchObject({
      gramsPerKwh: 300,
      method: expect.stringMatching(/^carried forward/),
    });
    expect(resolve(NOON + 6 * HOUR_MS)?.kind).toBe('annual');
    expect(resolve(NOON + 7 * DAY_MS)?.kind).toBe('annual');
    expect(resolve(NOON + 7 * DAY_MS + HOUR_MS)).toMatchObject({ provider: 'made', kind: 'measured' });
  });

  test('the scope of an hour is the same for a range that begins amid it', () => {
    const points = [used(NOON - 7 * DAY_MS - HOUR_MS / 2), made(NOON)];
    const fromMs = NOON + 45 * 60_000;
    const read = points.filter(({ endMs }) => endMs > fromMs - LOOKBACK_MS);
    expect(scopeResolver(points)(fromMs)).toBe('consumption');
    expect(scopeResolver(read)(fromMs)).toBe('consumption');
  });

  test('a zone of production is never charged with a yearly average, which is one of consumption', () => {
    const resolve = intensityResolver(lifecycle, [made(NOON)]);
    expect(resolve(NOON - WINDOW_MS)?.kind).toBe('annual');
    expect(resolve(NOON)).toMatchObject({ provider: 'made' });
    expect(resolve(NOON + 2 * HOUR_MS)).toMatchObject({ provider: 'made', kind: 'estimated' });
    expect(resolve(NOON + 3 * HOUR_MS)).toBeNull();
  });

  test('an hour in which production begins is left whole to what held before', () => {
    const resolve = intensityResolver(lifecycle, [made(NOON + HOUR_MS / 2)]);
    expect(resolve(NOON + HOUR_MS / 2)?.kind).toBe('annual');
    expect(resolve(NOON + HOUR_MS)).toMatchObject({ scope: 'production' });
  });

  test('a mean of the hour has days of one scope in it', () => {
    const points = [1, 2, 3, 4].map((day) => NOON - day * DAY_MS).flatMap((ms) => [used(ms), made(ms)]);
    expect(intensityResolver(lifecycle, points)(NOON)).toMatchObject({
      gramsPerKwh: 300,
      scope: 'consumption',
    });
  });

  test('the own series of consumption is charged for its hours and the one after, also where production is', () => {
    const points = [...hours(NOON - DAY_MS, 48).map((ms) => made(ms)), own('consumption', NOON)];
    const resolve = intensityResolver(lifecycle, points);
    expect(resolve(NOON - WINDOW_MS)?.provider).toBe('made');
    expect(resolve(NOON)).toMatchObject({ provider: 'user', kind: 'measured' });
    expect(resolve(NOON + 2 * HOUR_MS - WINDOW_MS)).toMatchObject({ provider: 'user', kind: 'estimated' });
    expect(resolve(NOON + 2 * HOUR_MS)?.provider).toBe('made');
  });

  test('the own series of production is charged where no consumption is known', () => {
    const series = own('production', NOON);
    expect(intensityResolver(lifecycle, [series])(NOON)).toBe(series);
    expect(intensityResolver(lifecycle, [series, made(NOON)])(NOON)).toBe(series);
    expect(intensityResolver(lifecycle, [series, used(NOON)])(NOON)).toMatchObject({ provider: 'used' });
    expect(intensityResolver(lifecycle, [series])(NOON + 2 * HOUR_MS)?.kind).toBe('annual');
  });

  test('what was noted of a zone holds whatever its providers had before', () => {
    const points = [...hours(NOON - DAY_MS, 26).map((ms) => made(ms)), ...hours(NOON - DAY_MS, 26).map(used)];
    const since = { ...DEFAULT_TRUST, notedScope: 'consumption' } as const;
    const before = { ...DEFAULT_TRUST, notedScope: 'production' } as const;
    const resolve = intensityResolver(lifecycle, points, (ms) => (ms < NOON ? before : since));
    expect(resolve(NOON - WINDOW_MS)?.scope).toBe('production');
    expect(resolve(NOON)?.scope).toBe('consumption');
  });
});

describe('by an order', () => {
  const order = (more: Partial<TrustOrder>): TrustOrder => ({ ...DEFAULT_TRUST, ...more });

  test('the scope that it keeps to counts, its own series included', () => {
    const points = [used(NOON), made(NOON), own('consumption', NOON)];
    const at = (trust: TrustOrder) => intensityResolver(lifecycle, points, () => trust)(NOON);
    expect(at(order({ scope: 'production' }))?.provider).toBe('made');
    expect(at(order({ scope: 'production', providers: ['user', 'made'] }))?.provider).toBe('made');
    expect(at(order({ scope: 'consumption', providers: ['used', 'user'] }))?.provider).toBe('used');
  });

  test('one of before that names both keeps to that of the first with a value', () => {
    const points = [used(NOON - HOUR_MS), made(NOON)];
    const resolve = intensityResolver(lifecycle, points, () => order({ providers: ['used', 'made'] }));
    expect(resolve(NOON)).toMatchObject({ provider: 'used', kind: 'estimated' });
    const other = intensityResolver(lifecycle, points, () => order({ providers: ['made', 'used'] }));
    expect(other(NOON)).toMatchObject({ provider: 'made', kind: 'measured' });
  });

  test('of another scope holds from the next full hour, of the same one at once', () => {
    const points = [used(NOON), point(NOON, 'other', 'consumption', 200), made(NOON), made(NOON + HOUR_MS)];
    const later = (trust: TrustOrder) =>
      intensityResolver(lifecycle, points, (ms) => (ms < NOON + 30 * 60_000 ? DEFAULT_TRUST : trust));
    const production = later(order({ scope: 'production', providers: ['made'] }));
    expect(production(NOON + 45 * 60_000)?.scope).toBe('consumption');
    expect(production(NOON + HOUR_MS)?.provider).toBe('made');
    const same = later(order({ scope: 'consumption', providers: ['other'] }));
    expect(same(NOON + 45 * 60_000)?.provider).toBe('other');
  });

  test('live values of one scope can be asked for beside whatever is charged', () => {
    const points = [used(NOON), made(NOON), made(NOON - DAY_MS)];
    const live = intensityResolver(
      lifecycle,
      points,
      liveInScope(() => order({ scope: 'consumption' }), 'production'),
    );
    expect(live(NOON)?.provider).toBe('made');
    expect(live(NOON + HOUR_MS)).toBeNull();
  });
});

describe('laws', () => {
  const pointArbitrary = fc
    .record({
      step: fc.integer({ min: -12 * 24 * 16, max: 48 }),
      windows: fc.constantFrom(1, 6, 12, 288),
      grams: fc.integer({ min: 0, max: 900 }),
      scope: fc.constantFrom(...SCOPES),
      provider: fc.constantFrom('a', 'b', 'user'),
    })
    .map(({ step, windows, grams, scope, provider }) =>
      point(NOON + step * WINDOW_MS, provider, scope, grams, windows * WINDOW_MS),
    );
  const pointsArbitrary = fc.uniqueArray(pointArbitrary, {
    maxLength: 40,
    selector: ({ provider, scope, startMs }) => `${provider} ${scope} ${startMs}`,
  });
  const orderArbitrary = fc.record({
    providers: fc.option(fc.shuffledSubarray(['a', 'b', 'user'], { minLength: 1 })),
    fallbacks: fc.subarray([...FALLBACKS]),
    scope: fc.option(fc.constantFrom(...SCOPES)),
    notedScope: fc.option(fc.constantFrom(...SCOPES)),
  });
  /** Two orders in turn, the second from any window on. */
  const trustArbitrary = fc.tuple(orderArbitrary, orderArbitrary, fc.integer({ min: -40, max: 40 })).map(
    ([first, second, step]) =>
      (ms: number): TrustOrder =>
        ms < NOON + step * WINDOW_MS ? first : second,
  );
  const windowsOf = (hourMs: number) => Array.from({ length: 12 }, (_, index) => hourMs + index * WINDOW_MS);

  test('whatever points and orders: no zone and hour has two scopes', () => {
    fc.assert(
      fc.property(pointsArbitrary, trustArbitrary, (points, trustAt) => {
        const resolve = intensityResolver(lifecycle, points, trustAt);
        const scopeAt = scopeResolver(points, trustAt);
        for (const hourMs of hours(NOON - 3 * HOUR_MS, 7)) {
          const scopes = windowsOf(hourMs).flatMap((ms) => {
            const found = resolve(ms);
            return found === null ? [] : [scopeOfPoint(found)];
          });
          expect(new Set([...scopes, scopeAt(hourMs + WINDOW_MS)]).size).toBe(1);
        }
      }),
    );
  });

  test('more of production changes nothing where a zone is of consumption', () => {
    fc.assert(
      fc.property(pointsArbitrary, fc.array(pointArbitrary), orderArbitrary, (points, more, trust) => {
        // Where the order says nothing, it is values of consumption that do.
        const established = [...points, used(NOON - 3 * DAY_MS)];
        const order = { ...trust, providers: null, notedScope: null, scope: null };
        const added = more.filter(({ scope }) => scope === 'production');
        const before = intensityResolver(lifecycle, established, () => order);
        const after = intensityResolver(lifecycle, [...established, ...added], () => order);
        for (const ms of hours(NOON - DAY_MS, 25)) expect(after(ms)).toEqual(before(ms));
      }),
    );
  });

  test('where a range begins changes nothing: what is read before it is enough', () => {
    fc.assert(
      fc.property(
        pointsArbitrary,
        trustArbitrary,
        fc.integer({ min: -20, max: 20 }),
        (points, trustAt, step) => {
          const fromMs = NOON + step * WINDOW_MS;
          const read = points.filter(({ endMs }) => endMs > fromMs - LOOKBACK_MS);
          const whole = intensityResolver(lifecycle, points, trustAt);
          expect(intensityResolver(lifecycle, read, trustAt)(fromMs)).toEqual(whole(fromMs));
        },
      ),
      { numRuns: 300 },
    );
  });

  test('what begins after an hour does not decide what it is of', () => {
    fc.assert(
      fc.property(pointsArbitrary, trustArbitrary, (points, trustAt) => {
        const past = points.filter(({ startMs }) => startMs <= NOON);
        expect(scopeResolver(past, trustAt)(NOON)).toBe(scopeResolver(points, trustAt)(NOON));
      }),
    );
  });
});
