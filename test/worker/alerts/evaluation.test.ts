/** The evaluation on a real D1: the same final data give the same episodes, however often or late it ran. */
import { beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { clock, DAY_MS, storeHours } from '../emissions/support.ts';
import {
  ask,
  clockOf,
  database,
  forgetEvaluation,
  gpu,
  HOUR_MS,
  listed,
  MINUTE_MS,
  newNode,
  report,
  run,
  runToEnd,
  told,
  WINDOW_MS,
} from './support.ts';

/** gCO2eq/kWh by hour: dirty from 01:00 to 02:00, again from 03:00 to 04:00. */
const HOURS = [100, 500, 100, 450, 100, 100, 100];
const FIRST_MS = DAY_MS + 10 * MINUTE_MS;
const LAST_MS = DAY_MS + 5.5 * HOUR_MS + 10 * MINUTE_MS;
/** 04:30 and 05:00. */
const SILENT = { from: 54, to: 60 };
const KILOWATT = 1_000 * WINDOW_MS;

const timing = { forMinutes: 15, holdMinutes: 20 };
const dirty = {
  kind: 'dirtyHours',
  name: 'Dirty',
  aboveGramsPerKwh: 300,
  abovePowerWatts: 500,
  ...timing,
};
const rules = [
  dirty,
  { ...dirty, name: 'Dirty here', filter: 'site:here' },
  { ...dirty, name: 'Nobody', filter: 'site:nowhere' },
  {
    kind: 'budget',
    name: 'Daily',
    budgetGrams: 900,
    period: 'day',
    fastBurn: null,
    slowBurn: null,
    ...timing,
  },
  { kind: 'health', name: 'Coverage', check: 'coverage', limit: 0.9, ...timing },
];

/** Some of these run the evaluation hundreds of times. */
vi.setConfig({ testTimeout: 240_000 });

const at = (ms: number) => new Date(ms).toISOString();

let token = '';

/** Of each window, from midnight; null: no report. */
async function send(windows: readonly (number | null)[]): Promise<void> {
  await report(
    token,
    windows.map((energy) => (energy === null ? null : [gpu('GPU-1', energy)])),
  );
}

/** 1 kW, but for half an hour without a report. */
const steady = (silent: number | null = null) =>
  Array.from({ length: 66 }, (_, i) => (i >= SILENT.from && i < SILENT.to ? silent : KILOWATT));

beforeAll(async () => {
  clock.nowMs = DAY_MS;
  for (const id of ['here', 'nowhere']) await ask('POST', '/v1/sites', { id, gridZone: 'DE', pueRatio: 1.5 });
  token = (await newNode('alert-a', 'here')).token;
  await storeHours('DE', HOURS);
  clock.nowMs = LAST_MS;
  await send(steady());
  await ask('PUT', '/v1/alert-rules', { alertRules: rules });
});

beforeEach(forgetEvaluation);

const instants: number[] = [];
for (let ms = FIRST_MS; ms <= LAST_MS; ms += WINDOW_MS) instants.push(ms);

async function outcome() {
  const episodes = (await listed()).map(
    ({ id, ruleName, startedAt, firedAt, endedAt, corrections, ...rest }) => ({
      id,
      ruleName,
      startedAt: clockOf(startedAt),
      firedAt: clockOf(firedAt),
      endedAt: clockOf(endedAt),
      grams: Math.round(rest.operationalGrams),
      corrections,
    }),
  );
  return {
    episodes: episodes.sort((a, b) => (a.id < b.id ? -1 : 1)),
    told: (await told()).map(({ id }) => id).sort(),
  };
}

/** All of it in one late run, which leaves the same behind. */
async function atOnce() {
  await run(FIRST_MS);
  await runToEnd(LAST_MS);
  return outcome();
}

async function punctual() {
  for (const ms of instants) await run(ms);
  return outcome();
}

test('episodes of a day are those that the hours tell', async () => {
  const { episodes, told: ids } = await punctual();
  const dirtyOnes = episodes
    .filter(({ ruleName }) => ruleName === 'Dirty')
    .sort((a, b) => (a.firedAt! < b.firedAt! ? -1 : 1));
  expect(dirtyOnes).toMatchObject([
    // 1 kW x PUE 1.5 x 500 g/kWh.
    { startedAt: '01:00', firedAt: '01:15', endedAt: '02:00', grams: 750, corrections: [] },
    { startedAt: '03:00', firedAt: '03:15', endedAt: '04:00', grams: 675, corrections: [] },
  ]);
  expect(episodes.filter(({ ruleName }) => ruleName === 'Dirty here')).toHaveLength(2);
  expect(episodes.filter(({ ruleName }) => ruleName === 'Nobody')).toEqual([]);
  // 150 g in the first hour, 750 in the second: 900 are used as 02:00 is over.
  expect(episodes.find(({ ruleName }) => ruleName === 'Daily')).toMatchObject({
    startedAt: '01:55',
    firedAt: '02:10',
  });
  expect(episodes.find(({ ruleName }) => ruleName === 'Coverage')).toMatchObject({
    startedAt: '04:30',
    firedAt: '04:45',
    endedAt: '05:00',
  });
  // All but the budget are over.
  expect(ids).toHaveLength(2 * episodes.length - 1);
});

test('runs that are missed, doubled or side by side leave the same behind', async () => {
  const expected = await punctual();
  expect(expected.episodes.length).toBeGreaterThan(5);

  await forgetEvaluation();
  await run(FIRST_MS);
  for (let ms = FIRST_MS, i = 0; ms < LAST_MS; i++) {
    ms = Math.min(LAST_MS, ms + ((i * 7) % 13) * WINDOW_MS + MINUTE_MS);
    await runToEnd(ms);
  }
  expect(await outcome()).toEqual(expected);

  await forgetEvaluation();
  await run(FIRST_MS);
  for (const [i, ms] of instants.entries()) {
    if (i % 2 === 0) await Promise.all([run(ms), run(ms - WINDOW_MS)]);
    else for (const again of [ms, ms]) await run(again);
  }
  await runToEnd(LAST_MS);
  expect(await outcome()).toEqual(expected);

  await forgetEvaluation();
  await run(FIRST_MS);
  await runToEnd(LAST_MS);
  expect(await outcome()).toEqual(expected);
});

test('a budget that is made later knows what its period used before', async () => {
  await run(DAY_MS + 3 * HOUR_MS + 10 * MINUTE_MS);
  await runToEnd(DAY_MS + 4 * HOUR_MS + 10 * MINUTE_MS);
  const daily = (await outcome()).episodes.filter(({ ruleName }) => ruleName === 'Daily');
  // 1,050 of 900 g are gone when it begins.
  expect(daily).toMatchObject([{ startedAt: '03:00', firedAt: '03:15' }]);
});

test('a dry run tells what would have fired', async () => {
  clock.nowMs = LAST_MS;
  const alertRules = [...rules, { kind: 'dirtyHoursAhead', name: 'Ahead' }];
  const { preview } = await ask<{ preview: Preview }>('PUT', '/v1/alert-rules?dryRun=true', { alertRules });
  expect(preview.to).toBe(new Date(DAY_MS + 5 * HOUR_MS).toISOString());
  expect(Date.parse(preview.to) - Date.parse(preview.from)).toBe(30 * 24 * HOUR_MS);
  const counts = preview.rules.map(({ name, alerts }) => [name, alerts]);
  expect(counts).toEqual([
    ['Dirty', 2],
    ['Dirty here', 2],
    ['Nobody', 0],
    ['Daily', 1],
    ['Coverage', 1],
    ['Ahead', null],
  ]);
  expect(
    preview.rules[0]!.newest.map(({ startedAt, endedAt }) => [clockOf(startedAt), clockOf(endedAt)]),
  ).toEqual([
    ['03:00', '04:00'],
    ['01:00', '02:00'],
  ]);
  expect(preview.rules[0]!.newest[1]).toMatchObject({ gridZone: 'DE', energyKwh: 1, operationalGrams: 750 });
  expect(await listed()).toEqual([]);
});

interface Preview {
  readonly from: string;
  readonly to: string;
  readonly rules: readonly {
    readonly name: string;
    readonly alerts: number | null;
    readonly newest: readonly { readonly startedAt: string; readonly endedAt: string | null }[];
  }[];
}

test('restated intensity corrects, and nothing is told twice', async () => {
  const before = await atOnce();
  await storeHours('DE', [100, 500, 500, 100, 100, 100, 100]);
  await runToEnd(LAST_MS + WINDOW_MS);
  const after = await outcome();
  expect(after.told).toEqual(before.told);
  const dirtyOnes = after.episodes
    .filter(({ ruleName }) => ruleName === 'Dirty')
    .sort((a, b) => (a.firedAt! < b.firedAt! ? -1 : 1));
  expect(dirtyOnes).toMatchObject([
    {
      startedAt: '01:00',
      firedAt: '01:15',
      endedAt: '03:00',
      grams: 1_500,
      corrections: [{ kind: 'edgesMoved' }],
    },
    { startedAt: '03:00', firedAt: '03:15', endedAt: '04:00', corrections: [{ kind: 'withdrawn' }] },
  ]);
  await storeHours('DE', HOURS);
});

test('energy that comes late corrects as well', async () => {
  const known = await atOnce();
  clock.nowMs = LAST_MS + HOUR_MS;
  await send(steady(KILOWATT));
  const late = () => database.prepare('SELECT hour FROM alert_late_hours').all();
  expect((await late()).results).toEqual([{ hour: DAY_MS / HOUR_MS + 4 }]);
  await runToEnd(LAST_MS);
  const after = await outcome();
  expect(after.told).toEqual(known.told);
  expect(after.episodes.find(({ ruleName }) => ruleName === 'Coverage')).toMatchObject({
    corrections: [{ kind: 'withdrawn' }],
  });
  expect((await late()).results).toEqual([]);
});

test('what a silence keeps back is told when it ends, if it still fires then', async () => {
  const until = async (endsAtMs: number, ruleNames: string[]) =>
    ask('POST', '/v1/silences', { comment: 'c', startsAt: at(DAY_MS), endsAt: at(endsAtMs), ruleNames });
  await until(DAY_MS + 1.5 * HOUR_MS, ['Dirty']);
  await until(DAY_MS + 2.5 * HOUR_MS, ['Dirty here']);
  await atOnce();
  const first = (await told()).filter(({ ruleName }) => ruleName.startsWith('Dirty'));
  const hourOf = ({ startsAtMs }: { startsAtMs: number }) => at(startsAtMs).slice(11, 16);
  expect(first.map((each) => `${each.ruleName} ${each.status} ${hourOf(each)}`).sort()).toEqual([
    'Dirty firing 01:00',
    'Dirty firing 03:00',
    'Dirty here firing 03:00',
    'Dirty here resolved 03:00',
    'Dirty resolved 01:00',
    'Dirty resolved 03:00',
  ]);
  const here = (await listed()).filter(({ ruleName }) => ruleName === 'Dirty here');
  expect(
    here.map(({ startedAt, silenced, notified }) => [clockOf(startedAt), silenced, notified]).sort(),
  ).toEqual([
    ['01:00', true, false],
    ['03:00', false, true],
  ]);
  await database.prepare('DELETE FROM alert_silences').run();
});

test('a rule that is changed, switched off or removed ends what is open, once', async () => {
  const HALF_PAST_ONE_MS = DAY_MS + 1.5 * HOUR_MS + 10 * MINUTE_MS;
  await run(FIRST_MS);
  await runToEnd(HALF_PAST_ONE_MS);
  const fired = (await told()).map(({ ruleName, status }) => `${ruleName} ${status}`).sort();
  expect(fired).toEqual(['Dirty firing', 'Dirty here firing']);
  const [changed, off, ...others] = rules;
  const alertRules = [
    { ...changed, abovePowerWatts: 600 },
    { ...off, enabled: false, severity: 'info' },
    ...others,
  ];
  await ask('PUT', '/v1/alert-rules', { alertRules });
  await runToEnd(HALF_PAST_ONE_MS + WINDOW_MS);
  await ask('PUT', '/v1/alert-rules', { alertRules: [] });
  await runToEnd(HALF_PAST_ONE_MS + 4 * WINDOW_MS);
  const byRule = async (name: string) => (await listed()).filter(({ ruleName }) => ruleName === name);
  expect(await byRule('Dirty here')).toMatchObject([
    {
      state: 'resolved',
      endedAt: at(HALF_PAST_ONE_MS - 5 * MINUTE_MS),
      corrections: [{ kind: 'ruleChanged' }],
    },
  ]);
  // Evaluated anew from its change on, and removed before it fired again.
  expect(await byRule('Dirty')).toMatchObject([
    { state: 'resolved', corrections: [{ kind: 'ruleChanged' }] },
  ]);
  const all = (await told()).map(({ ruleName, status }) => `${ruleName} ${status}`).sort();
  expect(all).toEqual(['Dirty firing', 'Dirty here firing', 'Dirty here resolved', 'Dirty resolved']);
  expect(await listed('&state=open')).toEqual([]);
  expect((await run(HALF_PAST_ONE_MS + 5 * WINDOW_MS)).outcome).toBe('idle');
  await ask('PUT', '/v1/alert-rules', { alertRules: rules });
});
