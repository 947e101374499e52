/** The real process as commands see it. */
import { writeSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import type { Io } from './command.ts';

export function processIo(): Io {
  const stop = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, () => stop.abort());
  return {
    env: process.env,
    out: (content) => write(1, content),
    err: (content) => write(2, content),
    readStdin: async () => (process.stdin.isTTY ? null : text(process.stdin)),
    signal: stop.signal,
    uid: process.getuid?.(),
    isTerminal: process.stdout.isTTY === true,
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
