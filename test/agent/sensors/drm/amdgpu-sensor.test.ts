import { describe, expect, test } from 'vitest';
import { createAmdgpuSensor } from '../../../../agent/sensors/drm/amdgpu-sensor.ts';
import { emptyHost } from '../host-tree.ts';
import { manualClock } from '../manual-clock.ts';
import { readyValue } from '../outcome.ts';
import { gpuMetrics } from './gpu-metrics-table.ts';
import { plugIn } from './recorded-cards.ts';

async function hostWith(...recordings: readonly string[]) {
  const host = await emptyHost();
  await plugIn(host, ...recordings);
  const clock = manualClock();
  return { host, clock, sensor: createAmdgpuSensor({ paths: host.paths, clock }) };
}

/** A card with these files, laid out as the driver does. */
const card = (index: number, pciId: string, hwmon: Readonly<Record<string, string>>) => ({
  [`sys/class/drm/card${index}/device/uevent`]: `DRIVER=amdgpu\nPCI_ID=${pciId}\nPCI_SLOT_NAME=0000:0${index}:00.0\n`,
  ...Object.fromEntries(
    Object.entries({ name: 'amdgpu', ...hwmon }).map(([name, text]) => [
      `sys/class/drm/card${index}/device/hwmon/hwmon${index}/${name}`,
      `${text}\n`,
    ]),
  ),
});

