/** When it looks: on a clock of the test's own, over a real folder. */
import { mkdir, rm } from 'node:fs/promises';
import { expect, test } from 'vitest';
import type { JobSet } from '../../../agent/jobs/job-set.ts';
import { createJobWatch } from '../../../agent/jobs/job-watch.ts';
import { allocationOf } from '../../../shared/metering/allocation.ts';
import { monotonicMs } from '../../../shared/units.ts';
import { emptyHost } from '../sensors/host-tree.ts';
import { manualClock } from '../sensors/manual-clock.ts';
import { METERS } from './support.ts';

async function watchOf() {
  const { root } = await emptyHost();
  const clock = manualClock();
  let looks = 0;
  const watched = [root];
  let release = () => {};
  let slow: Promise<void> | null = null;
  const set: JobSet = {
    async look() {
      looks++;
      const atMs = clock.monotonicNow();
      await slow;
      return {
        allocation: allocationOf({ atMs, claims: [], gpuIds: [], cores: 1, complete: true, usage: {} }),
        jobs: [],
      };
    },
    health: () => [],
    watched: () => watched,
  };
  const watch = createJobWatch(set, clock);
  return {
    root,
    clock,
    watch,
    async turn(readings: Parameters<typeof watch.turn>[1] = [reading]) {
      watch.turn(METERS, readings);
      await watch.settled();
      return looks;
    },
    /** Turns until what the folders say has come in, as it does between two ticks. */
    async turnsUntilLooks(wanted: number) {
      while (looks < wanted) {
        watch.turn(METERS, [reading]);
        await watch.settled();
        await new Promise(setImmediate);
      }
    },
    slowDown() {
      slow = new Promise((resolve) => {
        release = resolve;
      });
      return () => release();
    },
    looks: () => looks,
    watchOnly(folder: string) {
      watched.splice(0, watched.length, folder);
    },
  };
}

const reading = { meterId: 'nvml:GPU-a', atMs: monotonicMs(0) };

test('every ten seconds, and soon after a watched folder has changed', async () => {
  const { turn, turnsUntilLooks, clock, root } = await watchOf();
  // What the folder says at first comes in after the first look, and is news as well.
  await turnsUntilLooks(2);
  expect(await turn()).toBe(2);
  clock.advance(9_000);
  expect(await turn()).toBe(2);
  clock.advance(1_000);
  expect(await turn()).toBe(3);
  await mkdir(`${root}/job_1`);
  await turnsUntilLooks(4);
  expect(await turn()).toBe(4);
  await rm(`${root}/job_1`, { recursive: true });
  await turnsUntilLooks(5);
});

test('a folder of a control group is asked at once: it lies in memory', async () => {
  const { turn, root, watchOnly } = await watchOf();
  await mkdir(`${root}/fs/cgroup/slurm`, { recursive: true });
  watchOnly(`${root}/fs/cgroup/slurm`);
  const before = await turn();
  await mkdir(`${root}/fs/cgroup/slurm/job_1`);
  expect(await turn()).toBeGreaterThan(before);
});

test('once more when the first readings tell of processes', async () => {
  const { turn, watchOnly } = await watchOf();
  watchOnly('/nonexistent');
  expect(await turn([])).toBe(1);
  expect(await turn([])).toBe(1);
  expect(await turn()).toBe(2);
  expect(await turn()).toBe(2);
});

test('a slow look is waited for by nobody and not begun twice; its allocation is of when it began, and told once', async () => {
  const { watch, slowDown, looks, clock } = await watchOf();
  const finish = slowDown();
  const began = clock.monotonicNow();
  watch.turn(METERS, []);
  while (looks() === 0) await new Promise(setImmediate);
  clock.advance(20_000);
  watch.turn(METERS, []);
  expect(watch.take()).toBeNull();
  finish();
  await watch.settled();
  expect(looks()).toBe(1);
  expect(watch.take()).toMatchObject({ atMs: began });
  expect(watch.take()).toBeNull();
});
