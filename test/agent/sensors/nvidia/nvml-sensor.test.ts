import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { createNvmlSensor } from '../../../../agent/sensors/nvidia/nvml-sensor.ts';
import type { Sensor } from '../../../../agent/sensors/sensor.ts';
import type { Meter, Reading } from '../../../../shared/metering/reading.ts';
import { emptyHost, type HostTree } from '../host-tree.ts';
import { manualClock } from '../manual-clock.ts';
import { readyValue } from '../outcome.ts';
import { buildFakeNvml, COMPILER, type FakeGpu, type FakeNvml } from './fake-nvml.ts';

const BOOT = '15d6b6e0-7043-4ccb-9bc2-a61704e1be85';
const INITIAL_PIDS = 'pid:[4026531836]';

const gpu = (index: number, rest: Omit<FakeGpu, 'uuid'> = {}): FakeGpu => ({ uuid: `GPU-${index}`, ...rest });

async function hostWithDriver(pidNamespace = INITIAL_PIDS): Promise<HostTree> {
  const host = await emptyHost();
  await host.write({
    'proc/driver/nvidia/version': 'NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15\n',
    'proc/sys/kernel/random/boot_id': `${BOOT}\n`,
    'sys/module/nvidia/initstate': 'live\n',
  });
  await host.link('proc/self/ns/pid', pidNamespace);
  return host;
}

