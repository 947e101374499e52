import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createIntelGpuSensor } from '../../../../agent/sensors/drm/intel-gpu-sensor.ts';
import { emptyHost } from '../host-tree.ts';
import { manualClock } from '../manual-clock.ts';
import { readyValue } from '../outcome.ts';
import { plugIn } from './recorded-cards.ts';

async function hostWith(...recordings: readonly string[]) {
  const host = await emptyHost();
  await plugIn(host, ...recordings);
  await host.write({ 'proc/sys/kernel/random/boot_id': 'boot-1\n' });
  const clock = manualClock();
  return { host, clock, sensor: createIntelGpuSensor({ paths: host.paths, clock }) };
}

describe('Intel GPUs', () => {
  test.each([
    // The only counter of i915, and of xe on this card.
    ['intel_a380-i915', 25637161804, '0000:0b:00.0 by the counter of the card'],
    ['intel_a380-xe', 59540970520, '0000:08:00.0 by the counter of the pkg'],
    // Kernel 6.16 shows the card as 0; a later one as less than the package that it holds.
    ['intel_b580-6.16', 29523753173, 'by the counter of the pkg'],
    ['intel_b580', 19014248107, 'by the counter of the pkg'],
  ])('%s', async (name, value, detail) => {
    const { sensor, clock } = await hostWith(name);
    const [meter] = readyValue(await sensor.probe());
    expect(meter).toMatchObject({ sensor: 'intel-gpu', deviceType: 'gpu', scope: 'device' });
    const outcome = await sensor.read();
    expect(readyValue(outcome)).toMatchObject([
      {
        meterId: meter?.id,
        atMs: clock.monotonicNow(),
        counter: { value, unitsPerMillijoule: 1000, wrapsAt: 262144000000 },
      },
    ]);
    expect(outcome.detail).toContain(detail);
  });

  test('the counter of the card where it holds the package', async () => {
    const { host, sensor } = await hostWith('intel_b580');
    const hwmon = 'sys/class/drm/card0/device/hwmon/hwmon2';
    await host.write({ [`${hwmon}/energy1_input`]: '19014248108\n' });
    readyValue(await sensor.probe());
    expect(readyValue(await sensor.read())).toMatchObject([{ counter: { value: 19014248108 } }]);
    // The choice stands while the driver does.
    await host.write({ [`${hwmon}/energy2_input`]: '29014248108\n' });
    readyValue(await sensor.probe());
    expect(readyValue(await sensor.read())).toMatchObject([{ counter: { value: 19014248108 } }]);
  });

  test('another boot, and another load of the driver, is another counter', async () => {
    const { host, sensor, clock } = await hostWith('intel_a380-i915');
    const identity = async (from: typeof sensor) => {
      readyValue(await from.probe());
      return readyValue(await from.read())[0]?.counter?.identity;
    };
    const first = await identity(sensor);
    expect(await identity(createIntelGpuSensor({ paths: host.paths, clock }))).toBe(first);
    await host.write({ 'sys/class/drm/card0/device/hwmon/hwmon0/energy1_input': '5\n' });
    expect(await identity(createIntelGpuSensor({ paths: host.paths, clock }))).not.toBe(first);
    await rm(join(host.root, 'sys/class/drm/card0/device/hwmon/hwmon0'), { recursive: true });
    await host.write({ 'proc/sys/kernel/random/boot_id': 'boot-2\n' });
    expect(await identity(createIntelGpuSensor({ paths: host.paths, clock }))).not.toBe(first);
  });

  test('a counter that stands still for more than 30 s is dead, until it moves', async () => {
    const { host, sensor, clock } = await hostWith('intel_a380-i915');
    readyValue(await sensor.probe());
    readyValue(await sensor.read());
    clock.advance(30_000);
    readyValue(await sensor.read());
    clock.advance(1);
    expect(await sensor.read()).toMatchObject({
      state: 'noData',
      detail: expect.stringContaining('stands still'),
    });
    await host.write({ 'sys/class/drm/card0/device/hwmon/hwmon1/energy1_input': '25637161805\n' });
    expect(readyValue(await sensor.read())).toHaveLength(1);
  });

  test('graphics within a CPU, and cards whose counters are all 0, are told apart', async () => {
    const { host, sensor } = await hostWith();
    await host.write({ 'sys/class/drm/card0/device/uevent': 'DRIVER=i915\nPCI_SLOT_NAME=0000:00:02.0\n' });
    expect(await sensor.probe()).toMatchObject({ state: 'absent' });
    await host.write({ 'sys/class/drm/card0/device/hwmon/hwmon0/energy1_input': '0\n' });
    expect(await sensor.probe()).toEqual({
      state: 'noData',
      detail: '0000:00:02.0: no energy counter that counts',
    });
  });
});
