import { expect, test } from 'vitest';
import type { ZoneWindow } from '../../../shared/alerts/condition.ts';
import { FACT } from '../../../shared/alerts/facts.ts';
import { budgetGrams, RuleFold } from '../../../shared/alerts/fold.ts';
import { complaint, judgeAhead, staleMinutes } from '../../../shared/alerts/observed.ts';
import type {
  AlertRule,
  BudgetRule,
  DirtyHoursAheadRule,
  DirtyHoursRule,
  HealthRule,
  WasteRule,
} from '../../../shared/alerts/rule.ts';
import { referenceEpisodes } from './reference.ts';
import {
  HOUR_MS,
  hourIndex,
  loadAt,
  monthBefore,
  recordedHours,
  WINDOW_MS,
  YEAR_FROM_MS,
  yearOf,
} from './year.ts';

const common = {
  name: 'rule',
  filter: '',
  severity: 'warning',
  enabled: true,
  forMinutes: 15,
  holdMinutes: 30,
  cooldownMinutes: 60,
  renotifyMinutes: null,
  channelIds: [],
} as const;
const dirty: DirtyHoursRule = {
  ...common,
  kind: 'dirtyHours',
  aboveGramsPerKwh: null,
  onPercentile: 0.8,
  offPercentile: 0.7,
  minimumMedianRatio: 1.15,
  abovePowerWatts: 8_000,
};

const DK = yearOf('dk');
const ZA = yearOf('za');

function fold(rule: AlertRule, windows: readonly ZoneWindow[]) {
  const folded = new RuleFold(rule, {});
  for (const window of windows) folded.addZones(window.startMs, new Map([['zone', window]]));
  return folded;
}

function edges(rule: AlertRule, windows: readonly ZoneWindow[], instance = 'zone') {
  return (fold(rule, windows).spans.get(instance) ?? []).map(({ amounts: _, ...span }) => span);
}

/** By nearest rank of the sorted hours. */
const percentile = (hours: readonly number[], ratio: number) =>
  [...hours].sort((a, b) => a - b)[Math.ceil(ratio * hours.length) - 1]!;

type Signal = 'on' | 'off' | 'band' | 'unknown';
const starts = DK.map(({ startMs }) => startMs);

function dirtySignals(zone: 'dk' | 'za'): Signal[] {
  const hours = recordedHours(zone);
  let limits = { on: 0, off: 0 };
  return starts.map((startMs) => {
    if (startMs % (24 * HOUR_MS) === 0) {
      const month = monthBefore(hours, startMs);
      limits = {
        on: Math.max(percentile(month, 0.8), 1.15 * percentile(month, 0.5)),
        off: percentile(month, 0.7),
      };
    }
    const load = loadAt(startMs);
    if (load === null) return 'unknown';
    const intensity = hours[hourIndex(startMs)]!;
    if (intensity <= limits.off || load.watts <= 6_400) return 'off';
    return intensity > limits.on && load.watts > 8_000 ? 'on' : 'band';
  });
}

test('dirty hours in use of a year are those that a look at the whole series finds', () => {
  const found = edges(dirty, DK);
  // The meters are silent for seven hours in which nobody works: far from any episode.
  expect(found).toEqual(referenceEpisodes(dirtySignals('dk'), YEAR_FROM_MS, dirty));
  expect(found.length).toBeGreaterThan(50);
  expect(found.length).toBeLessThan(320);
});

test('a flat grid is never dirty', () => {
  expect(edges({ ...dirty, abovePowerWatts: 0 }, ZA)).toEqual([]);
  expect(edges({ ...dirty, abovePowerWatts: 0, minimumMedianRatio: 1 }, ZA).length).toBeGreaterThan(100);
});

test('an absolute limit ends five percent below itself', () => {
  const rule = { ...dirty, aboveGramsPerKwh: 200, abovePowerWatts: 0 };
  const signals = DK.map(({ gramsPerKwh, startMs }): Signal => {
    if (loadAt(startMs) === null) return 'unknown';
    return gramsPerKwh! > 200 ? 'on' : gramsPerKwh! <= 190 ? 'off' : 'band';
  });
  const found = edges(rule, DK);
  expect(found).toEqual(referenceEpisodes(signals, YEAR_FROM_MS, rule));
  expect(found.length).toBeGreaterThan(50);
});

