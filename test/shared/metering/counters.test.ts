/** Counters as they behave: wraps, resets, reboots, silence, downtime. */
import { describe, expect, test } from 'vitest';
import { watts } from '../../../shared/units.ts';
import { counter, gpu, rig, START_MS } from './support.ts';

const RAPL_RANGE = 262_143_328_850;
const rapl = gpu('cpu-0', {
  id: 'rapl:package-0',
  sensor: 'rapl',
  deviceType: 'cpu',
  deviceName: 'Intel Xeon',
  maxPlausibleWatts: watts(1_500),
});
const microjoules = (value: number, identity = 'boot-1') =>
  counter(value, { unitsPerMillijoule: 1000, wrapsAt: RAPL_RANGE, identity });

describe('a RAPL counter in microjoules', () => {
  test('carries what is below a millijoule from slice to slice', () => {
    const one = rig([rapl]);
    for (let i = 0; i <= 10; i++)
      one.tick(i * 1000, { 'rapl:package-0': { counter: microjoules(i * 1_500) } });
    one.report();
    expect(one.device('cpu-0').energy).toBe(15);
  });

  test('that wraps goes on', () => {
    const one = rig([rapl]);
    one.tick(0, { 'rapl:package-0': { counter: microjoules(RAPL_RANGE - 1_000_000) } });
    one.tick(1000, { 'rapl:package-0': { counter: microjoules(200_000_000) } });
    one.report();
    expect(one.device('cpu-0')).toMatchObject({ energy: 201_000, metered: 1000 });
    expect(one.metering.state.gaps).toEqual([]);
  });

  test('that falls further than power allows has started anew: a gap, and nothing booked', () => {
    const one = rig([rapl]);
    one.tick(0, { 'rapl:package-0': { counter: microjoules(100_000_000_000) } });
    one.tick(1000, { 'rapl:package-0': { counter: microjoules(5) } });
    one.tick(2000, { 'rapl:package-0': { counter: microjoules(300_000_005) } });
    one.report();
    expect(one.device('cpu-0')).toMatchObject({ energy: 300_000, metered: 1000 });
    expect(one.metering.state.gaps).toEqual([
      {
        deviceId: 'cpu-0',
        meterId: 'rapl:package-0',
        startMs: START_MS,
        endMs: START_MS + 1000,
        reason: 'counterDecreased',
      },
    ]);
  });

  test('silent for half its shortest wrap cannot be trusted to have wrapped only once', () => {
    // 262 kJ at 1500 W: 174.8 s.
    for (const [silentMs, reason] of [
      [87_000, null],
      [87_500, 'counterUnknowable'],
    ] as const) {
      const one = rig([rapl]);
      one.tick(0, { 'rapl:package-0': { counter: microjoules(0) } });
      one.tick(silentMs, { 'rapl:package-0': { counter: microjoules(20_000_000_000) } });
      one.report();
      expect(one.metering.state.gaps[0]?.reason ?? null).toBe(reason);
      expect(one.device('cpu-0').energy).toBe(reason === null ? 20_000_000 : 0);
    }
  });
});

