/** The operator's own order of trust: which provider's value is taken, and which fallbacks stand in for it. */
import { expect, test } from 'vitest';
import type { IntensityPoint } from '../../../shared/grid/intensity.ts';
import { intensityResolver } from '../../../shared/grid/resolve.ts';
import { DEFAULT_TRUST, FALLBACKS, type TrustOrder } from '../../../shared/grid/trust.ts';
import { DAY_MS, HOUR_MS, WINDOW_MS } from '../../../shared/time/window.ts';
import { epochMs, gramsPerKwh } from '../../../shared/units.ts';

const NOON = Date.UTC(2024, 4, 17, 12);
const query = { gridZone: 'DE', basis: 'lifecycle', signal: 'average' } as const;

const hour = (startMs: number, provider: string, grams: number, more: Partial<IntensityPoint> = {}) => ({
  startMs: epochMs(startMs),
  endMs: epochMs(startMs + HOUR_MS),
  gramsPerKwh: gramsPerKwh(grams),
  kind: 'measured' as const,
  provider,
  method: null,
  issuedAtMs: null,
  fetchedAtMs: epochMs(startMs + HOUR_MS),
  ...more,
});
const order = (providers: readonly string[] | null, fallbacks: TrustOrder['fallbacks'] = FALLBACKS) => {
  const trust: TrustOrder = { ...DEFAULT_TRUST, providers, fallbacks };
  return () => trust;
};

test('the first provider named is taken, before kind, step and the own series', () => {
  const points = [hour(NOON, 'a', 100), hour(NOON, 'b', 200, { kind: 'estimated' }), hour(NOON, 'user', 300)];
  expect(intensityResolver(query, points)(NOON)?.provider).toBe('user');
  expect(intensityResolver(query, points, order(['b', 'user', 'a']))(NOON)?.provider).toBe('b');
  expect(intensityResolver(query, points.toReversed(), order(['b', 'a']))(NOON)?.provider).toBe('b');
});

test('the next one fills what the first has not, and keeps its own kind, name and fetch time', () => {
  const second = hour(NOON, 'b', 200, { kind: 'estimated', fetchedAtMs: epochMs(NOON + 7) });
  const resolve = intensityResolver(query, [hour(NOON - HOUR_MS, 'a', 100), second], order(['a', 'b']));
  expect(resolve(NOON - WINDOW_MS)?.provider).toBe('a');
  expect(resolve(NOON)).toBe(second);
});

test('who is not named is never used, not even to be carried on or averaged', () => {
  const week = Array.from({ length: 7 }, (_, day) => hour(NOON - (day + 1) * DAY_MS, 'a', 100));
  const resolve = intensityResolver(query, [...week, hour(NOON - HOUR_MS, 'a', 100)], order(['b']));
  expect(resolve(NOON)).toMatchObject({ kind: 'annual' });
  expect(resolve(NOON - HOUR_MS)).toMatchObject({ kind: 'annual' });
});

test('a fallback that is forbidden leaves the window to the next, or without a value', () => {
  const week = Array.from({ length: 7 }, (_, day) => hour(NOON - (day + 1) * DAY_MS, 'a', 100));
  const points = [...week, hour(NOON - HOUR_MS, 'a', 300)];
  const at = (fallbacks: TrustOrder['fallbacks'], providers: string[] | null = null) =>
    intensityResolver(query, points, order(providers, fallbacks))(NOON);
  for (const providers of [null, ['a']]) {
    expect(at(FALLBACKS, providers)).toMatchObject({ gramsPerKwh: 300, kind: 'estimated' });
    expect(at(['hourOfDayMean', 'annual'], providers)).toMatchObject({ gramsPerKwh: 100, kind: 'estimated' });
    expect(at(['annual'], providers)).toMatchObject({ kind: 'annual' });
    expect(at([], providers)).toBeNull();
  }
});

test('an order holds from its date', () => {
  const points = [hour(NOON - HOUR_MS, 'a', 100), hour(NOON - HOUR_MS, 'b', 200), hour(NOON, 'a', 110)];
  const both = [...points, hour(NOON, 'b', 210)];
  const later: TrustOrder = { ...DEFAULT_TRUST, providers: ['b'], fallbacks: [] };
  const resolve = intensityResolver(query, both, (ms) => (ms < NOON ? DEFAULT_TRUST : later));
  expect(resolve(NOON - WINDOW_MS)?.provider).toBe('a');
  expect(resolve(NOON)?.provider).toBe('b');
});

test('zero stays zero through every rule', () => {
  const zeros = Array.from({ length: 8 }, (_, day) => hour(NOON - day * DAY_MS, 'a', 0));
  for (const trustAt of [undefined, order(['a'])]) {
    const resolve = intensityResolver(query, zeros, trustAt);
    expect(resolve(NOON)).toMatchObject({ gramsPerKwh: 0, kind: 'measured' });
    expect(resolve(NOON + HOUR_MS)).toMatchObject({ gramsPerKwh: 0, kind: 'estimated' });
    expect(resolve(NOON + DAY_MS)).toMatchObject({ gramsPerKwh: 0, kind: 'estimated' });
  }
});
