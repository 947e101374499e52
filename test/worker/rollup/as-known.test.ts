/** What was known at an earlier instant, told from sums: that of the join over every node and hour as they were known then. */
import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { Shards } from '../../../worker/storage/shards.ts';
import { emissions } from '../../../worker/use-cases/emissions.ts';
import type { EmissionsQuery } from '../../../worker/use-cases/emissions-query.ts';
import { clock, DAY_MS, database, HOUR_MS } from '../emissions/support.ts';
import { countingDatabase } from '../ingest/counting-database.ts';
import { apply, change, DAYS, HOURS, tellDays } from './fleet-of-changes.ts';
import { rollUp, same } from './support.ts';

const WHOLE = { fromMs: DAY_MS, toMs: DAY_MS + HOURS * HOUR_MS };
const QUESTIONS: readonly Partial<EmissionsQuery>[] = [
  { step: 'day' },
  { groupBy: 'site', fromMs: DAY_MS + 1.5 * HOUR_MS },
  { groupBy: 'gridZone', filter: 'gpuModel:NVIDIA H100 80GB HBM3' },
  { groupBy: 'node', step: 'hour' },
  { groupBy: 'node', filter: 'label.rack:r1' },
  { groupBy: 'project', step: 'day' },
  { groupBy: 'user', accounting: 'market' },
  { groupBy: 'job' },
];

beforeAll(async () => {
  await tellDays();
  // All has settled but the last hour: of what has not, no log says how it stood.
  clock.nowMs += 100 * 60_000;
  await rollUp(DAYS);
});

async function answer(question: Partial<EmissionsQuery>, asOfMs: number, sumsAsKnown: boolean) {
  const { database: counting, rows } = countingDatabase(database);
  const query: EmissionsQuery = {
    nodeId: null,
    ...{ step: 'none', basis: 'lifecycle', signal: 'average', ...WHOLE },
    ...question,
    asOfMs,
    sumsAsKnown,
  };
  const found = await emissions(new Shards([counting]), query, clock.nowMs);
  if (!found.ok) throw new Error(found.problem.detail);
  const { totals, series, groups, excluded, gpuCount } = found.value;
  return { told: { totals, series, groups, gpuCount }, excluded, rows: rows.read };
}

async function expectAsKnown(asOfMs: number): Promise<void> {
  for (const question of QUESTIONS) {
    const at = JSON.stringify(question);
    const joined = await answer(question, asOfMs, false);
    const { told, excluded } = await answer(question, asOfMs, true);
    same(told, joined.told, at);
    same(excluded, joined.excluded, `${at} accounting=market excluded`);
  }
}

test('nothing was recorded since: fewer rows than the join', async () => {
  await expectAsKnown(clock.nowMs);
  for (const question of QUESTIONS)
    expect((await answer(question, clock.nowMs, true)).told.totals.energyKwh).toBeGreaterThan(0);
  const rows = async (sumsAsKnown: boolean) => (await answer({}, clock.nowMs, sumsAsKnown)).rows;
  expect(await rows(true)).toBeLessThan(0.7 * (await rows(false)));
});

/** The first of them found that a lifetime changes what comes after its own time as well. */
test.each([
  { seed: 1935269713, numRuns: 2 },
  { seed: undefined, numRuns: 4 },
])('and after any changes, of each instant among them (%j)', async ({ seed, numRuns }) => {
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 2, maxLength: 4 }), async (changes) => {
      const instants = [clock.nowMs];
      for (const made of changes) {
        await apply(made);
        instants.push(clock.nowMs);
      }
      // Before they are summed anew, and after.
      await expectAsKnown(instants[0]!);
      await rollUp(DAYS);
      for (const instant of instants) await expectAsKnown(instant);
    }),
    { numRuns, endOnFailure: true, ...(seed === undefined ? {} : { seed }) },
  );
});
