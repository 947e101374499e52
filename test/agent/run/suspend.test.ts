/** A host that is suspended: the kernel's clocks, the agent's clock over them, and the meter. */
import { describe, expect, test } from 'vitest';
import { sinceBootClock } from '../../../agent/clock.ts';
import { newMeterState } from '../../../shared/metering/meter-state.ts';
import { resumeMetering } from '../../../shared/metering/metering.ts';
import type { WindowReport } from '../../../shared/wire/ingest.ts';
import { counter, type Given, gpu, nodeMeter, reading, START_MS } from '../../shared/metering/support.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
/** What the monotonic clock stood at when the test begins, after an earlier sleep. */
const AWAKE_MS = 5_000_000;
const SLEPT_BEFORE_MS = 7 * HOUR;

/** Time as Linux keeps it: CLOCK_MONOTONIC stands still while it sleeps, CLOCK_BOOTTIME and the wall do not. */
function host() {
  let awakeMs = AWAKE_MS + 0.4;
  let asleepMs = SLEPT_BEFORE_MS;
  let wallMs = START_MS;
  const sinceBoot = sinceBootClock({
    monotonicMs: () => awakeMs,
    // In a file, rounded down to 10 ms.
    bootMs: () => Math.floor((awakeMs + asleepMs) / 10) * 10,
    wallMs: () => Math.floor(wallMs),
  });
  return {
    sinceBoot,
    trueSinceBootMs: () => awakeMs + asleepMs,
    wallNow: () => wallMs,
    work(ms: number) {
      awakeMs += ms;
      wallMs += ms;
    },
    suspend(ms: number) {
      asleepMs += ms;
      wallMs += ms;
    },
    stepWall(ms: number) {
      wallMs += ms;
    },
  };
}

describe('the time since boot', () => {
  test.each([10 * SECOND, 10 * MINUTE, 10 * HOUR])('counts a suspend of %i ms', (sleepMs) => {
    const one = host();
    expect(Math.abs(one.sinceBoot() - one.trueSinceBootMs())).toBeLessThanOrEqual(10);
    one.work(3_210);
    const before = one.sinceBoot();
    one.suspend(sleepMs);
    one.work(7);
    expect(Math.abs(one.sinceBoot() - before - sleepMs - 7)).toBeLessThanOrEqual(10);
  });

  test('takes no step of the wall clock for a suspend, and never goes back', () => {
    const one = host();
    let last = one.sinceBoot();
    for (const step of [HOUR, -2 * HOUR, 10 * SECOND, -30 * SECOND, 700]) {
      one.work(1000);
      one.stepWall(step);
      const now = one.sinceBoot();
      expect(now - last).toBeGreaterThanOrEqual(1000);
      expect(now - last).toBeLessThanOrEqual(1010);
      last = now;
    }
  });

  test('finds a suspend within a minute that a step of the wall clock hid', () => {
    const one = host();
    one.sinceBoot();
    one.suspend(HOUR);
    one.stepWall(-HOUR);
    one.work(61 * SECOND);
    expect(Math.abs(one.sinceBoot() - one.trueSinceBootMs())).toBeLessThanOrEqual(10);
  });

  test('is the monotonic clock where a container shows another uptime', () => {
    let awakeMs = 9_000_000;
    const sinceBoot = sinceBootClock({
      monotonicMs: () => awakeMs,
      bootMs: () => awakeMs - 8_000_000,
      wallMs: () => awakeMs,
    });
    expect(sinceBoot()).toBe(9_000_000);
    awakeMs += 70_000;
    expect(sinceBoot()).toBe(9_070_000);
  });
});

const CPU = gpu('cpu', { id: 'rapl:package-0', sensor: 'rapl', deviceType: 'cpu' });
/** RAPL's shortest wrap here: 262 kJ at 1,500 W, 175 s. */
const RAPL_WRAP = 262_143_328_850;
/** Of the GPU, awake or asleep. */
const WATTS = 300;

/**
 * A host with a GPU counter, a RAPL counter that is read each ten seconds, a GPU with power alone and, where asked, a meter of
 * the whole: a minute of work, the sleep, ten minutes of work.
 */
function meterOver(sleepMs: number, withNode = false) {
  const one = host();
  const meters = [gpu('GPU-0'), gpu('GPU-1'), CPU, ...(withNode ? [nodeMeter()] : [])];
  const metering = resumeMetering(newMeterState('epoch001', 'boot'), 'boot', one.sinceBoot());
  metering.setMeters(meters);
  const reports = new Map<number, WindowReport>();
  const tick = (second: number) => {
    const atMs = one.sinceBoot();
    const millijoules = Math.round((one.trueSinceBootMs() - SLEPT_BEFORE_MS - AWAKE_MS) * WATTS);
    const given: Record<string, Given> = {
      'nvml:GPU-0': { counter: counter(millijoules), power: WATTS },
      'nvml:GPU-1': { power: WATTS },
    };
    // Not in the first seconds after the sleep, which is long past its usual time.
    if (second % 10 === 4)
      given[CPU.id] = {
        counter: counter((millijoules * 100) % RAPL_WRAP, { unitsPerMillijoule: 1000, wrapsAt: RAPL_WRAP }),
      };
    if (withNode) given.bmc = { power: 1_000 };
    const readings = Object.entries(given).map(([id, what]) => reading(id, atMs, what));
    metering.observe({ readings, atMs, wallMs: one.wallNow() });
    if (second % 10 === 9)
      for (const report of metering.takeReports(() => 'series')) reports.set(report.windowStartMs, report);
  };
  const work = (seconds: number) => {
    for (let second = 0; second < seconds; second++) {
      tick(second);
      one.work(SECOND);
    }
  };
  work(60);
  one.suspend(sleepMs);
  work(600);
  const gaps = metering.state.gaps.map(({ deviceId, startMs, endMs, reason }) => ({
    deviceId,
    lengthMs: endMs - startMs,
    reason,
  }));
  const ofDevice = (id: string) =>
    [...reports.values()].flatMap((report) => {
      const device = report.devices.find((each) => each.id === id);
      return device === undefined ? [] : [{ windowStartMs: report.windowStartMs, ...device }];
    });
  const sum = (id: string) => ofDevice(id).reduce((total, device) => total + device.energyMillijoules, 0);
  return { gaps, ofDevice, sum, metering };
}

