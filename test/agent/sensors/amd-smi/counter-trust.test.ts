import { describe, expect, test } from 'vitest';
import { createCounterTrust } from '../../../../agent/sensors/amd-smi/counter-trust.ts';

/** Judges samples 8 s apart of a GPU that draws 200 W by its power. */
function judgeAll(energies: readonly number[]): (number | null)[] {
  const trust = createCounterTrust();
  return energies.map((energyMillijoules, i) =>
    trust.judge({ atMs: i * 8000, energyMillijoules, powerWatts: 200 }),
  );
}

/** 200 W for 8 s. */
const STEP = 1_600_000;

describe('a counter', () => {
  test('is believed once it agrees with the power, and not before', () => {
    expect(judgeAll([5, 5 + STEP, 5 + 2 * STEP])).toEqual([null, 0, 0]);
  });

  test('that agrees within a factor of two is believed: loads change', () => {
    expect(judgeAll([0, STEP / 2])).toEqual([null, 0]);
    expect(judgeAll([0, STEP * 2])).toEqual([null, 0]);
    expect(judgeAll([0, STEP / 2 - 1])).toEqual([null, null]);
    expect(judgeAll([0, STEP * 2 + 1])).toEqual([null, null]);
    // Once believed it is the better of the two.
    expect(judgeAll([0, STEP, STEP * 9])).toEqual([null, 0, 0]);
  });

  test('that stands still, runs backwards or counts in another unit is not', () => {
    expect(judgeAll([7, 7, 7])).toEqual([null, null, null]);
    expect(judgeAll([9 * STEP, 8 * STEP, 7 * STEP])).toEqual([null, null, null]);
    expect(judgeAll([0, STEP * 1000, STEP * 2000])).toEqual([null, null, null]);
  });

  test('that freezes later loses trust and has to win it again, as another counter', () => {
    expect(judgeAll([0, STEP, STEP, STEP, 2 * STEP, 3 * STEP])).toEqual([null, 0, null, null, 1, 1]);
  });
});
