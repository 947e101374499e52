/** `wattshed estimate` as a process against a real server: a published figure, a request from a file, and what is wrong. */
import { rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EXIT } from '../../agent/cli/exit-codes.ts';
import { buildAgent, run } from '../agent/cli/run-wattshed.ts';
import { type Harness, startHarness } from './harness.ts';

let harness: Harness;
let agent: string;
let token: string;
beforeAll(async () => {
  [harness, agent] = await Promise.all([startHarness(), buildAgent()]);
  await harness.setClock(Date.parse('2026-01-31T00:00:00Z'));
  ({ token } = await harness.api<{ token: string }>('POST', '/v1/tokens', {
    label: 'reader',
    scope: 'read',
  }));
});
afterAll(async () => {
  await harness?.stop();
  if (agent !== undefined) rmSync(dirname(agent), { recursive: true, force: true });
});

const estimate = (args: readonly string[]) =>
  run(agent, {
    args: ['estimate', ...args],
    env: { WATTSHED_URL: harness.url, WATTSHED_TOKEN: token },
  });

const LLAMA = ['--hardware', 'NVIDIA A100-SXM4-80GB', '--hours', '82432', '--power', '400', '--pue', '1.1'];

test('tells LLaMA-7B as its paper does, 36 MWh and 14 t, with all that it assumed', async () => {
  const { code, out, err } = await estimate([
    ...LLAMA,
    '--intensity',
    '385',
    '--intensity-source',
    'arXiv:2302.13971',
  ]);
  expect([code, err]).toEqual([EXIT.ok, '']);
  const expected = `hardware     1 x A100 SXM4 80GB, 82432 h each
total        14.33 t CO2eq (14.25 t CO2eq to 14.49 t CO2eq)
operational  13.96 t CO2eq
embodied     361.3 kg CO2eq (289.1 kg CO2eq to 528.1 kg CO2eq), over 4 years
energy       32.97 MWh, modelled
facility     36.27 MWh, at a PUE of 1.1
intensity    385 gCO2eq/kWh, estimated 100 %

Assumed:
  Host: neither its energy nor its making is counted; \`host\` adds them.
  Lifetime: 4 years, the default.

Sources:
  intensity: arXiv:2302.13971
`;
  expect(out.slice(0, expected.length)).toBe(expected);
});

test('a request in a file, with options over it, answered as JSON', async () => {
  const file = join(dirname(agent), 'request.json');
  writeFileSync(
    file,
    JSON.stringify({ hardware: 'L4', hours: 10, utilizationRatio: 1, gridZone: 'FR', pueRatio: 1 }),
  );
  const { code, out } = await estimate(['--request', file, '--zone', 'DE', '--count', '2', '--json']);
  expect(code).toBe(EXIT.ok);
  expect(JSON.parse(out)).toMatchObject({
    totals: { energyKwh: 2 * 10 * 0.072 * 0.76, gridKinds: { annual: 1 } },
    estimate: { gridZone: 'DE', count: 2 },
  });
});

test.each([
  [
    ['--hardware', 'H100', '--hours', '1', '--power', '1', '--zone', 'DE', '--pue', '1'],
    /nearest: .*H100 SXM5 80GB/,
  ],
  [[...LLAMA, '--zone', 'Germany'], /no grid zone has the key "Germany"/i],
  [
    ['--hardware', 'NVIDIA L4', '--hours', '1', '--power', '1', '--zone', 'DE'],
    /^wattshed: --pue: missing; 1 counts what the machines drew and no more$/m,
  ],
  [['--hours', 'many'], /--hours must be a number/],
  [['--request', '/nowhere.json'], /the request in \/nowhere.json cannot be read \(ENOENT\)/],
  [[], /an estimate of what\?/],
])('%j is refused in one line', async (args, message) => {
  const { code, out, err } = await estimate(args);
  expect([code, out]).toEqual([EXIT.usage, '']);
  expect(err).toMatch(message);
  expect(err.trim().split('\n')).toHaveLength(1);
});
