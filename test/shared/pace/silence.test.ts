import { expect, test } from 'vitest';
import { finalAfterMs, silentAfterMs } from '../../../shared/pace/silence.ts';

test.each([
  [60, 600_000],
  [200, 600_000],
  [300, 900_000],
  [1_800, 5_400_000],
])('at every %i s a node is silent after %i ms', (everySeconds, ms) => {
  expect(silentAfterMs(everySeconds)).toBe(ms);
});

test.each([
  [60, 600_000],
  [300, 600_000],
  [1_800, 2_100_000],
  [3_600, 3_900_000],
])('at every %i s all of a window is told %i ms after its end', (everySeconds, ms) => {
  expect(finalAfterMs(everySeconds)).toBe(ms);
});
