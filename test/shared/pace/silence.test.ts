import { expect, test } from 'vitest';
import { silentAfterMs } from '../../../shared/pace/silence.ts';

test.each([
  [60, 600_000],
  [200, 600_000],
  [300, 900_000],
  [1_800, 5_400_000],
])('at every %i s a node is silent after %i ms', (everySeconds, ms) => {
  expect(silentAfterMs(everySeconds)).toBe(ms);
});
