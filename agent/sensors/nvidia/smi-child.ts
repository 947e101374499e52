/** One long-lived `nvidia-smi`, printing a row per GPU and period until it is stopped. */
import { spawn } from 'node:child_process';
import { monotonicMs } from '../../../shared/units.ts';
import type { Clock } from '../../clock.ts';
import { errnoOf } from '../../inventory/read-text.ts';

/** Known to every driver; newer power columns would make older ones refuse the whole query. */
const QUERY = 'index,uuid,name,driver_version,power.draw,utilization.gpu';
const STOP_PATIENCE_MS = 2000;

export interface SmiChild {
  /** Null while it runs; afterwards why it ended: an errno, or the exit code. */
  readonly ended: string | null;
  /** Resolves when it has ended. */
  readonly done: Promise<void>;
  stop(): Promise<void>;
}

export interface SmiChildOptions {
  readonly path: string;
  readonly periodMs: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** Called with every piece of output, errors included, as it arrives. */
  readonly onOutput: (text: string) => void;
}

/** Never throws: a program that cannot be started has `ended` with the reason. */
export function startSmi({ path, periodMs, env, clock, onOutput }: SmiChildOptions): SmiChild {
  const child = spawn(path, [`--query-gpu=${QUERY}`, '--format=csv,nounits', '-lms', String(periodMs)], {
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
      if (ended === null) child.kill('SIGKILL');
      await done;
    },
  };
}
