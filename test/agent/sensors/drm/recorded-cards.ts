/** Recorded graphics cards, plugged into a host of ours. */
import { readFile } from 'node:fs/promises';
import { fixture, type HostTree } from '../host-tree.ts';

/** @param recordings names of dumps in `hwmon/`; the cards are numbered in this order */
export async function plugIn(host: HostTree, ...recordings: readonly string[]): Promise<void> {
  for (const [index, name] of recordings.entries()) {
    const dump = await readFile(fixture(`hwmon/lact__${name}.tree.txt`), 'utf8');
    for (const [, path, text = '', padding = '0'] of dump.matchAll(
      /^\w+\/[\w.-]+\/card\d+\/(device\/.+?)=(.*?)(?: {3}# \+(\d+) NUL bytes in source file)?$/gm,
    ))
      await host.write({
        [`sys/class/drm/card${index}/${path}`]: `${text.replaceAll('\\n', '\n')}\n${'\0'.repeat(Number(padding))}`,
      });
  }
}
