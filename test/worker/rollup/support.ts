/** Rolls up until nothing is left to do, and holds an answer from rollups against the join over every node and hour. */
import { expect } from 'vitest';
import { runRollups, TURN_NODE_HOURS } from '../../../worker/use-cases/rollup/run.ts';
import { ask, clock, DAY_MS, database, HOUR_MS } from '../emissions/support.ts';

interface Figures {
  readonly [figure: string]: unknown;
}
export interface Answer {
  readonly totals: Figures;
  readonly gpuCount: number;
  readonly series: readonly Figures[];
  readonly groups: readonly (Figures & { readonly key: string; readonly series: readonly Figures[] })[];
  readonly excluded: readonly Figures[];
  readonly intensitySources: readonly object[];
  readonly contracts?: readonly object[];
  readonly rolledUpTo: string | null;
  readonly hoursWaiting: number;
}

/**
 * Until nothing is left to do, in turns as small as those of the free plan or as large as they come.
 * @param days that there are to sum
 */
export async function rollUp(days: number, nodeHours = TURN_NODE_HOURS.paid): Promise<void> {
  for (let turn = 0; turn < 4 * days * Math.ceil(TURN_NODE_HOURS.paid / nodeHours); turn++) {
    await runRollups(database, clock.nowMs, nodeHours);
    const state = await database
      .prepare('SELECT done_hour AS done, (SELECT COUNT(*) FROM rollup_marks) AS marks FROM rollup_state')
      .first<{ done: number; marks: number }>();
    const closed = Math.floor((clock.nowMs - 900_000) / HOUR_MS);
    if (state !== null && state.marks === 0 && state.done === closed) return;
  }
  throw new Error('the rollups do not come to an end');
}

/** Hours from the start of the day of `emissions/support.ts`. */
export const instant = (hour: number) => new Date(DAY_MS + hour * HOUR_MS).toISOString();

/** @param but figures that are not compared, with the number of GPUs */
export async function expectSame(query: string, but: readonly string[] = []): Promise<void> {
  const path = (more: string) =>
    `/v1/fleet/emissions?${query.includes('from=') ? '' : `from=${instant(0)}&`}${query}${more}`;
  const rolled = await ask<Answer>('GET', path(''));
  // As of now: the join over every node and hour.
  const joined = await ask<Answer>('GET', path(`&asOf=${new Date(clock.nowMs).toISOString()}`));
  expect({ query, waiting: rolled.hoursWaiting, to: rolled.rolledUpTo }).toEqual({
    query,
    waiting: 0,
    to: null,
  });
  if (but.length === 0) expect(rolled.gpuCount).toBe(joined.gpuCount);
  same(rolled.totals, joined.totals, query, but);
  same(rolled.series, joined.series, query, but);
  same(rolled.groups, joined.groups, query, but);
  same(rolled.excluded, joined.excluded, `${query} excluded`);
  same(rolled.intensitySources, joined.intensitySources, query);
  expect(rolled.contracts?.length, query).toBe(joined.contracts?.length);
  same(rolled.contracts, joined.contracts, `${query} contracts`);
}

/** Sums of fractions, of which under market accounting there are more; all else is exact. */
const WITHIN_1E9 =
  /Grams|facilityEnergyKwh|gpuUtilizationRatio|recovered|gridKinds|supplyKinds|usedKwh|waterLitres|overheads|accounting=market.* excluded/i;
/** In no total, and told by the mean of the group in place of the device. */
const OTHERWISE = 'missingEnergyKwhEstimate';

/** What sums of a large fleet hold by the hour alone: of a part of one they tell its share. */
export const TOLD_BY_HOUR = [
  ...['coverage', 'embodiedGrams', 'embodiedGramsLow', 'embodiedGramsHigh', 'totalGrams'],
  ...[
    'gpuSeconds',
    'gpuUtilizationRatio',
    'energyKinds',
    'energyKwhByDevice',
    'jobAttributions',
    'recovered',
  ],
  ...['nodesExpected', 'nodesReporting', 'gpuCount'],
];

/** Names what differs. */
export function same(actual: unknown, expected: unknown, at: string, but: readonly string[] = []): void {
  if (typeof expected === 'object' && expected !== null) {
    expect(Object.keys(actual as object).sort(), at).toEqual(Object.keys(expected).sort());
    for (const [key, value] of Object.entries(expected))
      if (key !== OTHERWISE && !but.includes(key))
        same((actual as Record<string, unknown>)[key], value, `${at} ${key}`, but);
    return;
  }
  const isClose =
    typeof expected === 'number' &&
    WITHIN_1E9.test(at) &&
    Math.abs((actual as number) - expected) <= 1e-9 * Math.abs(expected);
  if (!isClose) expect(`${at} ${actual}`).toBe(`${at} ${expected}`);
}
