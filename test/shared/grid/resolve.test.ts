import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { IntensityPoint } from '../../../shared/grid/intensity.ts';
import { intensityResolver } from '../../../shared/grid/resolve.ts';
import { DAY_MS, HOUR_MS, WINDOW_MS } from '../../../shared/time/window.ts';
import { epochMs, gramsPerKwh } from '../../../shared/units.ts';

const NOON = Date.UTC(2024, 4, 17, 12);
const lifecycle = { gridZone: 'DE', basis: 'lifecycle', signal: 'average' } as const;
const direct = { ...lifecycle, basis: 'direct' } as const;

function point(startMs: number, lengthMs: number, grams: number, more: Partial<IntensityPoint> = {}) {
  return {
    startMs: epochMs(startMs),
    endMs: epochMs(startMs + lengthMs),
    gramsPerKwh: gramsPerKwh(grams),
    kind: 'measured',
    provider: 'a',
    method: null,
    issuedAtMs: null,
    fetchedAtMs: epochMs(startMs + lengthMs),
    ...more,
  } satisfies IntensityPoint;
}

describe('a live value of the window', () => {
  test('is taken as it is, for every window it covers and no other', () => {
    const live = point(NOON, HOUR_MS, 300);
    const resolve = intensityResolver(direct, [live]);
    expect(resolve(NOON)).toBe(live);
    expect(resolve(NOON + HOUR_MS - WINDOW_MS)).toBe(live);
    expect(resolve(NOON - WINDOW_MS)).toBeNull();
    expect(resolve(NOON + HOUR_MS)).not.toBe(live);
  });

  test.each([
    ['the user over any provider', { provider: 'user', kind: 'forecast' }, {}],
    ['measured over estimated', {}, { kind: 'estimated' }],
    ['estimated over forecast', { kind: 'estimated' }, { kind: 'forecast' }],
    ['the finer step', {}, { endMs: epochMs(NOON + DAY_MS) }],
    ['else the name, so that order is total', { provider: 'a' }, { provider: 'b' }],
  ] as const)('prefers %s', (_, better, worse) => {
    const trusted = point(NOON, HOUR_MS, 1, better);
    const other = point(NOON, HOUR_MS, 2, worse);
    expect(intensityResolver(direct, [trusted, other])(NOON)).toBe(trusted);
    expect(intensityResolver(direct, [other, trusted])(NOON)).toBe(trusted);
  });

  test('zero is a value, not a missing one', () => {
    const resolve = intensityResolver(lifecycle, [
      point(NOON, HOUR_MS, 0),
      point(NOON - HOUR_MS, HOUR_MS, 50),
    ]);
    expect(resolve(NOON)?.gramsPerKwh).toBe(0);
    expect(resolve(NOON + HOUR_MS)).toMatchObject({ gramsPerKwh: 0, kind: 'estimated' });
  });

  test('a point that covers a window only in part says nothing of it', () => {
    expect(intensityResolver(direct, [point(NOON + 60_000, WINDOW_MS, 1)])(NOON)).toBeNull();
  });
});

