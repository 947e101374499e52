/** Ten thousand agents with the real pacing code, an hour without a server, and the model of one that comes back. */
import { expect, test } from 'vitest';
import type { Second } from '../../../bench/pressure/model-server.ts';
import { returnOf } from '../../../bench/pressure/returning-fleet.ts';

const NODES = 10_000;
/** As the server tells so many on one database (`neededInterval`). */
const EVERY_SECONDS = 80;
const MEAN = NODES / EVERY_SECONDS;

const fullest = (seconds: readonly Second[], of: keyof Second) =>
  Math.max(...seconds.map((second) => second[of]));
const refusedIn = (seconds: readonly Second[]) => seconds.reduce((sum, { refused }) => sum + refused, 0);

test('a fleet of 10,000 comes back to one database without a storm', () => {
  const run = returnOf({
    nodes: NODES,
    databases: 1,
    capacity: 260,
    outageMinutes: 60,
    afterMinutes: 20,
    startedWithinMs: 60_000,
  });
  // Each at its own place: no second holds over 3 % more than the mean.
  expect(fullest(run.before, 'requests')).toBeLessThanOrEqual(1.03 * MEAN);
  // Nothing had to be refused, and no second was much fuller than any other.
  expect(refusedIn(run.after)).toBe(0);
  expect(fullest(run.after, 'requests')).toBeLessThanOrEqual(1.4 * MEAN);
  expect(fullest(run.after, 'cost')).toBeLessThanOrEqual(260);
  // What is live first: as soon as the longest wait of the back-off allows.
  expect(run.liveAgainSeconds.at(-1)).toBeLessThanOrEqual(300 + 31);
  expect(run.clearedSeconds.at(-1)).toBeLessThanOrEqual(900);
  // And while the backlog goes out, no node's figures are older than one and a half intervals.
  expect(run.longestWaitSeconds.at(-1)).toBeLessThanOrEqual(1.5 * EVERY_SECONDS + 1);
});

test('a server with room for little more than what is live is not overrun, and gets all of it', () => {
  const capacity = 150;
  const run = returnOf({
    nodes: NODES,
    databases: 1,
    capacity,
    outageMinutes: 60,
    afterMinutes: 60,
    startedWithinMs: 1_000,
  });
  expect(refusedIn(run.after)).toBeGreaterThan(0);
  expect(fullest(run.after, 'requests')).toBeLessThanOrEqual(1.5 * capacity);
  expect(run.clearedSeconds.at(-1)).toBeLessThan(3_600);
  // Most are not kept waiting by it.
  expect(run.liveAgainSeconds[NODES / 2]).toBeLessThanOrEqual(150);
  expect(run.longestWaitSeconds[Math.floor(NODES * 0.99)]).toBeLessThanOrEqual(300);
});