/** From the first reading to the last one that a report holds. */
const awakeMs = 659 * SECOND;

describe('a suspend', () => {
  test.each([10 * SECOND, 10 * MINUTE, 10 * HOUR])(
    'of %i ms costs a counter nothing: its energy is in the windows of the sleep, as recovered',
    (sleepMs) => {
      const { ofDevice, gaps, sum } = meterOver(sleepMs);
      // What one reading stands off by the 10 ms of the uptime moves no energy: the counter is exact.
      expect(sum('GPU-0')).toBe((awakeMs + sleepMs) * WATTS);
      expect(gaps.filter(({ deviceId }) => deviceId === 'GPU-0')).toEqual([]);
      const recovered = ofDevice('GPU-0').reduce((total, one) => total + (one.recoveredMillijoules ?? 0), 0);
      expect(recovered).toBe((sleepMs + SECOND) * WATTS);
      // Each window that the sleep filled has all of its time and no more than its energy.
      const inside = ofDevice('GPU-0').filter(
        ({ windowStartMs }) =>
          windowStartMs > START_MS && windowStartMs + 5 * MINUTE < START_MS + MINUTE + sleepMs,
      );
      expect(inside).toHaveLength(Math.max(0, Math.floor((sleepMs + MINUTE) / (5 * MINUTE)) - 1));
      for (const { meteredMilliseconds, energyMillijoules } of inside) {
        expect(meteredMilliseconds).toBe(5 * MINUTE);
        expect(Math.abs(energyMillijoules - 5 * MINUTE * WATTS)).toBeLessThan(20 * WATTS);
      }
    },
  );

  test.each([10 * SECOND, 10 * MINUTE, 10 * HOUR])(
    'of %i ms is a gap of its length where power alone is known',
    (sleepMs) => {
      const { gaps, sum } = meterOver(sleepMs);
      const [gap, ...more] = gaps.filter(({ deviceId }) => deviceId === 'GPU-1');
      expect(more).toEqual([]);
      expect(gap!.reason).toBe('silent');
      expect(Math.abs(gap!.lengthMs - sleepMs - SECOND)).toBeLessThanOrEqual(11);
      expect(Math.abs(sum('GPU-1') - (awakeMs - SECOND) * WATTS)).toBeLessThanOrEqual(11 * WATTS);
    },
  );

  test('longer than half a wrap of RAPL leaves a gap of its length; a shorter one is recovered', () => {
    const short = meterOver(20 * SECOND);
    expect(short.gaps.filter(({ deviceId }) => deviceId === 'cpu')).toEqual([]);
    // Read from the fourth second to the last but five.
    expect(short.sum('cpu')).toBe(((awakeMs - 9 * SECOND + 20 * SECOND) * WATTS) / 10);
    const [gap, ...more] = meterOver(10 * MINUTE).gaps.filter(({ deviceId }) => deviceId === 'cpu');
    expect(more).toEqual([]);
    expect(gap!.reason).toBe('counterUnknowable');
    expect(Math.abs(gap!.lengthMs - 10 * MINUTE - 10 * SECOND)).toBeLessThanOrEqual(11);
  });

  test('takes no counter away from a sensor that is slower than the first tick after it', () => {
    const slow = { ...CPU, id: 'other-counter' };
    const metering = resumeMetering(newMeterState('epoch001', 'boot'), 'boot', 0);
    metering.setMeters([gpu('GPU-0'), slow, nodeMeter()]);
    const tick = (atMs: number, given: Record<string, Given>) =>
      metering.observe({
        readings: Object.entries(given).map(([id, what]) => reading(id, atMs, what)),
        atMs,
        wallMs: START_MS + atMs,
      });
    for (let atMs = 0; atMs <= 12_000; atMs += 1_000)
      tick(atMs, {
        'nvml:GPU-0': { counter: counter(atMs * 100) },
        bmc: { power: 1_000 },
        ...(atMs === 3_000 ? { [slow.id]: { counter: counter(atMs * 50) } } : {}),
      });
    const wokenMs = 12_000 + 20 * MINUTE;
    for (let atMs = wokenMs; atMs <= wokenMs + 5_000; atMs += 1_000)
      tick(atMs, {
        'nvml:GPU-0': { counter: counter(atMs * 100) },
        bmc: { power: 1_000 },
        ...(atMs === wokenMs + 3_000 ? { [slow.id]: { counter: counter(atMs * 50) } } : {}),
      });
    const windows = metering.takeReports(() => 'series');
    const cpu = windows.flatMap(({ devices }) => devices).filter(({ id }) => id === 'cpu');
    expect(cpu.reduce((total, { energyMillijoules }) => total + energyMillijoules, 0)).toBe(
      (12_000 + 20 * MINUTE) * 50,
    );
    expect(metering.state.gaps.filter(({ deviceId }) => deviceId === 'cpu')).toEqual([]);
  });
});
