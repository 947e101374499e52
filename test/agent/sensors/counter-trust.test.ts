import { describe, expect, test } from 'vitest';
import { createCounterTrust } from '../../../agent/sensors/counter-trust.ts';

/** Judges samples of a GPU that draws 200 W by its power: how often trust was lost where it is believed, else why not. */
function judgeAll(energies: readonly number[], everyMs = 8000): (number | string)[] {
  const trust = createCounterTrust();
  return energies.map((energyMillijoules, i) => {
    const verdict = trust({ atMs: i * everyMs, energyMillijoules, powerWatts: 200 });
    return verdict.trusted ? verdict.withdrawn : verdict.why;
  });
}

/** 200 W for 8 s. */
const STEP = 1_600_000;
const NOT_YET = 'not compared with the power yet';

describe('a counter', () => {
  test('is believed once it agrees with the power, and not before', () => {
    expect(judgeAll([5, 5 + STEP, 5 + 2 * STEP])).toEqual([NOT_YET, 0, 0]);
  });

  test('is compared over half a second at least: between two steps of its own it stands still', () => {
    const at100ms = [0, 0, 0, 60_000, 60_000, 100_000, 100_000, 100_000, 100_000, 190_000, 200_000];
    expect(judgeAll(at100ms, 100)).toEqual([NOT_YET, NOT_YET, NOT_YET, NOT_YET, NOT_YET, 0, 0, 0, 0, 0, 0]);
  });

  test('that agrees within a factor of one and a half is believed: loads change', () => {
    expect(judgeAll([0, STEP / 1.5])).toEqual([NOT_YET, 0]);
    expect(judgeAll([0, STEP * 1.5])).toEqual([NOT_YET, 0]);
    expect(judgeAll([0, STEP / 2])).toEqual([NOT_YET, 'counts 100 W where the power is 200 W']);
    expect(judgeAll([0, STEP * 2])).toEqual([NOT_YET, 'counts 400 W where the power is 200 W']);
    // Once believed it is the better of the two.
    expect(judgeAll([0, STEP, STEP * 9])).toEqual([NOT_YET, 0, 0]);
  });

  test('that stands still, runs backwards or counts in another unit is not', () => {
    expect(judgeAll([7, 7, 7])).toEqual([NOT_YET, 'stands still', 'stands still']);
    expect(judgeAll([9 * STEP, 8 * STEP, 7 * STEP])).toEqual([NOT_YET, 'runs backwards', 'runs backwards']);
    const inMicrojoules = 'counts 200000 W where the power is 200 W';
    expect(judgeAll([0, STEP * 1000, STEP * 2000])).toEqual([NOT_YET, inMicrojoules, inMicrojoules]);
  });

  test('that freezes later loses trust and has to win it again, as another counter', () => {
    expect(judgeAll([0, STEP, STEP, STEP, 2 * STEP, 3 * STEP])).toEqual([
      NOT_YET,
      0,
      'stands still',
      'stands still',
      1,
      1,
    ]);
  });
});
