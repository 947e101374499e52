/** The help texts, made from the commands themselves. */
import { beside } from '../text-wrap.ts';
import { COMMON_OPTIONS, type Command } from './command.ts';

/** Of the narrowest terminal that people have. */
const COLUMNS = 80;

export function generalHelp(commands: readonly Command[]): string {
  const width = Math.max(...commands.map((command) => usage(command).length));
  return [
    'wattshed - meters the energy of this host and reports it',
    '',
    'Usage: wattshed COMMAND [OPTIONS]',
    '',
    'Commands:',
    ...commands.map((command) => `  ${usage(command).padEnd(width)}  ${command.summary}`),
    '',
    'wattshed COMMAND --help tells more; --version prints the version.',
    '',
  ].join('\n');
}

export function commandHelp(command: Command): string {
  const rows = Object.entries({ ...command.options, ...COMMON_OPTIONS }).map(
    ([name, { value, about }]): [string, string] => [
      `--${name}${value === undefined ? '' : ` ${value}`}`,
      about,
    ],
  );
  const width = Math.max(...rows.map(([flag]) => flag.length));
  return [
    `wattshed ${usage(command)} - ${command.summary}`,
    '',
    ...(command.details === '' ? [] : [command.details, '']),
    'Options:',
    ...rows.map(([flag, about]) => beside(`  ${flag.padEnd(width)}  `, width + 4, about, COLUMNS)),
    '',
  ].join('\n');
}

function usage(command: Command): string {
  return [command.name, ...command.operands].join(' ');
}
