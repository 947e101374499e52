import { expect, test } from 'vitest';
import type { Choice, GreenestAnswer, Saving } from '../../../agent/green/greenest-answer.ts';
import { greenestText } from '../../../agent/green/greenest-text.ts';

const NOW_MS = Date.parse('2026-11-25T20:00:00Z');
const at = (hours: number) => new Date(NOW_MS + hours * 3_600_000).toISOString();
const choice = (startHours: number, grams: number): Choice => ({
  ...{ start: at(startHours), end: at(startHours + 4), spans: [], gramsPerKwh: grams / 4 },
  ...{ grams, gramsLow: grams * 0.9, gramsHigh: grams * 1.1 },
});
const saving: Saving = { grams: 400, gramsLow: 300, gramsHigh: 500, ratio: 0.4, worthWaiting: true };
const forecast = { provider: 'a-provider', method: null, issuedAt: at(-1), fetchedAt: at(-1), until: at(48) };

function answer(more: Partial<GreenestAnswer> = {}): GreenestAnswer {
  const best = choice(6, 600);
  const startNow = choice(0, 1000);
  return {
    ...{
      notBefore: at(0),
      deadline: at(28),
      durationMinutes: 240,
      powerWatts: 1000,
      interruptible: false,
      scope: 'consumption',
    },
    best: { ...best, gridZone: 'DE' },
    startNow: { ...startNow, gridZone: 'DE' },
    ...{ saving, worthWaiting: true, excluded: [] },
    zones: [{ gridZone: 'DE', best, startNow, saving, forecast }],
    ...more,
  };
}
const text = (more?: Partial<GreenestAnswer>) => greenestText(answer(more), NOW_MS, 'Europe/Berlin');

test('the whole of one zone', () => {
  expect(text()).toBe(`A job of 4 h at 1000 W, ended by Fri 27 Nov 01:00 CET (00:00 UTC)

best start  Thu 26 Nov 03:00 CET (02:00 UTC), in 6 h
ends        Thu 26 Nov 07:00 CET (06:00 UTC)
zone        DE
emits       600 g (540 g to 660 g), 150 g/kWh
at once     1.00 kg (900 g to 1.10 kg), 250 g/kWh
saves       400 g (40 %); 80 % of outcomes: 300 g to 500 g

Worth waiting: even at the lower end of what is expected it saves something.

Forecast of consumption: a-provider, issued Wed 25 Nov 20:00 CET (19:00 UTC).
`);
});

test('what is not known is not zero', () => {
  const unknown = text({ startNow: null, saving: null, worthWaiting: false });
  expect(unknown).toMatch(/^at once {5}not known$/m);
  expect(unknown).toMatch(/^saves {7}not known$/m);
  expect(unknown).toContain('Whether waiting helps is not known');
});

test('an earliest start of its own is no start at once', () => {
  expect(text({ notBefore: at(3) })).toMatch(/^at earliest +1\.00 kg/m);
});

test('now is the best start, and no loss is invented', () => {
  const now = { ...choice(0, 1000), gridZone: 'DE' };
  const none = { ...saving, grams: 0, gramsLow: 0, gramsHigh: 0, ratio: 0, worthWaiting: false };
  const said = text({ best: now, startNow: now, saving: none, worthWaiting: false });
  expect(said).toContain('UTC), which is now');
  expect(said).toContain('Not worth waiting: no later start is expected to emit less.');
});

test('a job that pauses: its hours, eight of them, and how many more', () => {
  const spans = Array.from({ length: 11 }, (_, i) => ({ start: at(2 * i), end: at(2 * i + 1) }));
  const said = text({ best: { ...choice(0, 600), spans, gridZone: 'DE' }, interruptible: true });
  expect(said.match(/, 1 h$/gm)).toHaveLength(8);
  expect(said).toContain('  and 3 times more (--json lists all)');
});

test('long reasons are broken within 80 columns', () => {
  const reason = 'no series on this basis and signal is stored: '.repeat(4).trim();
  const said = text({ excluded: [{ gridZone: 'PL', reason }] });
  for (const line of said.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  expect(said.replaceAll(/\s+/g, ' ')).toContain(`PL: ${reason}`);
});