test('waste of a year', () => {
  const rule: WasteRule = { ...common, kind: 'waste', aboveIdlePowerWatts: 2_000, cooldownMinutes: 0 };
  const signals = starts.map((startMs): Signal => {
    const load = loadAt(startMs);
    if (load === null) return 'unknown';
    return load.idleWatts > 2_000 ? 'on' : load.idleWatts <= 1_600 ? 'off' : 'band';
  });
  const flapping = edges({ ...rule, forMinutes: 5, holdMinutes: 5 }, DK);
  expect(flapping).toEqual(
    referenceEpisodes(signals, YEAR_FROM_MS, { forMinutes: 5, holdMinutes: 5, cooldownMinutes: 0 }),
  );
  expect(flapping.length).toBeGreaterThan(1_000);
});

test('coverage is missed exactly while the meters were silent', () => {
  const rule: AlertRule = { ...common, kind: 'health', check: 'coverage', limit: 0.9 };
  const from = Date.UTC(2024, 4, 20);
  expect(edges(rule, DK)).toEqual([
    {
      startMs: from,
      firedAtMs: from + 15 * 60_000,
      endMs: from + 7 * HOUR_MS,
      resolvedAtMs: from + 7 * HOUR_MS + 30 * 60_000,
    },
  ]);
});

test('counter and power of a year apart in some windows', () => {
  const rule: AlertRule = { ...common, kind: 'health', check: 'counterDisagreement', limit: 0.1 };
  const apart = (startMs: number) => 0.02 * (Math.floor(startMs / WINDOW_MS / 5) % 8);
  const windows = DK.map((window) => ({
    ...window,
    facts: [...window.facts!.slice(0, 7), apart(window.startMs)],
  }));
  const signals = starts.map((startMs): Signal => {
    if (loadAt(startMs) === null) return 'unknown';
    return apart(startMs) > 0.1 ? 'on' : apart(startMs) <= 0.09 ? 'off' : 'band';
  });
  const found = edges({ ...rule, cooldownMinutes: 0 }, windows);
  expect(found).toEqual(referenceEpisodes(signals, YEAR_FROM_MS, { ...rule, cooldownMinutes: 0 }));
  expect(found.length).toBeGreaterThan(1_000);
});

/** Episodes of what is judged window by window. */
function observedEdges(rule: AlertRule, signalOf: (window: ZoneWindow) => Signal) {
  const folded = new RuleFold(rule, {});
  const amounts = { energyMillijoules: 0, grams: 0 };
  for (const window of DK)
    folded.addObserved('zone', { startMs: window.startMs, signal: signalOf(window), amounts });
  return (folded.spans.get('zone') ?? []).map(({ amounts: _, ...span }) => span);
}

test('dirty hours ahead of a year are those that the hours themselves tell, by a forecast that is right', () => {
  const rule: DirtyHoursAheadRule = {
    ...dirty,
    kind: 'dirtyHoursAhead',
    aboveGramsPerKwh: 200,
    abovePowerWatts: 3_000,
    withinHours: 3,
  };
  const hours = recordedHours('dk');
  const forecastFrom = (startMs: number) =>
    Array.from({ length: 12 }, (_, i) => {
      const hourMs = startMs - (startMs % HOUR_MS) + i * HOUR_MS;
      return { startMs: hourMs, endMs: hourMs + HOUR_MS, gramsPerKwh: hours[hourIndex(hourMs)] ?? 0 };
    });
  const signals = starts.map((startMs): Signal => {
    const load = loadAt(startMs);
    if (load === null) return 'unknown';
    // Every hour that some instant of the three hours after the window lies in.
    const endMs = startMs + WINDOW_MS;
    let dirtySoon = false;
    for (let ms = endMs; ms < endMs + 3 * HOUR_MS; ms += WINDOW_MS)
      if ((hours[hourIndex(ms)] ?? 0) > 200) dirtySoon = true;
    return hours[hourIndex(startMs)]! <= 200 && load.watts > 3_000 && dirtySoon ? 'on' : 'off';
  });
  const found = observedEdges(
    rule,
    (window) => judgeAhead(rule, window, forecastFrom(window.startMs)).signal,
  );
  expect(found).toEqual(referenceEpisodes(signals, YEAR_FROM_MS, rule));
  expect(found.length).toBeGreaterThan(50);
});

