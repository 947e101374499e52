import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { busyRatio, parseProcessorTicks } from '../../../../agent/sensors/cpu/cpu-load.ts';
import { createCpuModelSensor, modelledWatts } from '../../../../agent/sensors/cpu/cpu-model-sensor.ts';
import { threadPower, UNKNOWN_THREAD } from '../../../../agent/sensors/cpu/cpu-power-table.ts';
import { emptyHost, fixture, type HostTree } from '../host-tree.ts';
import { manualClock } from '../manual-clock.ts';
import { readyValue } from '../outcome.ts';

/** Lines of /proc/stat for processors with the given busy and idle ticks. */
const stat = (ticks: readonly (readonly [busy: number, idle: number])[]) =>
  [
    'cpu  1 2 3 4 5 6 7 8 0 0',
    ...ticks.map(([busy, idle], i) => `cpu${i} ${busy} 0 0 ${idle} 0 0 0 0 0 0`),
    'intr 123 4 5',
    '',
  ].join('\n');

async function hostWith(cpuinfo: string, procStat: string): Promise<HostTree> {
  const host = await emptyHost();
  await host.write({
    'proc/cpuinfo': await readFile(fixture(`hosts/${cpuinfo}.txt`)),
    'proc/stat': procStat,
  });
  return host;
}

describe('power from load', () => {
  test('two threads of an EPYC 7003: 0.45 W each at rest, 2.02 W at full load, in between by load', async () => {
    const host = await hostWith(
      'cpuinfo-epyc-vm-2-threads',
      stat([
        [100, 100],
        [0, 0],
      ]),
    );
    const clock = manualClock();
    const sensor = createCpuModelSensor({ paths: host.paths, clock });
    const probed = await sensor.probe();
    expect(readyValue(probed)).toMatchObject([
      {
        id: 'cpu-model:cpu-0',
        deviceId: 'cpu-0',
        deviceType: 'cpu',
        deviceName: 'AMD EPYC',
        powerKind: 'modelled',
      },
    ]);
    expect(probed.detail).toBe(
      'a model, no meter: power from load; cpu-0: 2 threads x 0.45 to 2.02 W (EPYC 3rd generation)',
    );
    clock.advance(1000);
    await host.write({
      'proc/stat': stat([
        [150, 150],
        [0, 100],
      ]),
    });
    expect(readyValue(await sensor.read())).toEqual([
      {
        meterId: 'cpu-model:cpu-0',
        atMs: clock.monotonicNow(),
        powerWatts: 2 * (0.45 + 0.25 * 1.57),
        utilizationRatio: 0.25,
      },
    ]);
  });

  test('two looks within a tick tell nothing; each reading is of the time since the last one', async () => {
    const host = await hostWith(
      'cpuinfo-epyc-vm-2-threads',
      stat([
        [0, 100],
        [0, 100],
      ]),
    );
    const sensor = createCpuModelSensor({ paths: host.paths, clock: manualClock() });
    await sensor.probe();
    expect(readyValue(await sensor.read())).toEqual([]);
    await host.write({
      'proc/stat': stat([
        [1, 100],
        [1, 100],
      ]),
    });
    expect(readyValue(await sensor.read())).toMatchObject([{ utilizationRatio: 1 }]);
    await host.write({
      'proc/stat': stat([
        [1, 120],
        [21, 100],
      ]),
    });
    expect(readyValue(await sensor.read())).toMatchObject([{ utilizationRatio: 0.5 }]);
  });

  test('each socket by its own processors', async () => {
    const idle = Array.from({ length: 16 }, () => [0, 0] as const);
    const host = await hostWith('cpuinfo-2-sockets', stat(idle));
    const sensor = createCpuModelSensor({ paths: host.paths, clock: manualClock() });
    expect(readyValue(await sensor.probe()).map((meter) => meter.deviceId)).toEqual(['cpu-0', 'cpu-1']);
    // Processors 4..7 and 12..15 are on socket 1.
    await host.write({
      'proc/stat': stat(idle.map((_, i) => (Math.floor(i / 4) % 2 === 1 ? [100, 0] : [0, 100]))),
    });
    expect(readyValue(await sensor.read()).map((r) => [r.powerWatts, r.utilizationRatio])).toEqual([
      [8 * 0.65, 0],
      [8 * 4.26, 1],
    ]);
  });

  test('a CPU that the table does not know gets its median, and says so', async () => {
    const host = await hostWith(
      'cpuinfo-grace',
      stat([
        [0, 0],
        [0, 0],
        [0, 0],
        [0, 0],
      ]),
    );
    const sensor = createCpuModelSensor({ paths: host.paths, clock: manualClock() });
    const probed = await sensor.probe();
    expect(readyValue(probed)[0]?.deviceName).toBe('Arm Neoverse V2');
    expect(probed.detail).toContain('4 threads x 0.68 to 4.11 W (unknown CPU)');
  });

  test('it grows with load and stays between rest and full', () => {
    const load = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 512 }), load, load, (threads, a, b) => {
        const [low, high] = a < b ? [a, b] : [b, a];
        const at = (x: number) => modelledWatts(threads, UNKNOWN_THREAD, x);
        expect(at(low)).toBeLessThanOrEqual(at(high));
        expect(at(low)).toBeGreaterThanOrEqual(at(0));
        expect(at(high)).toBeLessThanOrEqual(at(1));
      }),
    );
  });

  test('a host without /proc/stat: failed, never 0 W', async () => {
    const { paths } = await emptyHost();
    const sensor = createCpuModelSensor({ paths, clock: manualClock() });
    expect(await sensor.probe()).toMatchObject({ state: 'failed' });
    expect(await sensor.read()).toMatchObject({ state: 'noData' });
  });
});

