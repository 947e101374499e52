/** What is news beside the reports: each piece of it costs the server a row. */
import { expect, test } from 'vitest';
import { ExtrasMemory } from '../../../agent/ship/extras.ts';

const health = (spoolReports: number, detail = 'eight GPUs') => ({
  sensors: [{ sensor: 'nvml', state: 'ready' as const, detail }],
  spoolBytes: 1_000 * spoolReports,
  spoolReports,
  droppedSeries: 0,
  droppedReports: 0,
  damagedRecords: 0,
});

function memoryOf(spoolReports: number): ExtrasMemory {
  const memory = new ExtrasMemory();
  memory.remember({ health: health(spoolReports) });
  return memory;
}

test.each([
  // The running window, and the one that ended.
  [1, 2, false],
  [2, 1, false],
  [1, 4, false],
  [1, 5, true],
  // Hourly reports carry thirteen.
  [13, 14, false],
  [100, 110, false],
  [100, 111, true],
  [100, 89, true],
])('where %i waited and %i do, news: %s', (before, now, isNews) => {
  expect(memoryOf(before).changed(null, health(now)).health !== undefined).toBe(isNews);
});

test('the first word is news, and a change of anything else', () => {
  expect(new ExtrasMemory().changed(null, health(0)).health).toBeDefined();
  expect(memoryOf(1).changed(null, health(1, 'seven GPUs')).health).toBeDefined();
  expect(memoryOf(1).changed(null, health(1))).toEqual({});
});