test.each([
  ['nodeSilent', 30],
  ['sensorLost', 0],
  ['spoolGrowing', 120],
  ['twoAgents', 0],
  ['gridDataStale', 180],
] as const)('%s of a year', (check, limit) => {
  const rule: HealthRule = { ...common, kind: 'health', check, limit, cooldownMinutes: 0 };
  // Each day from midnight on, for as many hours as its number in the month.
  const troubledMs = (atMs: number) => {
    const date = new Date(atMs - 1);
    const sinceMs = atMs - Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate());
    return sinceMs <= (date.getUTCDate() % 24) * HOUR_MS ? sinceMs : null;
  };
  const needMs =
    { nodeSilent: 30, gridDataStale: 180, sensorLost: -1, spoolGrowing: -1, twoAgents: -1 }[check] * 60_000;
  const signals = starts.map((startMs): Signal => {
    const lastsMs = troubledMs(startMs + WINDOW_MS);
    const over = check === 'twoAgents' && lastsMs !== null && lastsMs >= HOUR_MS;
    return lastsMs !== null && lastsMs > needMs && !over ? 'on' : 'off';
  });
  const found = observedEdges(rule, ({ startMs }) => {
    const atMs = startMs + WINDOW_MS;
    const lastsMs = troubledMs(atMs);
    const sinceMs = atMs - (lastsMs ?? 0);
    if (check === 'gridDataStale') return staleMinutes(rule, sinceMs, atMs) === null ? 'off' : 'on';
    const standing = {
      lastHeardMs: sinceMs,
      healthAtMs: sinceMs,
      lostSensors: lastsMs === null ? null : 'nvml failed',
      spoolReports: lastsMs === null ? 3 : 300,
      conflictAtMs: lastsMs === null ? null : sinceMs,
    };
    return complaint(rule, standing, atMs, 180_000) === null ? 'off' : 'on';
  });
  expect(found).toEqual(referenceEpisodes(signals, YEAR_FROM_MS, rule));
  expect(found.length).toBeGreaterThan(200);
});

test('a monthly budget is used up in the window that a sum from the first of the month finds', () => {
  const rule: BudgetRule = {
    ...common,
    kind: 'budget',
    emissions: 'total',
    budgetGrams: 450_000,
    period: 'month',
    fastBurn: null,
    slowBurn: null,
    forMinutes: 0,
    holdMinutes: 0,
  };
  const exhausted: number[] = [];
  let month = -1;
  let sum = 0;
  const signals = DK.map(({ startMs, gramsPerKwh }): Signal => {
    if (new Date(startMs).getUTCMonth() !== month) {
      month = new Date(startMs).getUTCMonth();
      sum = 0;
    }
    const load = loadAt(startMs);
    const before = sum;
    sum += (load === null ? 0 : (load.watts / 1_000 / 12) * 1.2 * gramsPerKwh!) + 1;
    if (before < 450_000 && sum >= 450_000) exhausted.push(startMs);
    return sum >= 450_000 ? 'on' : 'off';
  });
  const found = edges(rule, DK, 'all');
  expect(found.map(({ startMs }) => startMs)).toEqual(exhausted);
  expect(found).toEqual(referenceEpisodes(signals, YEAR_FROM_MS, rule).map((one) => ({ ...one })));
  expect(found.length).toBeGreaterThan(2);
});

