/** A program named nvidia-smi that plays given text: a real child process, with none of the hardware. */
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { emptyHost } from '../host-tree.ts';

/**
 * @param body shell lines; `$@` are the arguments, `emit TEXT` prints without buffering, `hang` waits to be killed
 * @returns the program's path
 */
export async function fakeNvidiaSmi(body: string): Promise<string> {
  const { root } = await emptyHost();
  const path = join(root, 'nvidia-smi');
  // exec, so that the signal reaches the one that waits.
  const script = `#!/bin/sh\nemit() { printf '%b' "$1"; }\nhang() { exec tail -f /dev/null; }\n${body}\n`;
  await writeFile(path, script);
  await chmod(path, 0o755);
  return path;
}
