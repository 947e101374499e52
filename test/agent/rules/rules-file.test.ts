import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { readRulesFile } from '../../../agent/rules/rules-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'wattshed-rules-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function read(text: string) {
  const path = join(folder, 'rules.yaml');
  writeFileSync(path, text);
  return readRulesFile(path);
}

const YAML = `# Reviewed by the platform team.
alertRules:
  - name: Dirty hours
    kind: dirtyHours
    filter: "site:berlin,label.team:nlp"
    abovePowerWatts: 20e3
  - name: On call
    kind: health
    check: nodeSilent
    channelIds: [ops, night]
`;

test('YAML and JSON say the same', async () => {
  const { rules } = await read(YAML);
  expect(rules).toEqual([
    ...[
      {
        ...{ name: 'Dirty hours', kind: 'dirtyHours', filter: 'site:berlin,label.team:nlp' },
        abovePowerWatts: 20_000,
      },
      { name: 'On call', kind: 'health', check: 'nodeSilent', channelIds: ['ops', 'night'] },
    ],
  ]);
  const json = JSON.stringify({ alertRules: rules }, null, '\t');
  expect((await read(json)).rules).toEqual(rules);
  expect((await read(JSON.stringify({ alertRules: [] }))).rules).toEqual([]);
});

test.each([
  ['/alertRules/0/kind', 4],
  ['/alertRules/0/abovePowerWatts', 6],
  ['/alertRules/1', 7],
  ['/alertRules/1/channelIds/1', 10],
  // What is not there lies in what it is missing from.
  ['/alertRules/1/filter', 7],
  ['/alertRules/9/name', 3],
  ['', 1],
])('%s is in line %d', async (pointer, line) => {
  expect((await read(YAML)).lineOf(pointer)).toBe(line);
});

test.each([
  ['', 'must hold a list of rules under the key "alertRules"'],
  ['- name: a\n', 'must hold a list of rules under the key "alertRules"'],
  ['alertRules: {}\n', 'must hold a list of rules under the key "alertRules"'],
  ['alertRules: []\nrules: []\n', 'and nothing else'],
  ['alertRules:\n  - name: a\n    name: b\n', 'line 3, column 5: Map keys must be unique'],
  ['alertRules: [1,\n', 'line 2, column 1: '],
  ['alertRules: []\n---\nalertRules: []\n', 'line 2, column 1: a file of rules is one document'],
  ['alertRules: [*nothing]\n', 'Unresolved alias'],
])('%j is refused: %s', async (text, why) => {
  await expect(read(text)).rejects.toThrow(why);
});

test('an alias that multiplies itself is refused, as is a file that is missing or huge', async () => {
  const levels = Array.from(
    { length: 12 },
    (_, i) =>
      `x${i}: &x${i} [${Array(9)
        .fill(`*x${i - 1}`)
        .join(', ')}]`,
  );
  levels[0] = 'x0: &x0 [a]';
  await expect(read(`${levels.join('\n')}\nalertRules: []\n`)).rejects.toThrow(/alias/);
  await expect(readRulesFile(join(folder, 'none.yaml'))).rejects.toThrow('cannot be read (ENOENT)');
  await expect(read(' '.repeat(1024 * 1024 + 1))).rejects.toThrow('is larger than 1024 KiB');
});
