/** Parts that are seen less often than the meter of the whole node. */
import { expect, test } from 'vitest';
import { counter, type Given, gpu, nodeMeter, rig } from './support.ts';

test('a counter that an exporter looks at each half minute keeps its energy beside a node meter', () => {
  const one = rig([gpu(), nodeMeter()]);
  for (let second = 0; second <= 600; second++) {
    const given: { [meterId: string]: Given } = {};
    if (second % 8 === 5) given.bmc = { power: 1000 };
    // Every second look is seen five seconds late.
    if (second % 60 === 0 || second % 60 === 35) given['nvml:GPU-0'] = { counter: counter(second * 700_000) };
    one.tick(second * 1000, given);
  }
  one.report();
  expect(one.device('GPU-0').energy).toBe(600 * 700_000);
  // The node meter spoke from 5 s to 597 s.
  expect(one.device('other').energy).toBe(592 * 300_000);
});
