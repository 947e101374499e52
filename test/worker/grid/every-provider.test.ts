/** What holds for every provider alike, in its own shape: days on which clocks change, and limits. */
import { describe, expect, test } from 'vitest';
import { everyProvider } from '../../../worker/grid/list.ts';
import { afterLogin, cases, text } from './garbage.ts';
import { ask } from './recorded.ts';

const HOUR_MS = 3_600_000;
/** Spring and autumn in Europe, in North America, in Australia (from 16:00 UTC of the day before). */
const DAYS_OF_CHANGE = ['2026-03-29', '2026-10-25', '2026-03-08', '2026-11-01', '2026-10-03', '2026-04-04'];

const iso = (ms: number) => new Date(ms).toISOString();

test('none is left out', () => {
  const families = (names: readonly string[]) => [
    ...new Set(
      names.map((name) => name.replace(/^(electricity-maps|eia|entsoe|open-electricity)-direct$/, '$1')),
    ),
  ];
  expect(families(cases.map(({ provider }) => provider.name)).sort()).toEqual(
    families(everyProvider({}).map(({ name }) => name)).sort(),
  );
});

describe.each(cases)('$provider.name', ({ provider, gridZone, reply, startOf, grams = 100 }) => {
  test.each(DAYS_OF_CHANGE)('on %s every hour stays where it is', async (day) => {
    const midnight = Date.parse(`${day}T00:00Z`);
    for (let hour = 0; hour < 24; hour++) {
      const startMs = midnight + hour * HOUR_MS;
      const { outcome } = await ask(provider, {
        gridZone,
        from: iso(midnight),
        to: iso(midnight + 24 * HOUR_MS),
        answer: afterLogin(text(reply({ start: startOf(startMs) }))),
      });
      expect(outcome).toMatchObject({
        outcome: 'values',
        values: [{ startMs, gramsPerKwh: grams }],
        refused: [],
      });
    }
  });

  test('a limit is told as one, with the time to wait', async () => {
    const { outcome } = await ask(provider, {
      gridZone,
      from: '2026-01-20T12:00Z',
      to: '2026-01-20T13:00Z',
      answer: text('slow down', { status: 429, headers: { 'Retry-After': '7' } }),
    });
    expect(outcome).toMatchObject({ outcome: 'rateLimited', retryAfterMs: 7000 });
  });
});
