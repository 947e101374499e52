import { expect, test } from 'vitest';
import { createMemoryModelSensor } from '../../../../agent/sensors/cpu/memory-model-sensor.ts';
import { smbiosTable } from '../../inventory/smbios-table.ts';
import { emptyHost } from '../host-tree.ts';
import { manualClock } from '../manual-clock.ts';
import { readyValue } from '../outcome.ts';

test('5 W per module that the firmware tells', async () => {
  const host = await emptyHost();
  const modules = Array.from({ length: 32 }, () => ({ mebibytes: 65_536, type: 34 }));
  await host.write({ 'sys/firmware/dmi/tables/DMI': smbiosTable(modules) });
  const sensor = createMemoryModelSensor({ paths: host.paths, clock: manualClock() });
  const probed = await sensor.probe();
  expect(readyValue(probed)).toMatchObject([
    { deviceId: 'memory-0', deviceType: 'memory', deviceName: 'DDR5, 32 modules', powerKind: 'modelled' },
  ]);
  expect(probed.detail).toBe('a model, no meter: 32.00 modules (told by the firmware) x 5 W');
  expect(readyValue(await sensor.read())).toMatchObject([{ powerWatts: 160 }]);
});

test('else one module per 64 GiB, a virtual machine getting its share of one', async () => {
  const host = await emptyHost();
  await host.write({ 'proc/meminfo': 'MemTotal:       24684092 kB\nMemFree: 1 kB\n' });
  const sensor = createMemoryModelSensor({ paths: host.paths, clock: manualClock() });
  expect((await sensor.probe()).detail).toBe('a model, no meter: 0.38 modules (assumed from the size) x 5 W');
  expect(readyValue(await sensor.read())).toMatchObject([{ powerWatts: (24 / 64) * 5 }]);
});

test('without a size there is no power', async () => {
  const { paths } = await emptyHost();
  const sensor = createMemoryModelSensor({ paths, clock: manualClock() });
  expect(await sensor.probe()).toMatchObject({ state: 'failed' });
  expect(await sensor.read()).toMatchObject({ state: 'noData' });
});
