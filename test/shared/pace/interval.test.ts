import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { HELP } from '../../../deploy/cloudflare/options.ts';
import { type FleetLoad, neededInterval, usedRatios } from '../../../shared/pace/interval.ts';
import { LIMITS_READ_ON, PLAN_LIMITS } from '../../../shared/pace/plans.ts';

const free = (nodes: number) => neededInterval({ nodes, nodesOfFullest: nodes, plan: 'free' });
const paid = (nodes: number, databases = 1) =>
  neededInterval({ nodes, nodesOfFullest: nodes / databases, plan: 'paid' });

test.each([
  // 80,000 rows a day over a row per request and 3.4 per hour: 1,600 rows a node here, of which 82 are the hours'.
  [50, 60],
  [100, 144],
  [190, 300],
  [250, 400],
  [400, 900],
  [600, 1_800],
])('%i nodes on the free plan report every %i s', (nodes, seconds) => {
  expect(free(nodes)).toEqual({ seconds, limit: 'rowsWritten', fits: true });
});

test('what not even the longest interval keeps within the plan is told, not hidden', () => {
  expect(free(700)).toEqual({ seconds: 1_800, limit: 'rowsWritten', fits: false });
  expect(usedRatios({ nodes: 700, nodesOfFullest: 700, plan: 'free' }, 1_800).rowsWritten).toBeGreaterThan(
    0.8,
  );
});

test('the paid plan is bounded by what its databases take', () => {
  expect(paid(5_000)).toEqual({ seconds: 40, limit: 'throughput', fits: true });
  expect(paid(10_000)).toEqual({ seconds: 80, limit: 'throughput', fits: true });
  expect(paid(10_000, 4)).toEqual({ seconds: 20, limit: 'throughput', fits: true });
});

test('a fleet of none needs no wait', () => {
  expect(free(0)).toEqual({ seconds: 10, limit: null, fits: true });
});

const loads = fc
  .record({
    nodes: fc.integer({ min: 1, max: 50_000 }),
    databases: fc.integer({ min: 1, max: 64 }),
    plan: fc.constantFrom('free' as const, 'paid' as const),
  })
  .map(({ nodes, databases, plan }): FleetLoad => ({ nodes, nodesOfFullest: nodes / databases, plan }));

test('what fits is below 80 % of every limit, and one more node never shortens the interval', () => {
  fc.assert(
    fc.property(loads, (load) => {
      const { seconds, fits } = neededInterval(load);
      const used = Object.values(usedRatios(load, seconds));
      // The cron's own requests are taken off what is planned, so they come on top here.
      if (fits) for (const ratio of used) expect(ratio).toBeLessThanOrEqual(1);
      if (fits) expect(usedRatios(load, seconds).rowsWritten ?? 0).toBeLessThanOrEqual(0.8 + 1e-9);
      expect(3_600 % seconds).toBe(0);
      const more = neededInterval({ ...load, nodes: load.nodes + 1 });
      expect(more.seconds).toBeGreaterThanOrEqual(seconds);
    }),
  );
});

test('the limits are those that the bill is made with', () => {
  const prices = JSON.parse(
    readFileSync(new URL('../../../bench/cost/prices.json', import.meta.url), 'utf8'),
  ) as {
    readOn: string;
    freePlan: Record<'rowsWrittenPerDay' | 'requestsPerDay' | 'bytesPerDatabase', number>;
  };
  expect(PLAN_LIMITS.free.rowsWrittenPerDay).toBe(prices.freePlan.rowsWrittenPerDay);
  expect(PLAN_LIMITS.free.requestsPerDay).toBe(prices.freePlan.requestsPerDay);
  expect(PLAN_LIMITS.free.bytesPerDatabase).toBe(prices.freePlan.bytesPerDatabase);
  expect(LIMITS_READ_ON).toBe(prices.readOn);
});

test('docs/operate.md tells how many nodes one database holds as its bill has their bytes', () => {
  const text = readFileSync(new URL('../../../docs/operate.md', import.meta.url), 'utf8');
  const megabytes = Number(/^\| database: ([\d.]+) MB +\|/m.exec(text)![1]);
  const hundreds = Math.floor(PLAN_LIMITS.paid.bytesPerDatabase / (megabytes * 1e6) / 100);
  const told = [...`${text}\n${HELP}`.matchAll(/holds? some ([\d,]+)|10 GB are some ([\d,]+) nodes/g)].map(
    ([, held, are]) => Number((held ?? are)!.replace(',', '')),
  );
  expect(told).toEqual([hundreds, hundreds, hundreds].map((each) => each * 100));
  const databases = Math.ceil(10_000 / (hundreds * 100));
  expect(text).toContain(`\`npm run deploy -- --shards ${databases}\` makes`);
});

test('docs/operate.md tells the largest fleet of each interval', () => {
  const text = readFileSync(new URL('../../../docs/operate.md', import.meta.url), 'utf8');
  const rows = [...text.matchAll(/^\| up to (\d+) +\| (\d+) +\|$/gm)].map((match) =>
    match.slice(1).map(Number),
  );
  expect(rows).toHaveLength(6);
  for (const [nodes = 0, seconds = 0] of rows) {
    expect(free(nodes)).toEqual({ seconds, limit: 'rowsWritten', fits: true });
    expect(free(nodes + 1)).not.toEqual({ seconds, limit: 'rowsWritten', fits: true });
  }
});
