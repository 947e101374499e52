/** Costs in docs/operate.md follow from its one table of what a node takes. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { monthlyBill, type NodeMonth } from '../../bench/cost/monthly-bill.ts';
import { neededInterval } from '../../shared/pace/interval.ts';

const root = new URL('../../', import.meta.url);
const page = readFileSync(new URL('docs/operate.md', root), 'utf8');
const prices = JSON.parse(readFileSync(new URL('bench/cost/prices.json', root), 'utf8')) as {
  readonly freePlan: { readonly bytesPerDatabase: number };
};

/** Cells of the table whose head begins with these, without head and rule. */
function table(...head: readonly string[]): string[][] {
  const tables = [...page.matchAll(/(?:^\|.*\|\n)+/gm)].map(([text]) =>
    text
      .trim()
      .split('\n')
      .map((row) =>
        row
          .split('|')
          .slice(1, -1)
          .map((cell) => cell.trim()),
      ),
  );
  const found = tables.filter(([cells]) => head.every((cell, index) => cells![index] === cell));
  if (found.length !== 1) throw new Error(`docs/operate.md has ${found.length} tables of ${head.join(', ')}`);
  return found[0]!.slice(2);
}

const PARTS: Readonly<Record<keyof NodeMonth, string>> = {
  rowsWritten: 'rows written',
  requests: 'requests',
  cpu: 'CPU',
  rowsRead: 'rows read',
  database: 'database',
  archive: 'archive',
};
const ofNode = table('part', 'every 60 s');
const dollars = (part: string, pace: 1 | 2) => Number(ofNode.find(([name]) => name!.startsWith(part))![pace]);
const monthOf = (pace: 1 | 2) =>
  Object.fromEntries(
    Object.entries(PARTS).map(([key, part]) => [key, dollars(part, pace)]),
  ) as unknown as NodeMonth;

test('the parts of a node are its whole', () => {
  expect(ofNode).toHaveLength(Object.keys(PARTS).length + 1);
  for (const pace of [1, 2] as const) {
    const sum = Object.values(monthOf(pace)).reduce((total, part) => total + part, 0);
    // Each of the six is rounded to a ten-thousandth.
    expect(Math.abs(sum - dollars('together', pace))).toBeLessThanOrEqual(0.0003);
  }
  const [, of60, of300] = /Ten thousand nodes are (\d+) or (\d+) a month/.exec(page)!;
  expect([of60, of300]).toEqual(
    ([1, 2] as const).map((pace) => String(Math.round(dollars('together', pace) * 10_000))),
  );
});

test('what fleets pay follows from it', () => {
  const megabytesOnFreePlan = Number(/a node (\d+) MB\s+after two years/.exec(page)![1]);
  const perDatabase = prices.freePlan.bytesPerDatabase / (megabytesOnFreePlan * 1e6);
  const rows = table('nodes', 'free plan (0 USD)');
  expect(rows.map(([nodes]) => nodes)).toEqual(['1', '10', '50', '100', '1,000', '10,000']);
  for (const row of rows) {
    const nodes = Number(row[0]!.replaceAll(',', ''));
    const { seconds, fits } = neededInterval({ nodes, nodesOfFullest: nodes, plan: 'free' });
    const databases = Math.ceil(nodes / perDatabase);
    const pace = seconds <= 60 ? 'yes' : `every ${seconds} s`;
    const free =
      fits && seconds <= 300 ? `${pace}${databases === 1 ? '' : `, ${databases} databases`}` : 'no';
    const bills = ([1, 2] as const).map((each) => String(Math.round(monthlyBill(nodes, monthOf(each)))));
    expect(row).toEqual([row[0], free, ...bills]);
  }
});
