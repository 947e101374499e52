/** docs/agent.md says what the code says. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { COMMANDS } from '../../../agent/cli/cli.ts';
import { EXIT } from '../../../agent/cli/exit-codes.ts';
import { CONFIG_KEYS } from '../../../agent/config/keys.ts';

/** Tables without the formatter's padding. */
const page = readFileSync(new URL('../../../docs/agent.md', import.meta.url), 'utf8')
  .replaceAll(/^\|[ :|-]+\|$/gm, '|---|')
  .replaceAll(/ +\|/g, ' |')
  .replaceAll(/\| +/g, '| ');

test('every setting stands in the table, in order', () => {
  const rows = CONFIG_KEYS.map(
    ({ key, env, defaultText, about }) => `| \`${key}\` | \`${env}\` | ${defaultText} | ${about} |`,
  );
  expect(page).toContain(`| key | environment | default | |\n|---|\n${rows.join('\n')}\n\n`);
});

test('every command and exit code is listed', () => {
  const commands = COMMANDS.map(
    ({ name, operands, summary }) => `| \`${[name, ...operands].join(' ')}\` | ${summary} |`,
  );
  expect(page).toContain(`|---|\n${commands.join('\n')}\n\n`);
  const listed = [...page.matchAll(/^\| (\d+) \| /gm)].map((match) => Number(match[1]));
  expect(listed).toEqual(Object.values(EXIT));
});
