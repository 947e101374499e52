/** From the words after `wattshed` to a command and its exit code. */
import { parseArgs } from 'node:util';
import { ConfigError } from '../config/load-config.ts';
import { nearest } from '../config/nearest.ts';
import { StoreLockedError } from '../store/lock.ts';
import { AGENT_VERSION } from '../version.ts';
import { COMMON_OPTIONS, type Command, type Io, parseArgsOptions } from './command.ts';
import { doctorCommand } from './commands/doctor.ts';
import { enrollCommand } from './commands/enroll.ts';
import { estimateCommand } from './commands/estimate.ts';
import { greenestCommand } from './commands/greenest.ts';
import { installCommand } from './commands/install.ts';
import { onceCommand } from './commands/once.ts';
import { relayCommand } from './commands/relay.ts';
import { replayCommand } from './commands/replay.ts';
import { rulesApplyCommand } from './commands/rules-apply.ts';
import { rulesShowCommand } from './commands/rules-show.ts';
import { runCommand } from './commands/run.ts';
import { statusCommand } from './commands/status.ts';
import { uninstallCommand } from './commands/uninstall.ts';
import { whenGreenCommand } from './commands/when-green.ts';
import { CliError, EXIT, type ExitCode } from './exit-codes.ts';
import { commandHelp, generalHelp } from './help.ts';

export const COMMANDS: readonly Command[] = [
  enrollCommand,
  runCommand,
  onceCommand,
  doctorCommand,
  statusCommand,
  replayCommand,
  installCommand,
  uninstallCommand,
  relayCommand,
  greenestCommand,
  whenGreenCommand,
  estimateCommand,
  rulesApplyCommand,
  rulesShowCommand,
];

/** Never throws for what a user can cause: that ends in one line on standard error and an exit code. */
export async function runCli(argv: readonly string[], io: Io): Promise<number> {
  try {
    return await dispatch(argv, io);
  } catch (error) {
    const exitCode = exitCodeOf(error);
    if (exitCode === null) throw error;
    io.err(`wattshed: ${(error as Error).message}\n`);
    return commandOf(argv)?.takesCommand ? EXIT.notBegun : exitCode;
  }
}

/** A name may be two words. */
const commandOf = (argv: readonly string[]) =>
  COMMANDS.find(({ name }) => name.split(' ').every((word, i) => argv[i] === word));

async function dispatch(argv: readonly string[], io: Io): Promise<number> {
  const [word] = argv;
  if (word === '--version' || word === '-v') {
    io.out(`${AGENT_VERSION}\n`);
    return EXIT.ok;
  }
  if (word === '--help' || word === '-h' || word === 'help') {
    io.out(generalHelp(COMMANDS));
    return EXIT.ok;
  }
  if (word === undefined) {
    io.err(generalHelp(COMMANDS));
    return EXIT.usage;
  }
  const command = commandOf(argv);
  if (command === undefined) {
    const names = COMMANDS.map((one) => one.name);
    const longer = names.filter((name) => name.startsWith(`${word} `));
    throw new CliError(
      EXIT.usage,
      longer.length > 0
        ? `wattshed ${word} is the beginning of a command: ${longer.map((name) => `wattshed ${name}`).join(', ')}`
        : `there is no command "${word}"${suggestion(word, names)}; wattshed --help lists them`,
    );
  }
  const rest = argv.slice(command.name.split(' ').length);
  const ownWords = command.takesCommand && rest.includes('--') ? rest.slice(0, rest.indexOf('--')) : rest;
  const { values, positionals } = parse(command, ownWords);
  if (values.help === true) {
    io.out(commandHelp(command));
    return EXIT.ok;
  }
  if (command.takesCommand) {
    const line = rest.slice(ownWords.length + 1);
    if (line.length > 0 && positionals.length === 0) return command.run(io, values, line);
    throw new CliError(
      EXIT.usage,
      `wattshed ${command.name} takes a command after --, such as wattshed ${command.name} -- python train.py`,
    );
  }
  if (positionals.length !== command.operands.length) {
    const wanted = command.operands.length === 0 ? 'no arguments' : command.operands.join(' ');
    const given = positionals.length === 0 ? 'none were given' : `not "${positionals.join(' ')}"`;
    throw new CliError(EXIT.usage, `wattshed ${command.name} takes ${wanted}, ${given}`);
  }
  return command.run(io, values, positionals);
}

function parse(command: Command, args: string[]) {
  const known = [...Object.keys(command.options), ...Object.keys(COMMON_OPTIONS)];
  for (const arg of args) {
    if (arg === '--') break;
    const name = /^--?([^=]+)/.exec(arg)?.[1];
    if (name === undefined || known.includes(name)) continue;
    const near = suggestion(
      name,
      known.map((one) => one),
      '--',
    );
    throw new CliError(
      EXIT.usage,
      `wattshed ${command.name} has no option ${arg.split('=')[0]}${near}; wattshed ${command.name} --help lists them`,
    );
  }
  try {
    const { values, positionals } = parseArgs({
      args,
      options: parseArgsOptions(command),
      allowPositionals: true,
      strict: true,
    });
    return { values: values as Record<string, string | boolean | undefined>, positionals };
  } catch (error) {
    throw new CliError(EXIT.usage, (error as Error).message.split('. ')[0] ?? 'these options cannot be read');
  }
}

function suggestion(word: string, known: readonly string[], prefix = ''): string {
  const near = nearest(word, known);
  return near === null ? '' : `; did you mean ${prefix}${near}?`;
}

function exitCodeOf(error: unknown): ExitCode | null {
  if (error instanceof CliError) return error.exitCode;
  if (error instanceof ConfigError) return EXIT.usage;
  if (error instanceof StoreLockedError) return EXIT.busy;
  return null;
}
