/** Runs the job in the place of this process: its terminal, its streams, its exit code, its signals. */
import { spawn } from 'node:child_process';
import { type CaughtSignals, exitCodeOfSignal } from './signals.ts';

export type JobEnd =
  | { readonly kind: 'ended'; readonly exitCode: number; readonly signal: NodeJS.Signals | null }
  | { readonly kind: 'notStarted'; readonly isMissing: boolean; readonly message: string };

export function runJob([program, ...args]: readonly string[], signals: CaughtSignals): Promise<JobEnd> {
  return new Promise((resolve) => {
    const child = spawn(program!, args, { stdio: 'inherit' });
    signals.forwardTo(child);
    child.once('error', (error: NodeJS.ErrnoException) => {
      // It may also be a signal that could not be sent: the job goes on.
      if (child.pid !== undefined) return;
      const isMissing = error.code === 'ENOENT';
      const message = isMissing
        ? `there is no program ${program}`
        : `${program} cannot be run (${error.code})`;
      resolve({ kind: 'notStarted', isMissing, message });
    });
    child.once('exit', (code, signal) => {
      resolve({ kind: 'ended', exitCode: signal === null ? code! : exitCodeOfSignal(signal), signal });
    });
  });
}
