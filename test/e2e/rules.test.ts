/** `wattshed rules` as a process, against the real Worker: what a file says is what the server has. */
import { rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EXIT } from '../../agent/cli/exit-codes.ts';
import { buildAgent, run } from '../agent/cli/run-wattshed.ts';
import { type Harness, startHarness } from './harness.ts';

let harness: Harness;
let agent: string;
let admin: Record<string, string>;
let reader: Record<string, string>;

beforeAll(async () => {
  [harness, agent] = await Promise.all([startHarness(), buildAgent()]);
  const { token } = await harness.api<{ token: string }>('POST', '/v1/tokens', { label: 'r', scope: 'read' });
  admin = { WATTSHED_URL: harness.url, WATTSHED_TOKEN: harness.adminToken };
  reader = { WATTSHED_URL: harness.url, WATTSHED_TOKEN: token };
});
afterAll(async () => {
  await harness.stop();
  rmSync(dirname(agent), { recursive: true, force: true });
});

function file(text: string): string {
  const path = join(dirname(agent), 'alerts.yaml');
  writeFileSync(path, text);
  return path;
}
const rules = (args: string[], env = admin) => run(agent, { args: ['rules', ...args], env });
const namesOf = async () =>
  (await harness.api<{ alertRules: { name: string }[] }>('GET', '/v1/alert-rules')).alertRules.map(
    ({ name }) => name,
  );

const DIRTY = `  - name: Dirty hours
    kind: dirtyHours
    filter: site:berlin
    abovePowerWatts: 20000
`;
const SILENT = `  - name: Silent nodes
    kind: health
    check: nodeSilent
`;
const WASTE = `  - { name: Waste, kind: waste, aboveIdlePowerWatts: 5000 }
`;

test('a dry run shows the plan and changes nothing; applying does what it showed; twice is once', async () => {
  const first = file(`alertRules:\n${DIRTY}${SILENT}`);
  const dry = await rules(['apply', first, '--dry-run']);
  expect(dry).toEqual({
    code: EXIT.ok,
    err: '',
    out: expect.stringMatching(
      /^\+ Dirty hours\n\+ Silent nodes\n\n2 to create, 0 to change, 0 to remove, 0 as they are\.\nNothing was changed: this was a dry run\.\n\nFrom \d{4}-\d\d-\d\d \d\d:\d\d to \d{4}-\d\d-\d\d \d\d:\d\d UTC it would have fired:\n {2}Dirty hours: never\n {2}Silent nodes: the past does not tell\n$/,
    ),
  });
  expect(await namesOf()).toEqual([]);
  expect((await rules(['apply', first])).out).toContain('2 created, 0 changed, 0 removed, 0 as they are.');
  expect(await namesOf()).toEqual(['Dirty hours', 'Silent nodes']);
  expect((await rules(['apply', first])).out).toBe('0 created, 0 changed, 0 removed, 2 as they are.\n');

  const next = file(`alertRules:\n${DIRTY.replace('20000', '30000')}${WASTE}`);
  const { out } = await rules(['apply', next]);
  expect(out).toBe(
    '+ Waste\n~ Dirty hours\n- Silent nodes\n\n1 created, 1 changed, 1 removed, 0 as they are.\n',
  );
  expect(await namesOf()).toEqual(['Dirty hours', 'Waste']);
  expect(JSON.parse((await rules(['apply', next, '--json'])).out)).toMatchObject({
    ...{ dryRun: false, unchanged: ['Dirty hours', 'Waste'] },
  });
});

test('what show prints is what apply takes: nothing changes', async () => {
  await rules(['apply', file(`alertRules:\n${DIRTY}${SILENT}${WASTE}`)]);
  for (const form of [[], ['--json']]) {
    const shown = await rules(['show', ...form], reader);
    expect(shown).toMatchObject({ code: EXIT.ok, err: '' });
    expect(shown.out).not.toContain('changedBy');
    const again = await rules(['apply', file(shown.out)]);
    expect(again.out).toBe('0 created, 0 changed, 0 removed, 3 as they are.\n');
  }
});

test.each([
  [
    `alertRules:\n${DIRTY}${SILENT.replace('nodeSilent', 'nodeSilnt')}`,
    /alerts.yaml, line 8: rule "Silent nodes", check: .*nodeSilent/,
  ],
  [`alertRules:\n${DIRTY}    abovePower: 3\n`, /line 6: rule "Dirty hours", abovePower: unknown field/],
  [`alertRules:\n${DIRTY.replace('site:', 'stie:')}`, /line 4: rule "Dirty hours", filter: .*stie/],
  [
    `alertRules:\n${DIRTY}    channelIds: [nobody]\n`,
    /line 6: rule "Dirty hours", channelIds.0: .*no channel "nobody"/,
  ],
  [
    `alertRules:\n${DIRTY}${DIRTY}`,
    /line 6: rule "Dirty hours", name: another rule of the set has this name/,
  ],
  ['alertRules:\n  - kind: waste\n', /line 2: rule 1, (name|aboveIdlePowerWatts): missing/],
  ['alertRules: 5\n', /must hold a list of rules under the key "alertRules"/],
])('a mistake is told by line, rule and field, and changes nothing (%#)', async (text, why) => {
  const before = await namesOf();
  const { code, out, err } = await rules(['apply', file(text)]);
  expect({ code, out }).toEqual({ code: EXIT.usage, out: '' });
  expect(err).toMatch(why);
  expect(await namesOf()).toEqual(before);
});

test('who may not is told so; half a command is no command', async () => {
  const path = file(`alertRules:\n${WASTE}`);
  const refused = await rules(['apply', path], reader);
  expect(refused.code).toBe(EXIT.notEnrolled);
  expect(refused.err).toContain('needs a token of scope "admin"');
  expect((await rules(['apply', path], {})).err).toContain('no token: put one of scope admin into');
  const half = await rules([]);
  expect(half).toMatchObject({
    code: EXIT.usage,
    err: 'wattshed: wattshed rules is the beginning of a command: wattshed rules apply, wattshed rules show\n',
  });
});
