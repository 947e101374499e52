/** One start per data folder, over real files: who gets a lock that a dead start left, and what a start sees of another. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { lockFolder, type Processes } from '../../deploy/local/folder-lock.ts';

const GONE = 1;
const SLOWER = 2;
const FASTER = 3;
const start = (own: number): Processes => ({ own, isAlive: (id) => id !== GONE && id !== 0 });

let folder: string;
let lock: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wattshed-lock-'));
  lock = join(folder, 'lock');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('it lets one start in and names it to the other', () => {
  const release = lockFolder(folder, start(FASTER));
  expect(() => lockFolder(folder, start(SLOWER))).toThrow(`in use by process ${FASTER}`);
  release();
  lockFolder(folder, start(SLOWER))();
  expect(readdirSync(folder)).toEqual([]);
});

test('of two that find the lock of one that is gone, the slower does not take it from the faster', () => {
  symlinkSync(`${GONE}`, lock);
  let raced = false;
  const slower: Processes = {
    own: SLOWER,
    isAlive(id) {
      // Read, and not yet removed: the whole start of the other falls in between.
      if (!raced) lockFolder(folder, start(FASTER));
      raced = true;
      return id !== GONE;
    },
  };
  expect(() => lockFolder(folder, slower)).toThrow(`in use by process ${FASTER}`);
});

test('one that was killed while it cleared a lock keeps nobody out', () => {
  symlinkSync(`${GONE}`, lock);
  symlinkSync(`${GONE}`, `${lock}.clearing`);
  lockFolder(folder, start(FASTER))();
  expect(readdirSync(folder)).toEqual([]);
});

test('the file that starts of before made counts while its process runs; one that names none is left behind', () => {
  writeFileSync(lock, `${FASTER}\n`);
  expect(() => lockFolder(folder, start(SLOWER))).toThrow(`in use by process ${FASTER}`);
  for (const left of [`${GONE}\n`, '']) {
    writeFileSync(lock, left);
    lockFolder(folder, start(SLOWER))();
  }
});

/** Its command line has the name of the launcher, by which a start is known from another program with its id. */
const HOLD = `
  const { lockFolder } = await import(process.argv[1]);
  process.stdin.once('data', () => {
    try { lockFolder(process.argv[2]); console.log('has it'); } catch (error) { console.log(error.message); }
    process.stdin.once('data', () => process.exit());
  });
  console.log('ready');`;

test('of processes that start at one instant one has the folder, again and again', async () => {
  const module = new URL('../../deploy/local/folder-lock.ts', import.meta.url).href;
  for (let round = 0; round < 4; round++) {
    if (round % 2 === 1) symlinkSync('2147483647', lock);
    const children = Array.from({ length: 4 }, () =>
      spawn(process.execPath, ['--input-type=module', '-e', HOLD, module, folder, 'start.mjs'], {
        stdio: ['pipe', 'pipe', 'inherit'],
      }),
    );
    const said = () => Promise.all(children.map(async ({ stdout }) => `${(await once(stdout, 'data'))[0]}`));
    await said();
    const answers = said();
    for (const { stdin } of children) stdin.write('now\n');
    expect((await answers).filter((text) => text.startsWith('has it'))).toHaveLength(1);
    const ends = children.map((child) => once(child, 'exit'));
    for (const { stdin } of children) stdin.write('end\n');
    await Promise.all(ends);
    rmSync(lock);
  }
});