test('the burn rate is the pace of the last hours against the even pace of the period', () => {
  const rule: BudgetRule = {
    ...common,
    kind: 'budget',
    emissions: 'operational',
    budgetGrams: 24_000,
    period: 'day',
    fastBurn: { hours: 1, aboveRatio: 2 },
    slowBurn: { hours: 6, aboveRatio: 100 },
  };
  const folded = fold(rule, DK.slice(0, 10 * 12));
  const lastMs = starts[10 * 12 - 1]!;
  const grams = DK.slice(0, 10 * 12).map(
    ({ startMs, gramsPerKwh }) => (loadAt(startMs)!.watts / 1_000 / 12) * 1.2 * gramsPerKwh!,
  );
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const reading = folded.budgetReading(lastMs)!;
  expect(reading.usedGrams).toBeCloseTo(sum(grams), 6);
  // The whole hour before and the current one, which is over: two hours, at 1,000 g an hour if it were even.
  expect(reading.fastBurnRatio).toBeCloseTo(sum(grams.slice(-24)) / 2 / 1_000, 9);
  expect(reading.slowBurnRatio).toBeCloseTo(sum(grams.slice(-7 * 12)) / 7 / 1_000, 9);
});

test('the burn rate of a rule that began within an hour is the pace since then', () => {
  const burn = { hours: 1, aboveRatio: 2 };
  const rule: BudgetRule = {
    ...common,
    kind: 'budget',
    emissions: 'operational',
    budgetGrams: 24_000,
    period: 'day',
    fastBurn: burn,
    slowBurn: null,
  };
  const gramsOf = ({ startMs, gramsPerKwh }: ZoneWindow) =>
    (loadAt(startMs)!.watts / 1_000 / 12) * 1.2 * gramsPerKwh!;
  // From 00:30: a quarter of an hour, and an hour and a quarter.
  for (const length of [3, 15]) {
    const windows = DK.slice(6, 6 + length);
    const grams = windows.map(gramsOf).reduce((total, value) => total + value, 0);
    const reading = fold(rule, windows).budgetReading(windows.at(-1)!.startMs)!;
    expect(reading.fastBurnRatio).toBeCloseTo(grams / (length / 12) / 1_000, 9);
  }
});

test('a budget of one scope counts the grams of its zones alone', () => {
  const rule: BudgetRule = {
    ...common,
    kind: 'budget',
    emissions: 'operational',
    budgetGrams: 24_000,
    period: 'day',
    fastBurn: null,
    slowBurn: null,
  };
  const [window] = DK.slice(6, 7) as [ZoneWindow];
  const grams = window.facts![FACT.facilityKwh]! * window.gramsPerKwh!;
  const both = [window, { ...window, scope: 'production' as const, gramsPerKwh: 2 * window.gramsPerKwh! }];
  expect(budgetGrams(rule, both)).toBeCloseTo(3 * grams, 9);
  expect(budgetGrams({ ...rule, scope: 'consumption' }, both)).toBeCloseTo(grams, 9);
  expect(budgetGrams({ ...rule, scope: 'production' }, both)).toBeCloseTo(2 * grams, 9);
  const folded = new RuleFold({ ...rule, scope: 'production' }, {});
  folded.addZones(window.startMs, new Map(both.map((one, index) => [`${index}`, one])));
  expect(folded.budgetReading(window.startMs)!.usedGrams).toBeCloseTo(2 * grams, 9);
});

test('energy and grams of an episode are those of its windows up to its end', () => {
  const span = fold(dirty, DK)
    .spans.get('zone')!
    .find(({ endMs }) => endMs !== null)!;
  const within = DK.filter(({ startMs }) => startMs >= span.startMs && startMs < span.endMs!);
  const energy = within.reduce((sum, { startMs }) => sum + (loadAt(startMs)?.watts ?? 0) * WINDOW_MS, 0);
  const grams = within.reduce(
    (sum, { startMs, gramsPerKwh }) =>
      sum + ((loadAt(startMs)?.watts ?? 0) / 1_000 / 12) * 1.2 * gramsPerKwh!,
    0,
  );
  expect(span.amounts.energyMillijoules).toBe(energy);
  expect(span.amounts.grams).toBeCloseTo(grams, 6);
});
