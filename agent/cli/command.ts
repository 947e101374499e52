/** What a command is: its words for the help, its options for `parseArgs`, and what it does. */
import type { ParseArgsConfig } from 'node:util';

/** The world as a command sees it. */
export interface Io {
  readonly env: NodeJS.ProcessEnv;
  readonly out: (text: string) => void;
  /** Progress, warnings, errors. */
  readonly err: (text: string) => void;
  /** All of standard input; null where it is a terminal. */
  readonly readStdin: () => Promise<string | null>;
  /** Aborts on SIGTERM and SIGINT, for commands that look at it; the others end at once. */
  readonly signal: AbortSignal;
  readonly uid: number | undefined;
  /** Colours and marks only for people. */
  readonly isTerminal: boolean;
  /** Of the terminal; null where there is none. */
  readonly columns: number | null;
}

export type OptionValues = { readonly [name: string]: string | boolean | undefined };

export interface Option {
  readonly type: 'string' | 'boolean';
  /** What stands for the value in the help: `URL`. */
  readonly value?: string;
  readonly about: string;
}

export interface Command {
  readonly name: string;
  /** After the name in the usage line: `FILE`. */
  readonly operands: readonly string[];
  readonly summary: string;
  /** More for its own help, lines of at most 80 characters. */
  readonly details: string;
  readonly options: { readonly [name: string]: Option };
  /** Its operands are a command line, after `--` and as it stands; its own failures are apart from that command's. */
  readonly takesCommand?: true;
  /** Resolves to the exit code: one of `EXIT`, or that of a command which it ran. */
  run(io: Io, options: OptionValues, operands: readonly string[]): Promise<number>;
}

/** Every command takes these. */
export const COMMON_OPTIONS: { readonly [name: string]: Option } = {
  config: {
    type: 'string',
    value: 'FILE',
    about: 'settings, instead of /etc/wattshed/config.json',
  },
  'state-dir': {
    type: 'string',
    value: 'DIR',
    about: 'state, spool and token, instead of the configured place',
  },
  help: { type: 'boolean', about: 'this help' },
};

export function parseArgsOptions(command: Command): NonNullable<ParseArgsConfig['options']> {
  const all = { ...command.options, ...COMMON_OPTIONS };
  return Object.fromEntries(Object.entries(all).map(([name, { type }]) => [name, { type }]));
}
