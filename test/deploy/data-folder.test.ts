/** How many databases the folder of `npm start` has, from start to start. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openDataFolder } from '../../deploy/local/data-folder.ts';

async function folder() {
  const path = mkdtempSync(join(tmpdir(), 'wattshed-data-'));
  const opened = await openDataFolder(path);
  onTestFinished(() => {
    opened.release();
    rmSync(path, { recursive: true, force: true });
  });
  return opened;
}

test('as many databases as ever were asked for, and never fewer', async () => {
  const { keepShards } = await folder();
  expect(keepShards(null)).toBe(1);
  expect(keepShards(3)).toBe(3);
  expect(keepShards(null)).toBe(3);
  expect(() => keepShards(2)).toThrow('start with --shards 3 or more');
});

test.each(['', '0', 'three', '65'])('a folder that says "%s" is not opened with fewer', async (said) => {
  const { path, keepShards } = await folder();
  writeFileSync(join(path, 'shards'), said);
  for (const asked of [null, 1]) expect(() => keepShards(asked)).toThrow('write their number into it');
});
