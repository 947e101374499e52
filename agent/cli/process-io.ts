/** The real process as commands see it. */
import { writeSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import type { Io } from './command.ts';

export function processIo(): Io {
  const stop = new AbortController();
  let watched = false;
  return {
    env: process.env,
    out: (content) => write(1, content),
    err: (content) => write(2, content),
    readStdin: async () => (process.stdin.isTTY ? null : text(process.stdin)),
    get signal() {
      // Only for commands that look at it: the others are ended by the signal itself, as is one that gets it twice.
      if (!watched) for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stop.abort());
      watched = true;
      return stop.signal;
    },
    uid: process.getuid?.(),
    isTerminal: process.stdout.isTTY === true,
    columns: process.stdout.isTTY ? process.stdout.columns : null,
  };
}

/** At once and whole, so that an exit cuts nothing off; a reader that has left (`| head`) is no error. */
function write(descriptor: 1 | 2, content: string): void {
  const bytes = Buffer.from(content);
  for (let written = 0; written < bytes.length; ) {
    try {
      written += writeSync(descriptor, bytes, written);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EPIPE') return;
      if (code !== 'EAGAIN') throw error;
    }
  }
}