describe('AMD GPUs', () => {
  test('two recorded cards, one of which pads its files with NUL bytes', async () => {
    const { sensor, clock } = await hostWith('amd_rx6900xt', 'amd_rx7900xtx');
    const meters = readyValue(await sensor.probe());
    expect(
      meters.map(({ id, deviceId, deviceName, deviceType, scope, powerKind }) => [
        id,
        deviceId,
        deviceName,
        deviceType,
        scope,
        powerKind,
      ]),
    ).toEqual([
      [
        'amdgpu:amd-946d7e1ef9b172dd',
        'amd-946d7e1ef9b172dd',
        'AMD GPU 1002:73BF',
        'gpu',
        'device',
        'integrated',
      ],
      ['amdgpu:amd-0000:03:00.0', 'amd-0000:03:00.0', 'AMD GPU 1002:744C', 'gpu', 'device', 'integrated'],
    ]);
    clock.advance(500);
    const outcome = await sensor.read();
    expect(readyValue(outcome)).toEqual([
      {
        meterId: 'amdgpu:amd-946d7e1ef9b172dd',
        atMs: clock.monotonicNow(),
        powerWatts: 36,
        utilizationRatio: 0.03,
      },
      {
        meterId: 'amdgpu:amd-0000:03:00.0',
        atMs: clock.monotonicNow(),
        powerWatts: 68,
        utilizationRatio: 0.03,
      },
    ]);
    expect(outcome.detail).toBe('0000:0c:00.0, 0000:03:00.0 by power1_average, no energy counter');
  });

  test.each(['amd_phoenix', 'amd_vangogh'])(
    '%s is part of a CPU, whose power it shows: not metered',
    async (name) => {
      const alone = await hostWith(name);
      expect(await alone.sensor.probe()).toMatchObject({
        state: 'absent',
        detail: expect.stringContaining('part of a CPU'),
      });
      const beside = await hostWith('amd_rx6900xt', name);
      const outcome = await beside.sensor.probe();
      expect(readyValue(outcome)).toHaveLength(1);
      expect(outcome.detail).toContain('part of a CPU');
    },
  );

  test('one that tells the power of now only, and its maker name', async () => {
    const { host, sensor } = await hostWith();
    await host.write({
      ...card(0, '1002:74A1', { power1_input: '133000000' }),
      'sys/class/drm/card0/device/product_name': 'AMD Instinct MI300X\n',
    });
    expect(readyValue(await sensor.probe())).toMatchObject([
      { deviceName: 'AMD Instinct MI300X', scope: 'device' },
    ]);
    const [reading] = readyValue(await sensor.read());
    expect(reading).toMatchObject({ powerWatts: 133 });
    expect(reading).not.toHaveProperty('utilizationRatio');
  });

  describe('the energy counter of a card', () => {
    /** Reads each second at 700 W: the counter's microjoules as the test has them. */
    async function readAll(
      energies: readonly number[],
      write: (energy: number) => Record<string, string | Buffer>,
    ) {
      const { host, sensor, clock } = await hostWith();
      const readings = [];
      let detail = '';
      for (const [second, energy] of energies.entries()) {
        await host.write({ ...card(0, '1002:74A1', { power1_input: '700000000' }), ...write(energy) });
        if (second === 0) readyValue(await sensor.probe());
        const outcome = await sensor.read();
        readings.push(readyValue(outcome)[0]);
        detail = outcome.detail;
        clock.advance(1000);
      }
      return { readings, detail };
    }
    const hwmonFile = (energy: number) => ({
      'sys/class/drm/card0/device/hwmon/hwmon0/energy1_input': `${energy}\n`,
    });
    const table = (energy: number) => ({
      'sys/class/drm/card0/device/gpu_metrics': gpuMetrics({
        content: 5,
        bytes: 360,
        at: 88,
        units: (BigInt(energy) * 65_536n) / 1_000_000n,
      }),
    });
    const AT_700_W = [9_000_000, 709_000_000, 1_409_000_000];

    test.each([
      ['energy1_input', hwmonFile],
      ['gpu_metrics', table],
    ] as const)('in %s is used once it agrees with the power', async (source, write) => {
      const { readings, detail } = await readAll(AT_700_W, write);
      expect(readings.map((reading) => [reading?.powerWatts, reading?.counter?.value])).toEqual([
        [700, undefined],
        [700, 709_000_000],
        [700, 1_409_000_000],
      ]);
      expect(readings[2]?.counter).toMatchObject({
        unitsPerMillijoule: 1000,
        wrapsAt: null,
        identity: expect.stringMatching(new RegExp(`/${source}/0$`)),
      });
      expect(detail).toBe(`0000:00:00.0 by ${source}, power1_input beside it`);
    });

    test('in its own file comes before that of the table', async () => {
      const { detail } = await readAll(AT_700_W, (energy) => ({ ...hwmonFile(energy), ...table(1) }));
      expect(detail).toContain('by energy1_input');
    });

    test.each([
      ['stands still', [5_000_000, 5_000_000, 5_000_000]],
      ['runs backwards', [9_000_000_000, 8_300_000_000, 7_600_000_000]],
      ['counts 350 W where the power is 700 W', [9_000_000, 359_000_000, 709_000_000]],
      ['counts 0.7 W where the power is 700 W', [9_000_000, 9_700_000, 10_400_000]],
    ])('that %s is refused with its reason, and the power integrated', async (why, energies) => {
      const { readings, detail } = await readAll(energies, hwmonFile);
      for (const reading of readings) expect(reading).not.toHaveProperty('counter');
      expect(detail).toBe(`0000:00:00.0 by power1_input; energy1_input is not used: ${why}`);
    });

    test('that freezes later is left, and is another counter when it goes on', async () => {
      const { readings } = await readAll(
        [...AT_700_W, 1_409_000_000, 2_109_000_000, 2_809_000_000],
        hwmonFile,
      );
      expect(readings.map((reading) => reading?.counter?.identity.at(-1))).toEqual([
        undefined,
        '0',
        '0',
        undefined,
        '1',
        '1',
      ]);
    });
  });

  test('what its power means, and its limits', async () => {
    const { host, sensor } = await hostWith();
    await host.write(
      card(0, '1002:74A1', {
        power1_input: '133000000',
        power1_cap: '600000000',
        power1_cap_default: '750000000',
      }),
    );
    expect(readyValue(await sensor.probe())).toMatchObject([
      {
        maxPlausibleWatts: 1500,
        facts: {
          powerSource: 'power1_input',
          powerMeaning: 'instantaneous',
          powerLimitWatts: 600,
          defaultPowerLimitWatts: 750,
        },
      },
    ]);
  });

  test('a socket of processor and GPU is metered as a module', async () => {
    const { host, sensor } = await hostWith();
    await host.write(card(0, '1002:74a0', { power1_input: '212000000' }));
    expect(readyValue(await sensor.probe())).toMatchObject([{ scope: 'module' }]);
  });

  test('a second die, which says 0 W, has no meter, and is told', async () => {
    const { host, sensor } = await hostWith();
    await host.write({
      ...card(1, '1002:740C', { power1_average: '92000000' }),
      ...card(2, '1002:740C', { power1_average: '0' }),
    });
    const outcome = await sensor.probe();
    expect(readyValue(outcome)).toMatchObject([{ deviceId: 'amd-0000:01:00.0' }]);
    expect(outcome.detail).toContain('0000:02:00.0: no power (asleep, or the second die of a module)');
  });

  test('a card without power, and one that loses it, have no data and not 0 W', async () => {
    const { host, sensor } = await hostWith();
    await host.write(card(0, '1002:738C', { power1_average: '0' }));
    expect(await sensor.probe()).toMatchObject({ state: 'noData' });
    await host.write(card(0, '1002:738C', { power1_average: '35000000' }));
    readyValue(await sensor.probe());
    for (const power1_average of ['', '0']) {
      await host.write(card(0, '1002:738C', { power1_average }));
      expect(await sensor.read()).toMatchObject({
        state: 'noData',
        detail: expect.stringContaining('no power now'),
      });
    }
  });

  test('partitions, outputs and cards of others are none', async () => {
    const { host, sensor } = await hostWith('intel_a380-xe');
    await host.write({
      'sys/class/drm/card1/device/uevent': 'DRIVER=amdgpu_xcp\n',
      'sys/class/drm/card0-DP-1/device/uevent': 'DRIVER=amdgpu\n',
    });
    expect(await sensor.probe()).toEqual({ state: 'absent', detail: 'no card of the amdgpu driver' });
  });
});
