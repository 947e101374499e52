/** Signals to this process while it waits, and while the job runs, which gets them too. */
import type { ChildProcess } from 'node:child_process';
import { constants } from 'node:os';

/** Those that end a process which does not care for them. */
const SIGNALS = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGUSR1', 'SIGUSR2'] as const;

export interface CaughtSignals {
  /** Aborts at the first one that comes before there is a job. */
  readonly stopped: AbortSignal;
  /** The one that did. */
  readonly stoppedBy: () => NodeJS.Signals | null;
  forwardTo(child: ChildProcess): void;
}

/**
 * For the rest of this process.
 *
 * @param isTerminal Ctrl-C reaches everything in the terminal's foreground, the job included: to pass it on would be a
 *   second one, which many programs take for "at once"
 */
export function catchSignals(isTerminal: boolean): CaughtSignals {
  const stop = new AbortController();
  let by: NodeJS.Signals | null = null;
  let child: ChildProcess | null = null;
  for (const name of SIGNALS) {
    process.on(name, () => {
      const fromKeyboard = isTerminal && (name === 'SIGINT' || name === 'SIGQUIT');
      if (child !== null) {
        if (!fromKeyboard) child.kill(name);
        return;
      }
      by ??= name;
      stop.abort();
    });
  }
  return {
    stopped: stop.signal,
    stoppedBy: () => by,
    forwardTo: (started) => {
      child = started;
    },
  };
}

/** As a shell tells of a process that a signal ended. */
export const exitCodeOfSignal = (name: NodeJS.Signals): number => 128 + constants.signals[name];