describe.skipIf(COMPILER === null)(
  COMPILER === null ? 'NVML through koffi (skipped: no C compiler on this machine)' : 'NVML through koffi',
  () => {
    let fake: FakeNvml;
    const clock = manualClock();
    beforeAll(() => {
      fake = buildFakeNvml();
    });
    afterAll(() => fake.remove());

    async function sensorOn(host: HostTree): Promise<Sensor> {
      const sensor = createNvmlSensor({ paths: host.paths, clock, libraryPaths: [fake.libraryPath] });
      onTestFinished(() => sensor.close());
      return sensor;
    }

    async function readingOf(sensor: Sensor, uuid: string): Promise<Reading | undefined> {
      return readyValue(await sensor.read()).find((reading) => reading.meterId === `nvml:${uuid}`);
    }

    test('eight GPUs: counter, power, utilisation side by side in one reading', async () => {
      await fake.set(
        Array.from({ length: 8 }, (_, i) =>
          gpu(i, { energy: 2 ** 40 + i, power: 1, average: 700_125 + i, utilization: 100 - i }),
        ),
      );
      const sensor = await sensorOn(await hostWithDriver());
      const probed = await sensor.probe();
      expect(probed.detail).toBe(
        '8 of 8 GPUs answer, driver 550.54.15, through koffi; power: NVML field 185 (a mean over 1 s, its sensor looks 25 % of the time); limit: 700 W',
      );
      expect(readyValue(probed)).toHaveLength(8);
      expect(readyValue(probed)[3]).toEqual({
        id: 'nvml:GPU-3',
        sensor: 'nvml',
        deviceId: 'GPU-3',
        deviceType: 'gpu',
        deviceName: 'NVIDIA H100 80GB HBM3',
        scope: 'device',
        powerKind: 'integrated',
        // Twice its limit.
        maxPlausibleWatts: 1400,
        facts: {
          driverVersion: '550.54.15',
          powerSource: 'NVML field 185',
          powerMeaning: 'mean',
          powerWindowMilliseconds: 1000,
          sampledRatio: 0.25,
          powerLimitWatts: 700,
          defaultPowerLimitWatts: 700,
        },
      });
      clock.advance(1000);
      const read = await sensor.read();
      expect(read.detail).toBe(probed.detail);
      expect(readyValue(read)[3]).toMatchObject({
        meterId: 'nvml:GPU-3',
        atMs: clock.monotonicNow(),
        counter: { value: 2 ** 40 + 3, unitsPerMillijoule: 1, wrapsAt: null },
        powerWatts: 700.128,
        utilizationRatio: 0.97,
        provenIdle: false,
      });
    });

    test('a counter goes on across a restart of the agent, and only within one boot, driver and load of it', async () => {
      await fake.set([gpu(0)]);
      const host = await hostWithDriver();
      const identityOn = async (on: HostTree) => {
        const sensor = await sensorOn(on);
        await sensor.probe();
        return (await readingOf(sensor, 'GPU-0'))?.counter?.identity;
      };
      const before = await identityOn(host);
      expect(before).toContain(BOOT);
      expect(before).toContain('550.54.15');
      expect(await identityOn(host)).toBe(before);
      // The module's folder of another host tree has another inode, as after a reload of the driver.
      const reloaded = await identityOn(await hostWithDriver());
      expect(reloaded).not.toBe(before);
      await fake.set([gpu(0)], '590.48.01');
      expect(await identityOn(host)).not.toBe(before);
    });

    test('a GPU without a counter (before Volta) is metered by its power', async () => {
      await fake.set([gpu(0, { energy: -1, average: -1, power: 142_500, name: 'Tesla P100-PCIE-16GB' })]);
      const sensor = await sensorOn(await hostWithDriver());
      await sensor.probe();
      const reading = await readingOf(sensor, 'GPU-0');
      expect(reading).toMatchObject({ powerWatts: 142.5, utilizationRatio: 0.93 });
      expect(reading).not.toHaveProperty('counter');
    });

    test('a driver that does not know the counter as a field is asked for it by its own call', async () => {
      await fake.set([gpu(0, { energy: 2 ** 40 + 7, energyField: -1 })]);
      const sensor = await sensorOn(await hostWithDriver());
      await sensor.probe();
      expect(await readingOf(sensor, 'GPU-0')).toMatchObject({
        counter: { value: 2 ** 40 + 7 },
        powerWatts: 350,
      });
    });

    test('a counter beyond 2^53 is left out, not rounded', async () => {
      await fake.set([gpu(0, { energy: 2 ** 60 })]);
      const sensor = await sensorOn(await hostWithDriver());
      await sensor.probe();
      const reading = await readingOf(sensor, 'GPU-0');
      expect(reading).toMatchObject({ powerWatts: 350 });
      expect(reading).not.toHaveProperty('counter');
    });

    test('what runs on a busy GPU is asked for each five seconds, on one that seems idle each time', async () => {
      await fake.set([gpu(0, { utilization: 40, processes: 1 })]);
      const sensor = await sensorOn(await hostWithDriver());
      await sensor.probe();
      const told = async (afterMs: number) => {
        clock.advance(afterMs);
        const { utilizationRatio, provenIdle, processes } = (await readingOf(sensor, 'GPU-0'))!;
        return [utilizationRatio, provenIdle, processes?.length];
      };
      expect(await told(0)).toEqual([0.4, false, 1]);
      await fake.set([gpu(0, { utilization: 0, processes: 0 })]);
      expect(await told(1000)).toEqual([0.4, false, 1]);
      expect(await told(3000)).toEqual([0.4, false, 1]);
      expect(await told(1000)).toEqual([0, true, 0]);
      expect(await told(1000)).toEqual([0, true, 0]);
      await fake.set([gpu(0, { utilization: 30, processes: 2 })]);
      expect(await told(1000)).toEqual([0.3, false, 2]);
      expect(await told(1000)).toEqual([0.3, false, 2]);
    });

    test('a GPU that tells neither energy nor power (a virtual one) has no reading and is told', async () => {
      await fake.set([gpu(0, { energy: -1, power: -1, average: -1 }), gpu(1)]);
      const sensor = await sensorOn(await hostWithDriver());
      await sensor.probe();
      const outcome = await sensor.read();
      expect(readyValue(outcome).map((reading) => reading.meterId)).toEqual(['nvml:GPU-1']);
      expect(outcome.detail).toContain('GPU-0: neither energy nor power');
    });

    test('0 W is a fault of the sensor: the counter counts, the power is left out', async () => {
      await fake.set([gpu(0, { power: 0, energy: 5000 })]);
      const sensor = await sensorOn(await hostWithDriver());
      await sensor.probe();
      const reading = await readingOf(sensor, 'GPU-0');
      expect(reading).toMatchObject({ counter: { value: 5000 } });
      expect(reading).not.toHaveProperty('powerWatts');
    });

    test.each([
      [15, 'GPU is lost (NVML 15)'],
      [16, 'GPU requires reset (NVML 16)'],
    ])(
      'a GPU that answers %i is left out and told, the others go on, and it returns with a new counter',
      async (state, text) => {
        await fake.set([gpu(0, { energy: 10 }), gpu(1, { energy: 20 })]);
        const sensor = await sensorOn(await hostWithDriver());
        await sensor.probe();
        const first = (await readingOf(sensor, 'GPU-1'))?.counter?.identity;

        await fake.set([gpu(0, { energy: 11 }), gpu(1, { state })]);
        const outcome = await sensor.read();
        expect(readyValue(outcome).map((reading) => reading.meterId)).toEqual(['nvml:GPU-0']);
        expect(outcome.detail).toContain('1 of 2 GPUs answer');
        expect(outcome.detail).toContain(`GPU-1: ${text}`);
        const probed = await sensor.probe();
        expect(readyValue(probed)).toHaveLength(2);
        expect(probed.detail).toContain(`GPU-1: ${text}`);

        await fake.set([gpu(0, { energy: 12 }), gpu(1, { energy: 3 })]);
        expect(await readingOf(sensor, 'GPU-1')).toBeUndefined();
        await sensor.probe();
        const back = (await readingOf(sensor, 'GPU-1'))?.counter;
        expect(back?.value).toBe(3);
        expect(back?.identity).not.toBe(first);
      },
    );

    test('GPUs that change places keep their counters, one that is added is found, one that vanished is told', async () => {
      await fake.set([gpu(0, { energy: 100 }), gpu(1, { energy: 200 })]);
      const sensor = await sensorOn(await hostWithDriver());
      await sensor.probe();
      await fake.set([gpu(2, { energy: 300 }), gpu(0, { energy: 101 })]);
      const probed = await sensor.probe();
      expect(readyValue(probed).map((meter) => meter.deviceId)).toEqual(['GPU-0', 'GPU-1', 'GPU-2']);
      expect(probed.detail).toContain('GPU-1: no longer listed');
      const values = readyValue(await sensor.read()).map(({ meterId, counter }) => [meterId, counter?.value]);
      expect(values).toEqual([
        ['nvml:GPU-0', 101],
        ['nvml:GPU-2', 300],
      ]);
    });

    test('idle is proven by an empty process list at rest', async () => {
      const idleOf = async (rest: Omit<FakeGpu, 'uuid'>, pidNamespace?: string) => {
        await fake.set([gpu(0, rest)]);
        const sensor = await sensorOn(await hostWithDriver(pidNamespace));
        await sensor.probe();
        return (await readingOf(sensor, 'GPU-0'))?.provenIdle;
      };
      expect(await idleOf({ processes: 0, utilization: 0 })).toBe(true);
      expect(await idleOf({ processes: 3, utilization: 0 })).toBe(false);
      expect(await idleOf({ processes: 0, utilization: 7 })).toBe(false);
      // A container of its own pids does not see the others' processes.
      expect(await idleOf({ processes: 0, utilization: 0 }, 'pid:[4026532501]')).toBeUndefined();
      expect(await idleOf({ processes: -1, utilization: 0 })).toBeUndefined();
    });

    test('with MIG on there is power for the board, but neither utilisation nor proof of idleness', async () => {
      await fake.set([gpu(0, { mig: true, utilization: 0, processes: 0 })]);
      const sensor = await sensorOn(await hostWithDriver());
      await sensor.probe();
      const reading = await readingOf(sensor, 'GPU-0');
      expect(reading).toMatchObject({ powerWatts: 350 });
      expect(reading).not.toHaveProperty('utilizationRatio');
      expect(reading).not.toHaveProperty('provenIdle');
    });

    test('tells the processes, and what each uses where several share the GPU', async () => {
      const processesOf = async (processes: number) => {
        await fake.set([gpu(0, { processes })]);
        const sensor = await sensorOn(await hostWithDriver());
        await sensor.probe();
        const first = (await readingOf(sensor, 'GPU-0'))?.processes;
        clock.advance(5000);
        return [first, (await readingOf(sensor, 'GPU-0'))?.processes];
      };
      expect(await processesOf(1)).toEqual([
        [{ pid: 4000, usedRatio: null }],
        [{ pid: 4000, usedRatio: null }],
      ]);
      expect(await processesOf(2)).toEqual([
        [
          { pid: 4000, usedRatio: 0.1 },
          { pid: 4001, usedRatio: 0.2 },
        ],
        [
          { pid: 4000, usedRatio: null },
          { pid: 4001, usedRatio: null },
        ],
      ]);
      // More than anybody means to run: they are counted, not listed.
      expect(await processesOf(65)).toEqual([[], []]);
    });

    test.each([
      ['NVIDIA H100 80GB HBM3', 7],
      ['NVIDIA A30', 4],
    ])('a partitioned %s tells its instances as parts of %i slices', async (name, slices) => {
      await fake.set([gpu(0, { mig: true, name })]);
      const sensor = await sensorOn(await hostWithDriver());
      const partitioned = readyValue(await sensor.probe());
      expect(partitioned[0]!.partitions).toEqual([
        { id: 'MIG-0-GPU-0', ratio: 3 / slices },
        { id: 'MIG-2-GPU-0', ratio: 2 / slices },
      ]);
      await fake.set([gpu(0, { name })]);
      expect(readyValue(await sensor.probe())[0]).not.toHaveProperty('partitions');
    });

    test('a Grace Hopper is metered as a module; beside its counter only the module power stands', async () => {
      const name = 'NVIDIA GH200 480GB';
      await fake.set([gpu(0, { name, power: 400_000, moduleAverage: 611_000 }), gpu(1, { name })]);
      const sensor = await sensorOn(await hostWithDriver());
      expect(readyValue(await sensor.probe()).map((meter) => meter.scope)).toEqual(['module', 'module']);
      const [first, second] = readyValue(await sensor.read());
      expect(first).toMatchObject({ counter: { value: 1000 }, powerWatts: 611 });
      expect(second).not.toHaveProperty('powerWatts');
    });

    describe('of a Grace Blackwell, two GPUs and a CPU on a module, the counter', () => {
      /** Reads each second for a while: the counters rise by so many watts. */
      async function watched(seconds: number, counterWatts: number, moduleAverage: number) {
        const sensor = await sensorOn(await hostWithDriver());
        let probed: readonly Meter[] = [];
        for (let second = 0; second <= seconds; second++) {
          const energy = 5_000_000 + second * counterWatts * 1000;
          const two = [0, 1].map((index) =>
            gpu(index, { name: 'NVIDIA GB200', power: 900_000, moduleAverage, energy, limit: 1_200_000 }),
          );
          await fake.set(two);
          if (second === 0) probed = readyValue(await sensor.probe());
          else clock.advance(1000);
          if (second < seconds) await sensor.read();
        }
        const { detail, ...outcome } = await sensor.read();
        return {
          probed,
          readings: readyValue({ detail, ...outcome } as never) as readonly Reading[],
          detail,
        };
      }

      test('is used once it is seen to be of the GPU alone', async () => {
        const early = await watched(5, 905, 2_000_000);
        expect(early.readings[0]).toMatchObject({ powerWatts: 900 });
        expect(early.readings[0]).not.toHaveProperty('counter');
        expect(early.detail).toContain('GPU-1: what its counter covers is found out within 10 s');
        const { probed, readings, detail } = await watched(11, 905, 2_000_000);
        expect(probed.map(({ scope, maxPlausibleWatts }) => [scope, maxPlausibleWatts])).toEqual([
          ['device', 2400],
          ['device', 2400],
        ]);
        expect(readings).toMatchObject([
          { powerWatts: 900, counter: { value: 5_000_000 + 11 * 905_000 } },
          { powerWatts: 900, counter: { value: 5_000_000 + 11 * 905_000 } },
        ]);
        expect(detail).not.toContain('counter');
      });

      test.each([
        ['of the module', 2_010, 2_000_000, 'its counter covers the module, which other devices share'],
        ['of neither', 1_400, 2_000_000, 'what its counter covers is not clear'],
        ['of either', 950, 1_000_000, 'what its counter covers is not clear'],
        [
          'of what the driver does not tell',
          905,
          -1,
          'what its counter covers cannot be told without the power of the module',
        ],
      ])('is refused with its reason where it seems %s', async (_, counterWatts, moduleAverage, why) => {
        const { readings, detail } = await watched(25, counterWatts, moduleAverage);
        for (const reading of readings) {
          expect(reading).toMatchObject({ powerWatts: 900 });
          expect(reading).not.toHaveProperty('counter');
        }
        expect(detail).toContain(`GPU-0: ${why}`);
        expect(detail).toContain('its own power is integrated');
      });
    });

    test('a lowered limit is told beside that of the board, and does not narrow what is plausible', async () => {
      await fake.set([gpu(0, { limit: 350_000 }), gpu(1, { limit: -1, defaultLimit: -1, capability: -1 })]);
      const sensor = await sensorOn(await hostWithDriver());
      const first = await sensor.probe();
      expect(first.detail).toContain('limit: 350 of 700 W');
      expect(readyValue(first).map(({ maxPlausibleWatts }) => maxPlausibleWatts)).toEqual([1400, 2500]);
      expect(readyValue(first)[1]?.facts).toEqual({
        driverVersion: '550.54.15',
        powerSource: 'NVML field 185',
        powerMeaning: 'mean',
        powerWindowMilliseconds: 1000,
      });
      await fake.set([gpu(0), gpu(1)]);
      expect(readyValue(await sensor.probe())[0]?.facts).toMatchObject({ powerLimitWatts: 700 });
    });

    test('what the power of a Grace Hopper means is told for the module, which a limit of the GPU does not bound', async () => {
      await fake.set([gpu(0, { name: 'NVIDIA GH200 480GB', moduleAverage: 611_000 })]);
      const [meter] = readyValue(await (await sensorOn(await hostWithDriver())).probe());
      expect(meter).toMatchObject({
        maxPlausibleWatts: 2500,
        facts: { powerSource: 'NVML field 185, of the module', powerMeaning: 'mean', powerLimitWatts: 700 },
      });
      expect(meter?.facts).not.toHaveProperty('sampledRatio');
    });

    test('an upgraded driver is told with the mend', async () => {
      await fake.set([], '590.48.01', 18);
      const sensor = await sensorOn(await hostWithDriver());
      expect(await sensor.probe()).toEqual({
        state: 'failed',
        detail: 'NVML does not start: driver/library version mismatch (NVML 18)',
        fix: 'reboot, or reload the nvidia kernel modules: the driver was upgraded',
      });
    });

    test('when every GPU is lost the next probe starts a new session', async () => {
      await fake.set([gpu(0), gpu(1)]);
      const sensor = await sensorOn(await hostWithDriver());
      await sensor.probe();
      await fake.set([gpu(0, { state: 15 }), gpu(1, { state: 15 })], '550.54.15', 9);
      expect(readyValue(await sensor.read())).toEqual([]);
      expect(await sensor.probe()).toMatchObject({
        detail: 'NVML does not start: driver not loaded (NVML 9)',
      });
      expect(await sensor.read()).toMatchObject({ state: 'noData' });
      await fake.set([gpu(1, { energy: 200 }), gpu(0, { energy: 100 })]);
      readyValue(await sensor.probe());
      expect((await readingOf(sensor, 'GPU-0'))?.counter?.value).toBe(100);
      expect((await readingOf(sensor, 'GPU-1'))?.counter?.value).toBe(200);
    });
  },
);

