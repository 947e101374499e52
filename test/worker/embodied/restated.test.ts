/** Whatever is said of parts, in any order, ends where a fleet that knew it from the start would be. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ask, clock, DAY_MS, HOUR_MS, newNode } from '../emissions/support.ts';
import { gpuId, gpuPart, inventory, iso, type Ledger, ledgerOf, say } from './support.ts';

const at = fc.integer({ min: -48, max: 20 }).map((hours) => DAY_MS + hours * HOUR_MS);
const step = fc.oneof(
  fc.record({ of: fc.constant('inService' as const), gpu: fc.integer({ min: 0, max: 1 }), ms: at }),
  fc.record({
    of: fc.constant('out' as const),
    gpu: fc.integer({ min: 0, max: 1 }),
    ms: fc.option(fc.integer({ min: 21, max: 30 }).map((hours) => DAY_MS + hours * HOUR_MS)),
  }),
  fc.record({ of: fc.constant('count' as const), count: fc.option(fc.integer({ min: 0, max: 6 })) }),
  fc.record({
    of: fc.constant('figure' as const),
    kilograms: fc.option(fc.integer({ min: 100, max: 300 })),
    ms: fc.option(at),
  }),
  fc.record({ of: fc.constant('lifetime' as const), years: fc.integer({ min: 1, max: 6 }), ms: at }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

let runs = 0;
const gpuNumbers = (fleet: number) => [0, 1].map((k) => 1_000_000 + runs * 10 + fleet * 2 + k);

async function fleet(number: number) {
  const site = `r-${runs}-${number}`;
  clock.nowMs = DAY_MS;
  await ask('POST', '/v1/sites', { id: site, gridZone: 'DE', pueRatio: 1 });
  const node = await newNode(site, site);
  await inventory(node, gpuNumbers(number).map(gpuPart));
  clock.nowMs = DAY_MS + 40 * HOUR_MS;
  return { site, nodeId: node.nodeId, gpus: gpuNumbers(number).map(gpuId) };
}
type Fleet = Awaited<ReturnType<typeof fleet>>;

async function apply({ site, nodeId, gpus }: Fleet, each: Step): Promise<void> {
  switch (each.of) {
    case 'inService':
      await say(nodeId, gpus[each.gpu]!, { inServiceFrom: iso(each.ms) });
      return;
    case 'out':
      await say(nodeId, gpus[each.gpu]!, { outOfService: each.ms === null ? null : iso(each.ms) });
      return;
    case 'count':
      await say(nodeId, 'power-supplies', { count: each.count });
      return;
    case 'lifetime':
      await ask('PATCH', `/v1/sites/${site}`, {
        embodiedLifetimeYears: each.years,
        effectiveFrom: iso(each.ms),
      });
      return;
    case 'figure':
      if (each.kilograms !== null)
        await ask('PUT', '/v1/hardware/h100-sxm5-80gb', {
          kgCo2eq: each.kilograms,
          source: 'test',
          ...(each.ms !== null && { effectiveFrom: iso(each.ms) }),
        });
      else
        await clock.call(
          'DELETE',
          `/v1/hardware/h100-sxm5-80gb${each.ms === null ? '' : `?effectiveFrom=${iso(each.ms)}`}`,
        );
  }
}

function lastWords(steps: readonly Step[]): Step[] {
  const nameOf = (each: Step) => {
    if (each.of === 'lifetime' || each.of === 'figure') return `${each.of} ${each.ms}`;
    return 'gpu' in each ? `${each.of} ${each.gpu}` : each.of;
  };
  const last = new Map<string, Step>();
  for (const each of steps) {
    // A figure without a date stands in place of all that were given before.
    if (each.of === 'figure' && each.ms === null)
      for (const name of last.keys()) if (name.startsWith('figure')) last.delete(name);
    last.delete(nameOf(each));
    last.set(nameOf(each), each);
  }
  return [...last.values()];
}

/** What is of the fleet alone, whatever its parts are called. */
const figuresOf = ({ totals, parts }: Ledger) => [
  ...Object.values(totals),
  ...parts.flatMap(({ accruedGrams, remainingGrams, writtenOffGrams, broughtGrams }) => [
    accruedGrams,
    remainingGrams,
    writtenOffGrams,
    broughtGrams,
  ]),
];

async function grams(nodeId: string, asOf = ''): Promise<number> {
  const range = `from=${iso(DAY_MS)}&to=${iso(DAY_MS + 40 * HOUR_MS)}${asOf}`;
  const answer = await ask<{ totals: { embodiedGrams: number } }>(
    'GET',
    `/v1/nodes/${nodeId}/emissions?${range}`,
  );
  return answer.totals.embodiedGrams;
}

test('any words in any order end where knowing them does, and asOf undoes them one by one', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 7 }), async (steps) => {
      runs++;
      const changed = await fleet(0);
      const given: [number, Ledger, number][] = [];
      for (const each of steps) {
        const now = iso(clock.nowMs);
        given.push([
          clock.nowMs,
          await ledgerOf(changed.nodeId, `?asOf=${now}`),
          await grams(changed.nodeId, `&asOf=${now}`),
        ]);
        clock.nowMs += 60_000;
        await apply(changed, each);
      }
      for (const [ms, ledger, sum] of given) {
        expect(await ledgerOf(changed.nodeId, `?asOf=${iso(ms)}`)).toEqual(ledger);
        expect(await grams(changed.nodeId, `&asOf=${iso(ms)}`)).toBe(sum);
      }
      const endedMs = clock.nowMs;
      const knowing = await fleet(1);
      for (const each of lastWords(steps)) await apply(knowing, each);
      clock.nowMs = endedMs;
      const [ended, known] = [await ledgerOf(changed.nodeId), await ledgerOf(knowing.nodeId)];
      figuresOf(ended).forEach((figure, i) => {
        const other = figuresOf(known)[i]!;
        if (figure === null) expect(other).toBeNull();
        else expect(Math.abs(figure - other)).toBeLessThan(1e-6);
      });
      expect(Math.abs((await grams(changed.nodeId)) - (await grams(knowing.nodeId)))).toBeLessThan(
        1e-9 * 1e6,
      );
      await clock.call('DELETE', '/v1/hardware/h100-sxm5-80gb');
    }),
    { numRuns: 12 },
  );
});
