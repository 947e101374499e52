/** Wrangler as a program of its own: what it is asked, what it answered. Never asks a person anything itself. */
import { spawn } from 'node:child_process';
import { CommandError } from '../command-error.ts';

export interface WranglerAnswer {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Wrangler {
  /** Whatever the exit code. */
  ask(args: readonly string[]): Promise<WranglerAnswer>;
  /** Throws `CommandError` with what Wrangler said where it fails. */
  run(args: readonly string[]): Promise<string>;
}

/** @param program the script of Wrangler, run by this very Node */
export function createWrangler(program: string, cwd: string, env: NodeJS.ProcessEnv): Wrangler {
  const ask = (args: readonly string[]) =>
    new Promise<WranglerAnswer>((resolve, reject) => {
      const child = spawn(process.execPath, [program, ...args], {
        cwd,
        // Nothing to read from, so it takes the defaults that a pipeline gets instead of asking.
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...env, WRANGLER_SEND_METRICS: 'false', NO_COLOR: '1', FORCE_COLOR: '0' },
      });
      let stdout = '';
      let stderr = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
      child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
      child.once('error', reject);
      child.once('close', (exitCode) => resolve({ exitCode: exitCode ?? 1, stdout, stderr }));
    });
  return {
    ask,
    async run(args) {
      const answer = await ask(args);
      if (answer.exitCode === 0) return answer.stdout;
      throw new CommandError(`wrangler ${args.slice(0, 3).join(' ')} failed:\n${saidBy(answer)}`);
    },
  };
}

/** The lines that say something, without the banner. */
export function saidBy({ stdout, stderr }: WranglerAnswer): string {
  return `${stderr}\n${stdout}`
    .split('\n')
    .filter((line) => /[a-z]/i.test(line) && !line.includes('wrangler 4.'))
    .map((line) => `  ${line.trimEnd()}`)
    .join('\n');
}