describe('without a live value', () => {
  test('the last known is carried forward for two hours beyond its end, and says since when', () => {
    const resolve = intensityResolver(lifecycle, [point(NOON, HOUR_MS, 300, { issuedAtMs: epochMs(NOON) })]);
    const end = NOON + HOUR_MS;
    for (const windowStart of [end, end + 2 * HOUR_MS - WINDOW_MS]) {
      expect(resolve(windowStart)).toEqual({
        startMs: windowStart,
        endMs: windowStart + WINDOW_MS,
        gramsPerKwh: 300,
        kind: 'estimated',
        provider: 'a',
        method: 'carried forward since 2024-05-17T13:00Z',
        issuedAtMs: NOON,
        fetchedAtMs: end,
      });
    }
    expect(resolve(end + 2 * HOUR_MS)?.kind).toBe('annual');
  });

  test('then the mean of this hour over the last seven days stands in', () => {
    // 12:00 to 13:00 on each of the seven days before: 100, 200, ... 700.
    const points = [1, 2, 3, 4, 5, 6, 7].map((day) => point(NOON - day * DAY_MS, HOUR_MS, day * 100));
    const resolve = intensityResolver(direct, points);
    expect(resolve(NOON + 30 * 60_000)).toMatchObject({
      startMs: NOON + 30 * 60_000,
      gramsPerKwh: 400,
      kind: 'estimated',
      method: 'mean of this hour over 7 of the last 7 days',
    });
    expect(resolve(NOON + 3 * HOUR_MS)).toBeNull();
  });

  test('a day whose hour is incomplete does not count, and four complete ones are needed', () => {
    const complete = [1, 2, 3, 4].map((day) => point(NOON - day * DAY_MS, HOUR_MS, 100));
    const half = point(NOON - 5 * DAY_MS, HOUR_MS / 2, 900);
    expect(intensityResolver(direct, [...complete, half])(NOON)).toMatchObject({
      gramsPerKwh: 100,
      method: 'mean of this hour over 4 of the last 7 days',
    });
    expect(intensityResolver(direct, [...complete.slice(1), half])(NOON)).toBeNull();
  });

  test('then the yearly average, labelled annual with its year and source', () => {
    expect(intensityResolver(lifecycle, [])(NOON)).toMatchObject({
      startMs: NOON,
      endMs: NOON + WINDOW_MS,
      gramsPerKwh: 341,
      kind: 'annual',
      method: 'yearly average of 2024, Electricity Maps',
    });
  });

  test('a basis or signal without a table has nothing: never a value of another', () => {
    expect(intensityResolver(direct, [])(NOON)).toBeNull();
    expect(intensityResolver({ ...lifecycle, signal: 'marginal' }, [])(NOON)).toBeNull();
    expect(intensityResolver({ ...lifecycle, gridZone: 'NOWHERE' }, [])(NOON)).toBeNull();
  });
});

describe('laws', () => {
  const pointArbitrary = fc
    .record({
      step: fc.integer({ min: -12 * 24 * 9, max: 48 }),
      windows: fc.constantFrom(1, 6, 12),
      grams: fc.integer({ min: 0, max: 900 }),
      kind: fc.constantFrom('measured' as const, 'estimated' as const, 'forecast' as const),
      provider: fc.constantFrom('a', 'b', 'user'),
    })
    .map(({ step, windows, grams, kind, provider }) =>
      point(NOON + step * WINDOW_MS, windows * WINDOW_MS, grams, { kind, provider }),
    );
  // One value per provider and start, as storage holds them.
  const pointsArbitrary = fc.uniqueArray(pointArbitrary, {
    maxLength: 60,
    selector: ({ provider, startMs, endMs }) => `${provider} ${startMs} ${endMs}`,
  });

  test('the order in which values arrived changes nothing', () => {
    fc.assert(
      fc.property(pointsArbitrary, (points) => {
        expect(intensityResolver(lifecycle, points.toReversed())(NOON)).toEqual(
          intensityResolver(lifecycle, points)(NOON),
        );
      }),
    );
  });

  test('what comes after a window never stands in for it', () => {
    fc.assert(
      fc.property(pointsArbitrary, (points) => {
        const past = points.filter((each) => each.startMs <= NOON);
        expect(intensityResolver(lifecycle, past)(NOON)).toEqual(intensityResolver(lifecycle, points)(NOON));
      }),
    );
  });

  test('a value that we derived is never better than estimated, and lies within what it was derived from', () => {
    fc.assert(
      fc.property(pointsArbitrary, (points) => {
        const resolved = intensityResolver(direct, points)(NOON);
        if (resolved === null || points.includes(resolved as never)) return;
        const grams = points.map((each) => each.gramsPerKwh);
        expect(resolved.kind).toBe('estimated');
        expect(resolved.method).not.toBeNull();
        expect(resolved.gramsPerKwh).toBeGreaterThanOrEqual(Math.min(...grams));
        expect(resolved.gramsPerKwh).toBeLessThanOrEqual(Math.max(...grams) * (1 + 1e-12));
      }),
    );
  });
});
