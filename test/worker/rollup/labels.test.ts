/** A fleet of more than a block of nodes: what is asked of jobs is answered by sums over all nodes, and is that of the join. */
import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { Shards } from '../../../worker/storage/shards.ts';
import { emissions } from '../../../worker/use-cases/emissions.ts';
import { clock, DAY_MS, database, HOUR_MS } from '../emissions/support.ts';
import { recordingDatabase } from '../storage/recording-database.ts';
import { apply, change, DAYS, HOURS, tellDays } from './fleet-of-changes.ts';
import { expectSame, instant, rollUp, TOLD_BY_HOUR } from './support.ts';

/** In the eighth block: a small turn takes hours of all blocks in several steps. */
beforeAll(() => tellDays(500));
const SMALL_TURN = 192;

/** Of hours that are over: the others are summed every ten minutes. */
const WHOLE = `from=${instant(0)}&to=${instant(HOURS)}`;
const CUT = `from=${instant(1.5)}&to=${instant(HOURS - 7.25)}`;
const QUERIES = [
  ...['job', 'project', 'user', 'phase'].flatMap((key) => [
    `${WHOLE}&groupBy=${key}`,
    `${WHOLE}&groupBy=${key}&step=day`,
    `${CUT}&groupBy=${key}&step=hour`,
  ]),
  `${WHOLE}&filter=project:llm&step=day`,
  `${WHOLE}&filter=project:llm&groupBy=site`,
  `${WHOLE}&filter=project:llm&groupBy=gridZone`,
  `${WHOLE}&filter=project:llm,user:ada&groupBy=phase`,
  `${WHOLE}&filter=user:none&groupBy=gpuModel`,
  `${CUT}&filter=gridZone:US-CAL-CISO&groupBy=project&step=day`,
  `${WHOLE}&filter=site:dk&groupBy=user`,
  `${WHOLE}&filter=job:idle&groupBy=site`,
  `${WHOLE}&filter=job:unattributed&step=day`,
  `${WHOLE}&filter=job:slurm:c:2&groupBy=gridZone`,
  `${WHOLE}&groupBy=project&scope=production&step=day`,
  `${WHOLE}&groupBy=node`,
  `${WHOLE}&groupBy=project&top=2`,
];

async function expectAllSame(): Promise<void> {
  for (const query of QUERIES) await expectSame(query, query.startsWith(CUT) ? TOLD_BY_HOUR : []);
}

async function rollUpLabels(nodeHours?: number): Promise<void> {
  await rollUp(DAYS, nodeHours);
  const state = await database
    .prepare('SELECT labels_ready AS ready, (SELECT COUNT(*) FROM rollup_marks) AS marks FROM rollup_state')
    .first();
  expect(state).toEqual({ ready: 1, marks: 0 });
}

test('an answer from sums by label is that of the join', async () => {
  await rollUpLabels(SMALL_TURN);
  await expectAllSame();
});

test('and reads no hour and no day of a node', async () => {
  const { database: recording, recorded } = recordingDatabase(database);
  const query = {
    nodeId: null,
    fromMs: DAY_MS,
    toMs: DAY_MS + HOURS * HOUR_MS,
    step: 'day',
    groupBy: 'project',
    basis: 'lifecycle',
    signal: 'average',
  } as const;
  expect((await emissions(new Shards([recording]), query, clock.nowMs)).ok).toBe(true);
  expect(recorded.length).toBeGreaterThan(3);
  expect(recorded.filter(({ sql }) => /node_hours|FROM node_days|FROM nodes AS/.test(sql))).toEqual([]);
});

test('and stays so after any changes of what is in them or beside them, once they are made anew', async () => {
  await rollUpLabels();
  await fc.assert(
    fc.asyncProperty(
      fc.array(change, { minLength: 1, maxLength: 4 }),
      fc.boolean(),
      async (changes, isSmall) => {
        for (const made of changes) await apply(made);
        await rollUpLabels(isSmall ? SMALL_TURN : undefined);
        await expectAllSame();
      },
    ),
    { numRuns: 6, endOnFailure: true },
  );
});
