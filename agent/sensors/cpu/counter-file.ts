/**
 * A file in which the kernel counts, kept open: one call brings its number, where opening it each time takes four. Only for
 * what the kernel answers from memory.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { contentOf, errnoOf, type TextRead } from '../../inventory/read-text.ts';

/** More digits than any counter has. */
const content = Buffer.alloc(64);

export interface CounterFile {
  /** The trimmed content. */
  read(): TextRead;
  close(): void;
}

export function createCounterFile(path: string): CounterFile {
  let descriptor: number | null = null;

  function close(): void {
    if (descriptor !== null) closeSync(descriptor);
    descriptor = null;
  }

  return {
    read() {
      try {
        descriptor ??= openSync(path, 'r');
        const length = readSync(descriptor, content, 0, content.length, 0);
        return { ok: true, text: contentOf(content.toString('latin1', 0, length)) };
      } catch (error) {
        // A module that was loaded anew has another file of that name.
        close();
        return { ok: false, code: errnoOf(error) };
      }
    },
    close,
  };
}
