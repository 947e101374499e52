/** Reads of small kernel files, with the reason where there is nothing to read. */
import { readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';

export type TextRead =
  | { readonly ok: true; readonly text: string }
  /** `code` is the errno: `ENOENT` no such file, `EACCES` no rights, `ENODATA` and `EIO` from the driver. */
  | { readonly ok: false; readonly code: string };

/** The trimmed content. */
export async function readText(path: string): Promise<TextRead> {
  try {
    return { ok: true, text: contentOf(await readFile(path, 'utf8')) };
  } catch (error) {
    return { ok: false, code: errnoOf(error) };
  }
}

/**
 * The same without a detour over Node's threads, for files that the kernel answers from memory within microseconds: RAPL's
 * counters, /proc/stat. Never for one behind which firmware or a driver has to be asked.
 */
export function readTextNow(path: string): TextRead {
  try {
    return { ok: true, text: contentOf(readFileSync(path, 'utf8')) };
  } catch (error) {
    return { ok: false, code: errnoOf(error) };
  }
}

/** Some drivers pad theirs with NUL bytes to the page's end, which are no content. */
export const contentOf = (text: string) => text.replaceAll('\0', '').trim();

/** The trimmed content, or empty where it cannot be read: for names, which are worth having but never needed. */
export async function readTextOrEmpty(path: string): Promise<string> {
  const read = await readText(path);
  return read.ok ? read.text : '';
}

/** Names in a directory, sorted as people count (`cpu2` before `cpu10`); empty where there is no such directory. */
export async function listNames(path: string): Promise<string[]> {
  try {
    return (await readdir(path)).sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  } catch {
    return [];
  }
}

export function errnoOf(error: unknown): string {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  return typeof code === 'string' ? code : String(error);
}