describe('busy share', () => {
  test('iowait is idle, steal is time but not ours, guests are counted once', () => {
    const before = parseProcessorTicks('cpu0 0 0 0 0 0 0 0 0 0 0\n');
    const now = parseProcessorTicks('cpu0 20 10 5 30 5 3 2 25 20 10\n');
    expect(busyRatio(before, now, [0])).toBe(0.4);
  });

  test('the sum line is no processor, old kernels have fewer columns', () => {
    expect([...parseProcessorTicks('cpu  9 9 9 9\ncpu0 1 0 0 3\ncpu12 0 0 0 1\n')]).toEqual([
      [0, { busy: 1, total: 4 }],
      [12, { busy: 0, total: 1 }],
    ]);
  });

  test('a processor that went offline meanwhile does not count', () => {
    const before = parseProcessorTicks('cpu0 0 0 0 0\ncpu1 0 0 0 0\n');
    const now = parseProcessorTicks('cpu0 10 0 0 10\n');
    expect(busyRatio(before, now, [0, 1])).toBe(0.5);
  });

  test('a counter that ran back by a tick gives a ratio all the same', () => {
    const before = parseProcessorTicks('cpu0 0 0 0 100 50\n');
    const now = parseProcessorTicks('cpu0 10 0 0 100 49\n');
    expect(busyRatio(before, now, [0])).toBe(1);
  });
});

test('the table tells EPYC generations and Xeons apart by family and model', () => {
  const of = (vendor: string, family: number | null, model: number | null) =>
    threadPower({ vendor, family, model }).label;
  expect(of('AuthenticAMD', 23, 49)).toBe('EPYC 2nd generation');
  expect(of('AuthenticAMD', 25, 1)).toBe('EPYC 3rd generation');
  expect(of('GenuineIntel', 6, 85)).toBe('Skylake or Cascade Lake');
  expect(of('GenuineIntel', 25, 1)).toBe('unknown CPU');
  expect(of('', null, null)).toBe('unknown CPU');
});
