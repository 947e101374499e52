/** What the loop does when the sensors look for their devices again. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createAgentLoop } from '../../../agent/run/agent-loop.ts';
import { openStore } from '../../../agent/store/open-store.ts';
import type { Meter } from '../../../shared/metering/reading.ts';
import { gpu, reading } from '../../shared/metering/support.ts';
import { manualClock } from '../sensors/manual-clock.ts';

test('the inventory is made anew when a meter appears or its figures come to mean something else, and else not', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'wattshed-meters-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const clock = manualClock();
  const store = await openStore(folder);
  onTestFinished(() => store.close());
  let meters: readonly Meter[] = [];
  let told = 0;
  const loop = createAgentLoop({
    clock,
    store,
    sensors: {
      get meters() {
        return meters;
      },
      read: async () => [reading('nvml:GPU-0', clock.monotonicNow(), { power: 500 })],
    },
    bootId: 'boot',
    newEpoch: () => 'epochnew',
    wallAt: (atMs) => atMs,
    encodeSeries: (samples) => JSON.stringify(samples),
    readEveryMilliseconds: 1000,
    onMeters: () => {
      told++;
    },
  });
  const tickWith = async (found: readonly Meter[]) => {
    meters = found;
    clock.advance(1000);
    await loop.tick();
    return told;
  };
  const limited = (powerLimitWatts: number): Meter => ({ ...gpu(), facts: { powerLimitWatts } });
  const first = [limited(700)];
  expect(await tickWith(first)).toBe(1);
  expect(await tickWith(first)).toBe(1);
  // Looked for again, and found as it was.
  expect(await tickWith([limited(700)])).toBe(1);
  expect(await tickWith([limited(350)])).toBe(2);
  expect(await tickWith([limited(350), { ...gpu(), id: 'nvml:GPU-1' }])).toBe(3);
  expect(await tickWith([limited(350)])).toBe(4);
});