describe('a counter after downtime', () => {
  test('tells what was consumed meanwhile: recovered, spread evenly over the windows', () => {
    const one = rig([gpu()]);
    one.tick(240_000, { 'nvml:GPU-0': { counter: counter(1_000) } });
    one.restart(840_000);
    one.tick(840_000, { 'nvml:GPU-0': { counter: counter(1_000 + 300_000_000) } });
    one.report();
    const windows = [...one.reports.values()].map((report) => report.devices[0]!);
    expect(windows.map((device) => device.energyMillijoules)).toEqual([30_000_000, 150_000_000, 120_000_000]);
    expect(windows.map((device) => device.recoveredMillijoules)).toEqual([
      30_000_000, 150_000_000, 120_000_000,
    ]);
    expect(windows.map((device) => device.meteredMilliseconds)).toEqual([60_000, 300_000, 240_000]);
    expect([...one.reports.values()].map((report) => report.final)).toEqual([true, true, false]);
  });

  test('of another identity tells nothing, and leaves a gap', () => {
    const one = rig([gpu()]);
    one.tick(0, { 'nvml:GPU-0': { counter: counter(5_000, { identity: 'driver-1' }) } });
    one.restart(60_000);
    one.tick(60_000, { 'nvml:GPU-0': { counter: counter(9_000_000, { identity: 'driver-2' }) } });
    one.tick(61_000, { 'nvml:GPU-0': { counter: counter(9_300_000, { identity: 'driver-2' }) } });
    one.report();
    expect(one.device('GPU-0')).toMatchObject({ energy: 300_000, metered: 1000, recovered: 0 });
    expect(one.metering.state.gaps[0]).toMatchObject({
      reason: 'counterRestarted',
      endMs: START_MS + 60_000,
    });
  });

  test('after a reboot starts anew: the monotonic clock compares with nothing', () => {
    const one = rig([gpu()]);
    one.tick(0, { 'nvml:GPU-0': { counter: counter(5_000) } });
    one.restart(60_000, 'boot-2');
    one.tick(60_000, { 'nvml:GPU-0': { counter: counter(5_900) } });
    one.report();
    expect(one.device('GPU-0').energy).toBe(0);
    expect(one.metering.state.gaps).toMatchObject([
      { startMs: START_MS, endMs: START_MS + 60_000, reason: 'silent' },
    ]);
  });

  test('longer than a day is not filled', () => {
    const one = rig([gpu()]);
    one.tick(0, { 'nvml:GPU-0': { counter: counter(0) } });
    one.restart(25 * 3_600_000);
    one.tick(25 * 3_600_000, { 'nvml:GPU-0': { counter: counter(1_000_000) } });
    one.report();
    expect(one.device('GPU-0').energy).toBe(0);
    expect(one.metering.state.gaps[0]!.reason).toBe('counterUnknowable');
  });
});

describe('a counter beside power', () => {
  test('is the energy; the integral stands beside it', () => {
    const one = rig([gpu()]);
    one.tick(0, { 'nvml:GPU-0': { counter: counter(0), power: 600, utilization: 0.9 } });
    one.tick(1000, { 'nvml:GPU-0': { counter: counter(650_000), power: 700, utilization: 0.7 } });
    one.report();
    expect(one.reports.get(START_MS)!.devices).toEqual([
      {
        id: 'GPU-0',
        type: 'gpu',
        name: 'NVIDIA H100 80GB HBM3',
        meteredMilliseconds: 1000,
        energyMillijoules: 650_000,
        kind: 'counter',
        integratedMillijoules: 650_000,
        utilizationRatio: 0.8,
      },
    ]);
  });

  test('whose integral does not cover the same time stands alone', () => {
    const withoutPower = rig([gpu()]);
    withoutPower.tick(0, { 'nvml:GPU-0': { counter: counter(0), power: 600 } });
    withoutPower.tick(1000, { 'nvml:GPU-0': { counter: counter(600_000), power: 600 } });
    withoutPower.tick(2000, { 'nvml:GPU-0': { counter: counter(1_200_000) } });
    withoutPower.report();
    expect(withoutPower.reports.get(START_MS)!.devices[0]).not.toHaveProperty('integratedMillijoules');
    const silent = rig([gpu()]);
    silent.tick(0, { 'nvml:GPU-0': { counter: counter(0), power: 600 } });
    for (let i = 1; i <= 30; i++) silent.tick(i * 1000, { 'nvml:GPU-0': { power: 600 } });
    silent.report();
    // Thirty seconds of power and no metered time: the server would find that implausible.
    expect(silent.device('GPU-0')).toMatchObject({ energy: 0, integrated: 0, metered: 0 });
  });

  test('that was recovered has no integral, and the integral beside it covers the rest', () => {
    const one = rig([gpu()]);
    const read = (second: number, joules: number) =>
      one.tick(second * 1000, { 'nvml:GPU-0': { counter: counter(joules * 1000), power: 600 } });
    read(0, 0);
    read(1, 600);
    read(31, 18_600);
    read(32, 19_200);
    one.report();
    expect(one.device('GPU-0')).toMatchObject({
      energy: 19_200_000,
      recovered: 18_000_000,
      integrated: 1_200_000,
      metered: 32_000,
    });
  });

  test('that misses a read is caught up by the next one, not patched with power', () => {
    const one = rig([gpu()]);
    one.tick(0, { 'nvml:GPU-0': { counter: counter(0), power: 600 } });
    one.tick(1000, { 'nvml:GPU-0': { power: 600 } });
    one.tick(2000, { 'nvml:GPU-0': { counter: counter(1_234_567), power: 600 } });
    one.report();
    expect(one.device('GPU-0')).toMatchObject({ energy: 1_234_567, metered: 2000, integrated: 1_200_000 });
  });

  test('that stays silent leaves a gap, then power takes over and the counter starts anew', () => {
    const one = rig([gpu()]);
    one.tick(0, { 'nvml:GPU-0': { counter: counter(0), power: 600 } });
    for (let i = 1; i <= 70; i++) one.tick(i * 1000, { 'nvml:GPU-0': { power: 600 } });
    one.tick(71_000, { 'nvml:GPU-0': { counter: counter(99_000_000), power: 600 } });
    one.tick(72_000, { 'nvml:GPU-0': { counter: counter(99_500_000), power: 600 } });
    one.report();
    expect(one.device('GPU-0')).toMatchObject({ energy: 10 * 600_000 + 500_000, metered: 11_000 });
    expect(one.reports.get(START_MS)!.devices[0]!.kind).toBe('integrated');
    expect(one.metering.state.gaps).toMatchObject([{ startMs: START_MS, endMs: START_MS + 61_000 }]);
  });

  test('of 10 kW is no reading', () => {
    const one = rig([gpu()]);
    one.tick(0, { 'nvml:GPU-0': { power: 600 } });
    one.tick(1000, { 'nvml:GPU-0': { power: 10_000 } });
    one.tick(2000, { 'nvml:GPU-0': { power: 600 } });
    one.report();
    expect(one.device('GPU-0').energy).toBe(1_200_000);
    expect(one.metering.state.counts.implausibleReadings).toBe(1);
  });
});

