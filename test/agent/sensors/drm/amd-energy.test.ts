import { expect, test } from 'vitest';
import { accumulatedMicrojoules } from '../../../../agent/sensors/drm/amd-energy.ts';
import { gpuMetrics } from './gpu-metrics-table.ts';

/** One kilojoule in units of 2^-16 J. */
const UNITS = 65_536_000n;

test.each([
  [1, 120, 24],
  [2, 128, 24],
  [3, 136, 24],
  [4, 288, 24],
  [5, 360, 88],
  [6, 1664, 16],
  [7, 2208, 24],
  [8, 2352, 24],
])('revision 1.%i of the table keeps the accumulator at its place', (content, bytes, at) => {
  expect(accumulatedMicrojoules(gpuMetrics({ content, bytes, at, units: UNITS }))).toBe(1_000_000_000);
});

test('other tables, cut ones and those that are not filled in tell nothing', () => {
  expect(accumulatedMicrojoules(gpuMetrics({ format: 2, content: 2, units: UNITS }))).toBeNull();
  expect(accumulatedMicrojoules(gpuMetrics({ content: 0, units: UNITS }))).toBeNull();
  expect(accumulatedMicrojoules(gpuMetrics({ content: 9, units: UNITS }))).toBeNull();
  expect(accumulatedMicrojoules(gpuMetrics({ content: 4, units: UNITS }).subarray(0, 30))).toBeNull();
  expect(accumulatedMicrojoules(Buffer.alloc(0))).toBeNull();
  expect(accumulatedMicrojoules(gpuMetrics({ content: 4, units: 2n ** 64n - 1n }))).toBeNull();
});
