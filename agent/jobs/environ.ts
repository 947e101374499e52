/** A process's environment, as the kernel shows it to its owner and to root. */
import { open } from 'node:fs/promises';
import { errnoOf } from '../inventory/read-text.ts';

/** An environment is a page or two; more is cut. */
const MAX_BYTES = 262_144;

export type Environ =
  | { readonly ok: true; readonly variables: ReadonlyMap<string, string> }
  /** The errno: `EACCES` no rights, `ENOENT` and `ESRCH` gone meanwhile. */
  | { readonly ok: false; readonly code: string };

export async function readEnviron(procRoot: string, pid: number): Promise<Environ> {
  try {
    const file = await open(`${procRoot}/${pid}/environ`);
    try {
      return { ok: true, variables: parseEnviron(await readUpTo(file, MAX_BYTES)) };
    } finally {
      await file.close();
    }
  } catch (error) {
    return { ok: false, code: errnoOf(error) };
  }
}

/** `NAME=value`, each closed by a NUL. */
export function parseEnviron(bytes: Buffer): ReadonlyMap<string, string> {
  const pairs = bytes
    .toString('utf8')
    .split('\0')
    .filter((text) => text.indexOf('=') > 0);
  return new Map(pairs.map((text) => [text.slice(0, text.indexOf('=')), text.slice(text.indexOf('=') + 1)]));
}

/** The kernel gives such files no size: they are read until they end. */
async function readUpTo(file: Awaited<ReturnType<typeof open>>, most: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for (let length = 0; length < most; ) {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(16_384), 0, 16_384, null);
    if (bytesRead === 0) break;
    chunks.push(buffer.subarray(0, bytesRead));
    length += bytesRead;
  }
  return Buffer.concat(chunks);
}
