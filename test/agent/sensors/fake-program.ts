/** Programs that play given text: real child processes, with none of the hardware. */
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { emptyHost } from './host-tree.ts';

/**
 * @param programs shell lines by name; `emit TEXT` prints without buffering, `play FILE` prints a file, `hang` waits to be killed
 * @returns the folder that holds them: a PATH with nothing else in it
 */
export async function fakePrograms(programs: Readonly<Record<string, string>>): Promise<string> {
  const { root } = await emptyHost();
  for (const [name, body] of Object.entries(programs)) {
    const path = join(root, name);
    // exec, so that the signal reaches the one that waits.
    const tools = `emit() { printf '%b' "$1"; }\nplay() { /bin/cat "$1"; }\nhang() { exec /usr/bin/tail -f /dev/null; }`;
    await writeFile(path, `#!/bin/sh\n${tools}\n${body}\n`);
    await chmod(path, 0o755);
  }
  return root;
}
