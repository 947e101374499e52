/** Market accounting from sums: contracts are spread over what sums hold as over every node and hour, and charge it alike. */
import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { ask, database } from '../emissions/support.ts';
import { apply, change, DAYS, HOURS, tellDays } from './fleet-of-changes.ts';
import { type Answer, expectSame, instant, rollUp } from './support.ts';

interface Contract {
  readonly id: string;
  readonly usedKwh: number;
  readonly unusedKwh: number;
}

const contract = (fromHour: number, toHour: number, kwh: number, rest: object = {}) => ({
  kind: 'certificate',
  kwh,
  vintageFrom: instant(fromHour),
  vintageTo: instant(toHour),
  gramsPerKwh: 11,
  source: 'test',
  ...rest,
});
const ofZone = (gridZone: string) => ({ kind: 'ppa', boundary: 'gridZone', gridZone });

beforeAll(async () => {
  await tellDays();
  await ask('PATCH', '/v1/sites/sf', {
    supplyContracts: {
      whole: contract(0, HOURS, 2),
      // Begins and ends amid an hour and amid a quarter, and has more than is used.
      part: contract(30 + 20 / 60, 50 + 25 / 60, 1_000),
    },
  });
  await ask('PATCH', '/v1/sites/dk', {
    residualGramsPerKwh: 500,
    effectiveFrom: instant(60.5),
    supplyContracts: {
      // Of a vintage that is not over yet, and of one that begins before the fleet.
      dk: contract(24, HOURS + 48, 1.5, ofZone('DK-DK1')),
      us: contract(-48, 12.25, 0.2, ofZone('US-CAL-CISO')),
    },
  });
});

const market = (rest: string) => `accounting=market&${rest}`;
const QUERIES = [
  'step=day',
  'step=hour&groupBy=site',
  'groupBy=gridZone&step=day',
  'groupBy=gpuModel',
  'filter=gridZone:US-CAL-CISO',
  `from=${instant(1.5)}&to=${instant(HOURS - 7.25)}&step=day`,
  `from=${instant(0)}&to=${instant(24)}&groupBy=project`,
  'groupBy=node&step=hour',
  'groupBy=node&step=day',
  'groupBy=job&step=day',
  'groupBy=project',
  `groupBy=user&from=${instant(1.5)}&to=${instant(HOURS - 7.25)}&step=day`,
  'groupBy=gridZone&filter=job:slurm:c:2',
  'scope=production&step=day',
].map(market);

const expectAllSame = async () => {
  for (const query of QUERIES) await expectSame(query);
};

test('an answer from sums is that of the join, and every contract is used alike', async () => {
  await rollUp(DAYS);
  await expectAllSame();
  const { contracts } = await ask<{ contracts: readonly Contract[] }>(
    'GET',
    `/v1/fleet/emissions?from=${instant(0)}&accounting=market`,
  );
  const used = new Map(contracts.map(({ id, usedKwh, unusedKwh }) => [id, { usedKwh, unusedKwh }]));
  expect([...used.keys()].sort()).toEqual(['dk', 'part', 'us', 'whole']);
  for (const [id, { usedKwh }] of used) expect(usedKwh, id).toBeGreaterThan(0);
  expect(used.get('part')!.unusedKwh).toBeGreaterThan(900);
  expect(used.get('dk')!.unusedKwh).toBe(0);
});

test('sums are what it is told from: what is in none of them is not there', async () => {
  const kwh = async () => {
    const path = `/v1/fleet/emissions?from=${instant(0)}&accounting=market`;
    const { totals, contracts = [] } = await ask<Answer>('GET', path);
    return [totals.energyKwh, ...contracts.map((own) => (own as Contract).usedKwh)] as number[];
  };
  const before = await kwh();
  const { results } = await database
    .prepare('SELECT key, sums FROM rollup_days')
    .all<{ key: number; sums: ArrayBuffer }>();
  await database.prepare('DELETE FROM rollup_days').run();
  const after = await kwh();
  // The newest hours of a small fleet are read one by one.
  expect(after.every((own, i) => own < 0.1 * before[i]! || before[i] === 0)).toBe(true);
  for (const { key, sums } of results)
    await database.prepare('INSERT INTO rollup_days (key, sums) VALUES (?1, ?2)').bind(key, sums).run();
  expect(await kwh()).toEqual(before);
});

test('and stays so after any changes of what is in them or beside them, once they are made anew', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
      for (const made of changes) await apply(made);
      await rollUp(DAYS);
      await expectAllSame();
    }),
    { numRuns: 4, endOnFailure: true },
  );
});
