/** One long-lived program that prints rows until it is stopped. */
import { spawn } from 'node:child_process';
import { monotonicMs } from '../../shared/units.ts';
import type { Clock } from '../clock.ts';
import { errnoOf } from '../inventory/read-text.ts';
import { mayBeFound } from './find-program.ts';

const STOP_PATIENCE_MS = 2000;
const KILL_PATIENCE_MS = 1000;

export interface ChildLoop {
  /** Null while it runs; afterwards why it ended: an errno, or the exit code. */
  readonly ended: string | null;
  /** Resolves when it has ended. */
  readonly done: Promise<void>;
  stop(): Promise<void>;
}

export interface ChildLoopOptions {
  readonly path: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** Called with every piece of output, errors included, as it arrives. */
  readonly onOutput: (text: string) => void;
}

/** Never throws: a program that cannot be started has `ended` with the reason. */
export function startLoop({ path, args, env, clock, onOutput }: ChildLoopOptions): ChildLoop {
  if (!mayBeFound(path, env)) return { ended: 'ENOENT', done: Promise.resolve(), stop: async () => {} };
  const child = spawn(path, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    // Some tools print a decimal comma under other locales.
    env: { ...env, LC_ALL: 'C' },
  });
  let ended: string | null = null;
  const done = new Promise<void>((resolve) => {
    child.once('error', (error) => {
      ended ??= errnoOf(error);
      resolve();
    });
    child.once('close', (code, signal) => {
      ended ??= signal ?? `exit code ${code}`;
      resolve();
    });
  });
  child.stdout.setEncoding('utf8').on('data', onOutput);
  child.stderr.setEncoding('utf8').on('data', onOutput);
  return {
    get ended() {
      return ended;
    },
    done,
    async stop() {
      if (ended !== null) return;
      child.kill('SIGTERM');
      const patience = new AbortController();
      const deadline = monotonicMs(clock.monotonicNow() + STOP_PATIENCE_MS);
      await Promise.race([done, clock.sleepUntil(deadline, patience.signal)]);
      patience.abort();
      if (ended !== null) return;
      child.kill('SIGKILL');
      // One that hangs in its driver dies when that lets it, and its children may hold the pipes: metering does not wait.
      await Promise.race([
        done,
        clock.sleepUntil(monotonicMs(deadline + KILL_PATIENCE_MS), new AbortController().signal),
      ]);
      child.stdout.destroy();
      child.stderr.destroy();
      child.unref();
      ended ??= 'SIGKILL';
    },
  };
}
