import { expect, test } from 'vitest';
import { createGraceSensor } from '../../../../agent/sensors/cpu/grace-sensor.ts';
import { coveredBy } from '../../../../agent/sensors/precedence.ts';
import { watts } from '../../../../shared/units.ts';
import { emptyHost } from '../host-tree.ts';
import { manualClock } from '../manual-clock.ts';
import { readyValue } from '../outcome.ts';

/** Two sockets of a Grace CPU superchip as its firmware names their meters. */
const SUPERCHIP = [
  ['Grace Power Socket 1', 118_000_000],
  ['CPU Power Socket 0', 90_000_000],
  ['Grace Power Socket 0', 121_500_000],
  ['SysIO Power Socket 0', 20_000_000],
  ['Module Power Socket 0', 190_000_000],
] as const;

async function sensorOn(meters: readonly (readonly [string, number | string])[]) {
  const host = await emptyHost();
  for (const [i, [oemInfo, microwatts]] of meters.entries()) {
    const folder = `sys/class/hwmon/hwmon${i}`;
    await host.write({
      [`${folder}/name`]: 'power_meter\n',
      [`${folder}/device/power1_average`]: `${microwatts}\n`,
      [`${folder}/device/power1_oem_info`]: `${oemInfo}\n`,
    });
  }
  return createGraceSensor({ paths: host.paths, clock: manualClock() });
}

test('each socket once, by the meter of the whole Grace', async () => {
  const sensor = await sensorOn(SUPERCHIP);
  const meters = readyValue(await sensor.probe());
  expect(meters.map(({ deviceId }) => deviceId)).toEqual(['cpu-0', 'cpu-1']);
  expect(readyValue(await sensor.read()).map(({ powerWatts }) => powerWatts)).toEqual([121.5, 118]);
});

test('a socket that says nothing is told, the other goes on', async () => {
  const sensor = await sensorOn([SUPERCHIP[0], ['Grace Power Socket 0', 'N/A']]);
  const outcome = await sensor.probe();
  expect(readyValue(outcome).map(({ deviceId }) => deviceId)).toEqual(['cpu-1']);
  expect(outcome.detail).toContain('socket 0: says "N/A"');
});

test('a host without Grace has none of it, and a meter of the whole module makes it needless', async () => {
  expect((await (await sensorOn([['HP Power Metering', 1]])).probe()).state).toBe('absent');
  const module = {
    id: 'nvml:GPU-1',
    sensor: 'nvml',
    deviceId: 'GPU-1',
    deviceType: 'gpu',
    deviceName: 'NVIDIA GH200 480GB',
    scope: 'module',
    powerKind: 'integrated',
    maxPlausibleWatts: watts(1_500),
  } as const;
  expect(coveredBy(await sensorOn(SUPERCHIP), [module])).toBe(module);
});
