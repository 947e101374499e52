/** Steps of the wall clock, by example: where the energy goes, and how dense it becomes. */
import { expect, test } from 'vitest';
import { counter, gpu, rig, START_MS } from './support.ts';

const HOUR_MS = 3_600_000;

test('a step forward leaves a hole: the second before it is not spread over the hour', () => {
  const one = rig([gpu()]);
  one.tick(0, { 'nvml:GPU-0': { counter: counter(0) } });
  one.tick(1000, { 'nvml:GPU-0': { counter: counter(700_000) } });
  one.tick(2000, { 'nvml:GPU-0': { counter: counter(1_400_000) } }, START_MS + 2000 + HOUR_MS);
  one.report();
  expect([...one.reports.keys()]).toEqual([START_MS, START_MS + HOUR_MS]);
  expect(one.reports.get(START_MS + HOUR_MS)!.devices[0]).toMatchObject({
    energyMillijoules: 700_000,
    meteredMilliseconds: 1000,
  });
});

test('after a step back power appears at most doubled, until the clock has caught up', () => {
  const one = rig([gpu()]);
  const backMs = 600_000;
  for (let second = 0; second <= 3_600; second++) {
    const stepped = second > 900 ? -backMs : 0;
    one.tick(
      second * 1000,
      { 'nvml:GPU-0': { counter: counter(second * 700_000) } },
      START_MS + second * 1000 + stepped,
    );
    if (second % 60 === 0) one.report();
  }
  one.report();
  for (const report of one.reports.values()) {
    const { energyMillijoules, meteredMilliseconds } = report.devices[0]!;
    expect(energyMillijoules / meteredMilliseconds).toBeGreaterThanOrEqual(699);
    expect(energyMillijoules / meteredMilliseconds).toBeLessThanOrEqual(1_401);
  }
  expect(one.device('GPU-0')).toMatchObject({ energy: 3_600 * 700_000, metered: 3_600_000 - backMs });
});

test('jitter and slewing below half a second leave no hole and lose no time', () => {
  const one = rig([gpu()]);
  for (let second = 0; second <= 300; second++)
    one.tick(
      second * 1000,
      { 'nvml:GPU-0': { counter: counter(second * 1000) } },
      START_MS + second * 1000 + (second % 3),
    );
  one.report();
  expect(one.device('GPU-0').metered).toBe(300_000);
});

test('a meter that appears after a step back books nothing into windows that are final', () => {
  const one = rig([gpu(), gpu('GPU-1')]);
  for (let second = 0; second <= 310; second++)
    one.tick(second * 1000, { 'nvml:GPU-0': { counter: counter(second) } });
  expect(one.report()[0]!.final).toBe(true);
  for (let second = 311; second <= 320; second++)
    one.tick(
      second * 1000,
      { 'nvml:GPU-0': { counter: counter(second) }, 'nvml:GPU-1': { counter: counter(second * 1000) } },
      START_MS + second * 1000 - 200_000,
    );
  const late = one.report();
  expect(late.map((report) => report.windowStartMs)).toEqual([START_MS + 300_000]);
  expect(one.device('GPU-1').energy).toBe(9_000);
});
