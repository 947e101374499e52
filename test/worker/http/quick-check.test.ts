import { z } from '@hono/zod-openapi';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { acceptorOf, quickly } from '../../../worker/http/quick-check.ts';
import { ingestBody } from '../../../worker/routes/ingest-schema.ts';
import { body, device, recentWindow, report } from '../ingest/support.ts';

/** With every field that a body may have. */
const full = body(
  [
    report({
      devices: [
        device({
          recoveredMillijoules: 1,
          integratedMillijoules: 2,
          idleMillijoules: 3,
          utilizationRatio: 0.5,
          series: { stepMilliseconds: 1_000, watts: 'AAAA' },
        }),
        device({ id: 'cpu-0', type: 'cpu' }),
      ],
      jobs: [
        {
          id: 'slurm:c:1',
          project: 'p',
          user: 'u',
          phase: 'f',
          attribution: 'slices',
          devices: [{ id: 'cpu-0', energyMillijoules: 1, allocatedMilliseconds: 2 }],
        },
      ],
    }),
    report({ windowStartMs: recentWindow(1) }),
  ],
  {
    inventory: {
      hostname: 'h',
      kernel: '',
      productName: '',
      parts: [{ id: 'dimm-1', type: 'dimm', name: '', capacityBytes: 2 ** 35, cores: 1 }],
      meters: [
        {
          id: 'nvml:1',
          sensor: 'nvml',
          deviceId: 'cpu-0',
          scope: 'device',
          powerMeaning: 'mean',
          powerWindowMilliseconds: 100,
          sampledRatio: 0.25,
          powerLimitWatts: 700,
        },
      ],
    },
    health: {
      sensors: [{ sensor: 'nvml', state: 'ready', detail: '', fix: '' }],
      spoolBytes: 0,
      spoolReports: 0,
      droppedSeries: 0,
      droppedReports: 0,
      damagedRecords: 0,
    },
  },
);

type Json = { [key: string | number]: unknown };

/** Every object and list within. */
function* nodesOf(value: unknown): Generator<Json> {
  if (typeof value !== 'object' || value === null) return;
  yield value as Json;
  for (const inner of Object.values(value)) yield* nodesOf(inner);
}

const odd = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    '',
    'AAAA',
    'AAA',
    'AA A',
    'gpu',
    'mean',
    [],
    {},
    '\u0000',
    '__proto__',
  ),
  fc.constantFrom(0, -1, 1, 0.5, 1.5, 300_000, 300_001, 2 ** 31, 2 ** 45, 2 ** 53, 1e300),
  fc.integer({ min: 1, max: 9_000 }).map((length) => 'a'.repeat(length)),
  fc.json().map((text) => JSON.parse(text)),
);

/** Sets, drops, adds or repeats something somewhere. */
const change = fc.record({
  place: fc.nat(),
  key: fc.nat(),
  how: fc.constantFrom('set', 'drop', 'add', 'repeat'),
  value: odd,
});

function changed(
  said: unknown,
  { place, key, how, value }: typeof change extends fc.Arbitrary<infer C> ? C : never,
) {
  const nodes = [...nodesOf(said)];
  const node = nodes[place % nodes.length]!;
  const keys = Object.keys(node);
  const name = keys[key % Math.max(1, keys.length)] ?? 'x';
  if (how === 'add' && !Array.isArray(node)) node.added = value;
  else if (how === 'repeat' && Array.isArray(node)) node.push(node[0]);
  else if (how === 'drop' && Array.isArray(node)) node.pop();
  else if (how === 'drop') delete node[name];
  else node[name] = value;
}

test('it accepts what zod accepts, and nothing else', () => {
  const accepts = acceptorOf(ingestBody);
  // The same fields, not made quick.
  const byZod = z.strictObject(ingestBody.shape);
  const seen = { accepted: 0, refused: 0 };
  fc.assert(
    fc.property(fc.array(change, { maxLength: 2 }), (changes) => {
      const said = structuredClone(full) as unknown;
      for (const each of changes) changed(said, each);
      const received = JSON.parse(JSON.stringify(said));
      const { success } = byZod.safeParse(received);
      expect(accepts(received)).toBe(success);
      if (success) seen.accepted++;
      else seen.refused++;
    }),
    { numRuns: 3_000 },
  );
  expect(Math.min(seen.accepted, seen.refused)).toBeGreaterThan(300);
});

test('what it refuses is refused by zod in its own words', () => {
  const wrong = { ...full, agentVersion: '' };
  expect(ingestBody.safeParse(wrong).error?.issues).toEqual(
    z.strictObject(ingestBody.shape).safeParse(wrong).error?.issues,
  );
  expect(ingestBody.parse(full)).toEqual(full);
});

test('a schema that it does not know is refused when it is made', () => {
  for (const schema of [
    z.string().trim(),
    z.string().email(),
    z.object({ a: z.string() }),
    z.union([z.string(), z.number()]),
    z.number().multipleOf(2),
    z.int(),
    z.string().transform(Number),
    z.string().default('a'),
  ])
    expect(() => quickly(schema)).toThrow(/is not known to/);
});
