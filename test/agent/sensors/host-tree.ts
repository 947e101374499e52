/** Lays out recorded kernel files in a temporary folder, as a host would show them. */
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { HostPaths } from '../../../agent/inventory/host-paths.ts';

export interface HostTree {
  readonly root: string;
  readonly paths: HostPaths;
  /** Writes files by their path from the root: `sys/...`, `proc/...`, `etc/...`. */
  write(files: Readonly<Record<string, string | Buffer>>): Promise<void>;
  /** Lays out a dump of `path=value` lines; folders, which end with `/`, come by themselves. */
  writeDump(file: string): Promise<void>;
  link(path: string, target: string): Promise<void>;
}

/** A host with nothing in it; gone when the test is over. */
export async function emptyHost(): Promise<HostTree> {
  const root = await mkdtemp(join(tmpdir(), 'wattshed-host-'));
  // Readable for the tests that give up root's rights.
  await chmod(root, 0o755);
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const prepare = async (path: string) => {
    const full = join(root, path);
    await mkdir(dirname(full), { recursive: true });
    return full;
  };
  const write: HostTree['write'] = async (files) => {
    for (const [path, content] of Object.entries(files)) await writeFile(await prepare(path), content);
  };
  return {
    root,
    paths: { sysRoot: join(root, 'sys'), procRoot: join(root, 'proc'), etcRoot: join(root, 'etc') },
    write,
    async writeDump(file) {
      const lines = (await readFile(file, 'utf8')).split('\n').filter((line) => line.includes('='));
      await write(
        Object.fromEntries(
          lines.map((line) => [line.slice(0, line.indexOf('=')), `${line.slice(line.indexOf('=') + 1)}\n`]),
        ),
      );
    },
    async link(path, target) {
      await symlink(target, await prepare(path));
    },
  };
}

const FIXTURES = new URL('../../fixtures/', import.meta.url).pathname;

/** The path of a recorded file. */
export const fixture = (name: string) => join(FIXTURES, name);
