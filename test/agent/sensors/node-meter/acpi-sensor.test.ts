import { describe, expect, test } from 'vitest';
import { createAcpiSensor } from '../../../../agent/sensors/node-meter/acpi-sensor.ts';
import type { NodeMeterUse } from '../../../../agent/sensors/node-meter/chassis-sharing.ts';
import { emptyHost, fixture } from '../host-tree.ts';
import { manualClock } from '../manual-clock.ts';
import { readyValue } from '../outcome.ts';

async function sensorOn(files: Readonly<Record<string, string>>, use: NodeMeterUse = 'auto') {
  const host = await emptyHost();
  await host.write(files);
  return { host, sensor: createAcpiSensor({ paths: host.paths, clock: manualClock(), use }) };
}

/** The files of one `power_meter`, by the kernel's names. */
const meter = (hwmon: string, files: Readonly<Record<string, string>>) =>
  Object.fromEntries(
    Object.entries({ name: 'power_meter\n', ...files }).map(([name, text]) => [
      `sys/class/hwmon/${hwmon}/${name}`,
      text,
    ]),
  );

describe("the firmware's power meter", () => {
  test('is read in microwatts, with its interval', async () => {
    const { sensor } = await sensorOn(
      meter('hwmon3', {
        power1_average: '412000000\n',
        power1_average_interval: '4000\n',
        power1_oem_info: 'HP Power Metering\n',
      }),
    );
    readyValue(await sensor.probe());
    const outcome = await sensor.read();
    expect(readyValue(outcome)).toMatchObject([{ meterId: 'acpi-power-meter:node', powerWatts: 412 }]);
    expect(outcome.detail).toBe(
      'the whole node by ACPI ("HP Power Metering"), a mean over 4 s; where it is measured (AC in, DC out) ACPI does not tell',
    );
  });

  test('is found where older kernels keep it', async () => {
    const { sensor } = await sensorOn(meter('hwmon0', { 'device/power1_average': '99000000\n' }));
    readyValue(await sensor.probe());
    expect(readyValue(await sensor.read())).toMatchObject([{ powerWatts: 99 }]);
  });

  test('meters of parts are none of the node', async () => {
    const grace = [
      'Module Power Socket 0',
      'Grace Power Socket 0',
      'CPU Power Socket 0',
      'SysIO Power Socket 0',
    ];
    const { sensor } = await sensorOn(
      Object.assign(
        {},
        ...grace.map((name, i) =>
          meter(`hwmon${i}`, { power1_average: '1000000\n', power1_oem_info: `${name}\n` }),
        ),
      ),
    );
    expect(await sensor.probe()).toEqual({
      state: 'absent',
      detail: `no meter of the whole node: 4 of parts (${grace.join(', ')})`,
    });
    const bare = await sensorOn({
      ...meter('hwmon0', { power1_average: '1000000\n' }),
      ...meter('hwmon1', { power1_average: '2000000\n' }),
    });
    expect(await bare.sensor.probe()).toMatchObject({
      state: 'absent',
      detail: expect.stringContaining('2 of parts (without names)'),
    });
    const one = await sensorOn(
      meter('hwmon0', { power1_average: '1000000\n', power1_oem_info: 'CPU Power Socket 0\n' }),
    );
    expect(await one.sensor.probe()).toMatchObject({
      state: 'absent',
      detail: expect.stringMatching(/1 of parts/),
    });
  });

  test('a battery and other chips with a power are no power meter', async () => {
    const { host, sensor } = await sensorOn(
      meter('hwmon9', { power1_average: '9000000\n', power1_is_battery: '1\n' }),
    );
    await host.writeDump(fixture('hwmon/kepler__power_energy_channels.tree.txt'));
    expect(await sensor.probe()).toMatchObject({
      state: 'absent',
      detail: expect.stringMatching(/no power_meter in/),
    });
  });

  test('in a shared chassis it is used by the word of the operator only', async () => {
    const files = {
      ...meter('hwmon0', { power1_average: '9000000\n' }),
      'sys/class/dmi/id/chassis_type': '28\n',
    };
    expect(await (await sensorOn(files)).sensor.probe()).toMatchObject({
      state: 'noData',
      fix: expect.stringMatching(/"nodeMeter"/),
    });
    readyValue(await (await sensorOn(files, 'node')).sensor.probe());
    expect(await (await sensorOn(files, 'off')).sensor.probe()).toMatchObject({ state: 'absent' });
  });

  test.each([
    ['0\n', /says 0 W/],
    ['-1\n', /says "-1"/],
    ['\n', /says ""/],
  ])('%j is no power', async (text, detail) => {
    const { sensor } = await sensorOn(meter('hwmon0', { power1_average: text }));
    expect(await sensor.probe()).toMatchObject({ state: 'noData', detail: expect.stringMatching(detail) });
  });
});