describe('without a library', () => {
  const clock = manualClock();

  test('no GPU on the bus: absent, and no library is looked for', async () => {
    const { paths } = await emptyHost();
    const sensor = createNvmlSensor({ paths, clock, libraryPaths: ['/nonexistent.so'] });
    expect(await sensor.probe()).toEqual({
      state: 'absent',
      detail: 'no NVIDIA GPU on the PCI bus and no driver loaded',
    });
  });

  test('GPUs on the bus without a driver: no data, with the mend', async () => {
    const host = await emptyHost();
    const device = (at: string, vendor: string, kind: string) => ({
      [`sys/bus/pci/devices/${at}/vendor`]: `${vendor}\n`,
      [`sys/bus/pci/devices/${at}/class`]: `${kind}\n`,
    });
    await host.write({
      ...device('0000:1b:00.0', '0x10de', '0x030200'),
      ...device('0000:43:00.0', '0x10de', '0x030200'),
      // An NVSwitch is no GPU, a BMC's graphics is none of NVIDIA's.
      ...device('0000:05:00.0', '0x10de', '0x068000'),
      ...device('0000:03:00.0', '0x1a03', '0x030000'),
    });
    const sensor = createNvmlSensor({ paths: host.paths, clock, libraryPaths: [] });
    expect(await sensor.probe()).toEqual({
      state: 'noData',
      detail: '2 NVIDIA GPUs on the PCI bus, but the kernel driver is not loaded',
      fix: 'modprobe nvidia (install the NVIDIA driver first, if it is not)',
    });
  });

  test('a driver without its library: no data, with the reason and the mend', async () => {
    const host = await hostWithDriver();
    const sensor = createNvmlSensor({ paths: host.paths, clock, libraryPaths: ['/nonexistent.so'] });
    const outcome = await sensor.probe();
    expect(outcome.state).toBe('noData');
    expect(outcome.detail).toContain('/nonexistent.so');
    expect(outcome).toHaveProperty('fix', expect.stringContaining('NVIDIA_DRIVER_CAPABILITIES=utility'));
  });
});
