/** One bounded run of a program: what it said and how it ended. */
import { spawn } from 'node:child_process';
import { errnoOf } from '../inventory/read-text.ts';
import { mayBeFound } from './find-program.ts';

const PATIENCE_MS = 5_000;
/** A page of text; more is another program. */
const MAX_OUTPUT = 65_536;

export interface ProgramRun {
  /** `0`, another exit code, a signal, an errno such as `ENOENT`, or `timeout`. */
  readonly ended: string;
  /** Standard output and errors, as they came. */
  readonly said: string;
}

/** Stops it after five seconds or with the signal. Never throws. */
export function runProgram(
  path: string,
  args: readonly string[],
  options: { readonly env: Readonly<Record<string, string | undefined>>; readonly signal: AbortSignal },
): Promise<ProgramRun> {
  if (!mayBeFound(path, options.env)) return Promise.resolve({ ended: 'ENOENT', said: '' });
  return new Promise((resolve) => {
    const child = spawn(path, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      // Some tools print a decimal comma under other locales.
      env: { ...options.env, LC_ALL: 'C' },
      signal: options.signal,
      // A program that waits for its controller may take no other signal.
      killSignal: 'SIGKILL',
    });
    let said = '';
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      // One that hangs in its driver ends when that lets it: nobody waits for it.
      child.stdout.destroy();
      child.stderr.destroy();
      child.unref();
      finish('timeout');
    }, PATIENCE_MS);
    const take = (text: string) => {
      said = (said + text).slice(0, MAX_OUTPUT);
    };
    child.stdout.setEncoding('utf8').on('data', take);
    child.stderr.setEncoding('utf8').on('data', take);
    let failure: string | null = null;
    child.once('error', (error) => {
      failure = errnoOf(error);
      // One that never started has no close.
      if (child.pid === undefined) finish(failure);
    });
    child.once('close', (code, signal) => finish(failure ?? signal ?? String(code)));
    function finish(ended: string) {
      clearTimeout(timer);
      resolve({ ended, said });
    }
  });
}
