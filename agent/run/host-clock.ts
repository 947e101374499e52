/**
 * Whether this host's clock is synchronised. systemd-timesyncd leaves a file; chrony and ntpd leave nothing but the kernel's own
 * word, which `timedatectl` tells of whoever sets the clock.
 */
import { existsSync } from 'node:fs';
import { runProgram } from '../sensors/run-program.ts';

/** systemd-timesyncd makes this file when it has set the clock. */
const SYNCHRONISED_FILE = '/run/systemd/timesync/synchronized';

/** A program is started for it: not with each reading. */
const ASK_EVERY_MS = 60_000;

type Env = Readonly<Record<string, string | undefined>>;

/** Asks once, 5 s at most. False as well where nobody tells. Never throws. */
export async function hostIsSynchronised(env: Env): Promise<boolean> {
  if (existsSync(SYNCHRONISED_FILE)) return true;
  const args = ['show', '--property=NTPSynchronized', '--value'];
  const { ended, said } = await runProgram('timedatectl', args, {
    env,
    signal: new AbortController().signal,
  });
  return ended === '0' && said.trim() === 'yes';
}

/**
 * @param ask never throws
 * @param monotonicNow milliseconds
 * @returns tells at once what is known, and asks behind that, until it was true
 */
export function watchSynchronised(ask: () => Promise<boolean>, monotonicNow: () => number): () => boolean {
  let isSynchronised = false;
  let askAgainAtMs = Number.NEGATIVE_INFINITY;
  return () => {
    const nowMs = monotonicNow();
    if (!isSynchronised && nowMs >= askAgainAtMs) {
      askAgainAtMs = nowMs + ASK_EVERY_MS;
      void ask().then((answer) => {
        isSynchronised = answer;
      });
    }
    return isSynchronised;
  };
}
