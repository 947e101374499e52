import { expect, test } from 'vitest';
import { COMMANDS } from '../../../agent/cli/cli.ts';
import { commandHelp, generalHelp } from '../../../agent/cli/help.ts';

const COLUMNS = 80;

test.each([
  ['all of them', generalHelp(COMMANDS)],
  ...COMMANDS.map((command) => [command.name, commandHelp(command)]),
])('the help of %s fits a terminal of 80 columns', (_, text) => {
  expect(text.split('\n').filter((line) => line.length > COLUMNS)).toEqual([]);
});
