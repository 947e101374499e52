import { describe, expect, test } from 'vitest';
import { familyOf, familyOfName, powerFacts } from '../../../../agent/sensors/nvidia/power-meaning.ts';

const A100 = familyOf({ major: 8, minor: 0 });
const A40 = familyOf({ major: 8, minor: 6 });
const H100 = familyOf({ major: 9, minor: 0 });
const B200 = familyOf({ major: 10, minor: 0 });
const QUARTER = { powerWindowMilliseconds: 25, sampledRatio: 0.25 };

describe('what a power stands for', () => {
  test.each([
    [A100, { powerMeaning: 'instantaneous', ...QUARTER }],
    [A40, { powerMeaning: 'mean', powerWindowMilliseconds: 1000, sampledRatio: 1 }],
    [H100, { powerMeaning: 'mean', powerWindowMilliseconds: 1000, sampledRatio: 0.25 }],
    [B200, { powerMeaning: 'mean', powerWindowMilliseconds: 1000 }],
    [
      familyOf({ major: 7, minor: 5 }),
      { powerMeaning: 'instantaneous', powerWindowMilliseconds: 100, sampledRatio: 1 },
    ],
    [null, { powerMeaning: 'unknown' }],
  ] as const)('the plain call to a GPU of family %s', (family, facts) => {
    expect(powerFacts(family, 'nvmlDeviceGetPowerUsage', '550.54.15')).toEqual(facts);
    // The program prints what the library says, since that driver.
    expect(powerFacts(family, 'power.draw', '550.54.15')).toEqual(facts);
    expect(powerFacts(family, 'power.draw', '525.147.05')).toEqual({ powerMeaning: 'unknown' });
    expect(powerFacts(family, 'power.draw', '')).toEqual({ powerMeaning: 'unknown' });
  });

  test('the two fields say it themselves', () => {
    expect(powerFacts(H100, 'NVML field 186', '550.54.15')).toEqual({
      powerMeaning: 'instantaneous',
      ...QUARTER,
    });
    expect(powerFacts(null, 'NVML field 186', '550.54.15')).toEqual({ powerMeaning: 'instantaneous' });
    expect(powerFacts(null, 'NVML field 185', '550.54.15')).toEqual({
      powerMeaning: 'mean',
      powerWindowMilliseconds: 1000,
    });
  });
});

test.each([
  ['NVIDIA A100-SXM4-80GB', A100],
  ['NVIDIA A800-SXM4-80GB', A100],
  ['NVIDIA A30', A100],
  ['NVIDIA A10G', A40],
  ['NVIDIA L40S', A40],
  ['NVIDIA RTX 4000 SFF Ada Generation', A40],
  ['NVIDIA GeForce RTX 3090', A40],
  ['NVIDIA H100 80GB HBM3', H100],
  ['NVIDIA GH200 480GB', H100],
  ['NVIDIA B200', B200],
  ['NVIDIA GB200', B200],
  ['Tesla T4', 'volta'],
  ['NVIDIA GeForce RTX 2080 SUPER', 'volta'],
  ['Tesla P100-PCIE-16GB', 'pascal'],
  ['Tesla K80', null],
] as const)('%s is known by its name', (name, family) => expect(familyOfName(name)).toBe(family));

test('what is older than any measured, or does not tell, is of no family', () => {
  expect(familyOf({ major: 5, minor: 2 })).toBeNull();
  expect(familyOf(null)).toBeNull();
});
