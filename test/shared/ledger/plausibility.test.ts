import { expect, test } from 'vitest';
import { contentDigest } from '../../../shared/ledger/digest.ts';
import { findImplausibility, MAX_AGE_MS, MAX_FUTURE_MS } from '../../../shared/ledger/plausibility.ts';
import type { DeviceReport, DeviceType, JobReport, WindowReport } from '../../../shared/wire/ingest.ts';

const NOW = 1_790_000_100_000;
const START = NOW - (NOW % 300_000) - 300_000;

function device(changes: Partial<DeviceReport> = {}): DeviceReport {
  return {
    id: 'GPU-1',
    type: 'gpu',
    name: 'NVIDIA H100',
    meteredMilliseconds: 300_000,
    energyMillijoules: 200_000_000,
    kind: 'counter',
    ...changes,
  };
}

function report(changes: Partial<WindowReport> = {}): WindowReport {
  return {
    windowStartMs: START,
    epoch: 'epoch0001',
    revision: 1,
    final: true,
    devices: [device()],
    jobs: [],
    ...changes,
  };
}

const codeOf = (changes: Partial<WindowReport>) => findImplausibility(report(changes), NOW)?.code ?? null;
const ofDevice = (changes: Partial<DeviceReport>) => codeOf({ devices: [device(changes)] });

test('the highest mean power of each type is booked, and a hundredth more is not', () => {
  const most: Record<DeviceType, number> = { gpu: 2_500, cpu: 1_500, memory: 500, other: 30_000 };
  for (const [type, watts] of Object.entries(most) as [DeviceType, number][]) {
    const energyMillijoules = watts * 300_000;
    expect(ofDevice({ type, energyMillijoules }), type).toBe(null);
    expect(ofDevice({ type, energyMillijoules: energyMillijoules * 1.01 }), type).toBe('power_implausible');
    expect(
      ofDevice({ type, energyMillijoules: 0, integratedMillijoules: energyMillijoules * 1.01 }),
      type,
    ).toBe('power_implausible');
  }
});

test('the cap holds for the metered time, not for the window', () => {
  expect(ofDevice({ meteredMilliseconds: 10_000, energyMillijoules: 2_500 * 10_000 })).toBe(null);
  expect(ofDevice({ meteredMilliseconds: 10_000, energyMillijoules: 2_500 * 13_000 })).toBe(
    'power_implausible',
  );
});

test('zero is a value: no energy and no time is no fault', () => {
  expect(ofDevice({ meteredMilliseconds: 0, energyMillijoules: 0 })).toBe(null);
  expect(ofDevice({ meteredMilliseconds: 0, energyMillijoules: 1 })).toBe('energy_without_time');
});

test('windows of tomorrow and of last year are set aside, those at the bounds are not', () => {
  expect(codeOf({ windowStartMs: NOW + MAX_FUTURE_MS })).toBe(null);
  expect(codeOf({ windowStartMs: NOW + MAX_FUTURE_MS + 1 })).toBe('window_in_future');
  expect(codeOf({ windowStartMs: NOW - MAX_AGE_MS })).toBe(null);
  expect(codeOf({ windowStartMs: NOW - MAX_AGE_MS - 1 })).toBe('window_too_old');
});

test('parts of a device are never more than it: recovered, idle, jobs in energy and in time', () => {
  const job = (id: string, energyMillijoules: number, allocatedMilliseconds: number): JobReport => ({
    id,
    devices: [{ id: 'GPU-1', energyMillijoules, allocatedMilliseconds }],
  });
  expect(ofDevice({ recoveredMillijoules: 200_000_000 })).toBe(null);
  expect(ofDevice({ recoveredMillijoules: 200_000_001 })).toBe('parts_exceed_whole');
  expect(ofDevice({ idleMillijoules: 200_000_001 })).toBe('parts_exceed_whole');
  expect(codeOf({ jobs: [job('a', 100_000_000, 150_000), job('b', 100_000_000, 150_000)] })).toBe(null);
  expect(codeOf({ jobs: [job('a', 100_000_000, 150_000), job('b', 100_000_001, 150_000)] })).toBe(
    'parts_exceed_whole',
  );
  expect(codeOf({ jobs: [job('a', 1, 150_000), job('b', 1, 150_001)] })).toBe('over_allocated');
  expect(codeOf({ devices: [device({ idleMillijoules: 1 })], jobs: [job('a', 200_000_000, 1)] })).toBe(
    'parts_exceed_whole',
  );
});

test('a digest tells content apart, not its order, its names or its series', () => {
  const two = [device(), device({ id: 'GPU-2' })];
  const digest = contentDigest(report({ devices: two }));
  expect(contentDigest(report({ devices: [...two].reverse() }))).toBe(digest);
  expect(
    contentDigest(
      report({
        devices: two.map((each) => ({
          ...each,
          name: 'renamed',
          series: { stepMilliseconds: 1_000, watts: 'AAAA' },
        })),
      }),
    ),
  ).toBe(digest);
  expect(
    contentDigest(report({ devices: [two[0]!, device({ id: 'GPU-2', energyMillijoules: 1 })] })),
  ).not.toBe(digest);
  expect(contentDigest(report({ devices: two, final: false }))).not.toBe(digest);
});
