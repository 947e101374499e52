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
    watched: () => [root],
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
    slowDown() {
      slow = new Promise((resolve) => {
        release = resolve;
      });
      return () => release();
    },
    looks: () => looks,
  };
}

const reading = { meterId: 'nvml:GPU-a', atMs: monotonicMs(0) };

test('every ten seconds, and at once when a watched folder changes', async () => {
  const { turn, clock, root } = await watchOf();
  expect(await turn()).toBe(1);
  expect(await turn()).toBe(1);
  clock.advance(9_000);
  expect(await turn()).toBe(1);
  clock.advance(1_000);
  expect(await turn()).toBe(2);
  await mkdir(`${root}/job_1`);
  expect(await turn()).toBe(3);
  expect(await turn()).toBe(3);
  await rm(`${root}/job_1`, { recursive: true });
  expect(await turn()).toBe(4);
});

test('once more when the first readings tell of processes', async () => {
  const { turn } = await watchOf();
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