test('a device of several domains is their sum, metered while all of them are', () => {
  const die = (id: string) => ({ ...rapl, id });
  const one = rig([die('die-0'), die('die-1')]);
  one.tick(0, { 'die-0': { counter: microjoules(0) } });
  one.tick(1000, { 'die-0': { counter: microjoules(100_000_000) }, 'die-1': { counter: microjoules(0) } });
  one.tick(2000, {
    'die-0': { counter: microjoules(200_000_000) },
    'die-1': { counter: microjoules(50_000_000) },
  });
  one.report();
  expect(one.device('cpu-0')).toMatchObject({ energy: 250_000, metered: 1000 });
});

test('idle energy is what was used while the device was proven free at both ends', () => {
  const one = rig([gpu()]);
  const flags = [true, true, false, true];
  for (const [i, provenIdle] of flags.entries())
    one.tick(i * 1000, { 'nvml:GPU-0': { counter: counter(i * 70_000), provenIdle } });
  one.report();
  expect(one.device('GPU-0')).toMatchObject({ energy: 210_000, idle: 70_000 });
});

describe('counter and power that tell different energies', () => {
  /** `counted` watts by the counter for a whole window; its power silent in between where `silent` says so. */
  const disagreements = (
    power: number,
    seconds = 301,
    silent: readonly [number, number] = [0, 0],
    counted = 500,
  ) => {
    const one = rig([gpu()]);
    for (let i = 0; i <= seconds; i++) {
      if (i > silent[0] && i < silent[1]) continue;
      one.tick(i * 1000, { 'nvml:GPU-0': { counter: counter(i * counted * 1_000), power } });
    }
    // Silent until the window is over and no meter can add to it.
    for (let afterMs = seconds * 1000; afterMs <= 1_202_000; afterMs += 10_000) one.tick(afterMs, {});
    one.report();
    return one.metering.state.counts.disagreements;
  };

  test('are flagged once per window, both kept', () => {
    expect(disagreements(500)).toBe(0);
    expect(disagreements(476)).toBe(0);
    expect(disagreements(474)).toBe(1);
    expect(disagreements(530)).toBe(1);
  });

  test('but not for a few watts of an idle device', () => {
    expect(disagreements(44, 301, [0, 0], 40)).toBe(0);
    expect(disagreements(46, 301, [0, 0], 40)).toBe(1);
  });

  test('but not over less than a minute, and not for what nobody sampled', () => {
    expect(disagreements(300, 59)).toBe(0);
    expect(disagreements(300, 61)).toBe(1);
    expect(disagreements(500, 301, [100, 200])).toBe(0);
  });
});
