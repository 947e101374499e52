/** Whatever changes and whenever the rollups are made: an answer from them is that of the join over every node and hour. */
import fc from 'fast-check';
import { beforeAll, test } from 'vitest';
import { apply, change, DAYS, HOURS, tellDays } from './fleet-of-changes.ts';
import { expectSame, instant, rollUp } from './support.ts';

beforeAll(() => tellDays());

const QUERIES = [
  'step=day',
  'step=hour&groupBy=site',
  'groupBy=gridZone&step=day',
  'groupBy=gpuModel',
  'filter=site:sf&step=day',
  'filter=gridZone:US-CAL-CISO',
  `from=${instant(1.5)}&to=${instant(HOURS - 7.25)}&step=day`,
  'groupBy=node',
  'groupBy=node&step=hour',
  'groupBy=job&step=day',
  'groupBy=project',
  `groupBy=user&from=${instant(1.5)}&to=${instant(HOURS - 7.25)}&step=day`,
  'groupBy=phase&filter=gridZone:US-CAL-CISO,label.rack:r1',
  'groupBy=node&filter=project:llm&step=day',
  'groupBy=gridZone&filter=job:slurm:c:2',
  'groupBy=site&filter=job:unattributed',
  'scope=production&step=day',
  'scope=consumption&groupBy=node',
];

test('an answer from rollups is that of the join', async () => {
  await rollUp(DAYS);
  for (const query of QUERIES) await expectSame(query);
});

test('and stays so after any changes of what is in them or beside them, once they are made anew', async () => {
  await rollUp(DAYS);
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
      for (const made of changes) await apply(made);
      await rollUp(DAYS);
      for (const query of QUERIES) await expectSame(query);
    }),
    { numRuns: 6, endOnFailure: true },
  );
});
