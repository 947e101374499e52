import { readFile } from 'node:fs/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createSmiSensor } from '../../../../agent/sensors/nvidia/smi-sensor.ts';
import type { Sensor } from '../../../../agent/sensors/sensor.ts';
import { emptyHost, fixture } from '../host-tree.ts';
import { type ManualClock, manualClock } from '../manual-clock.ts';
import { readyValue } from '../outcome.ts';
import { fakeNvidiaSmi } from './fake-nvidia-smi.ts';

const HEADER = 'index, uuid, name, driver_version, power.draw [W], utilization.gpu [%]\\n';
const row = (index: number, power: string) =>
  `${index}, GPU-${index}, NVIDIA H100 80GB HBM3, 550.54.15, ${power}, 93\\n`;

async function sensorOf(body: string): Promise<{ sensor: Sensor; clock: ManualClock }> {
  const clock = manualClock();
  const path = await fakeNvidiaSmi(body);
  const env = { PATH: process.env.PATH, LC_ALL: 'de_DE.UTF-8' };
  const sensor = createSmiSensor({ path, periodMs: 1000, env, clock });
  onTestFinished(() => sensor.close());
  return { sensor, clock };
}

describe('one running nvidia-smi', () => {
  test('finds the GPUs with its first rows and reads what arrived since', async () => {
    const { sensor, clock } = await sensorOf(`emit '${HEADER}${row(0, '631.95')}${row(1, '70.20')}'; hang`);
    const arrival = clock.monotonicNow();
    const meters = readyValue(await sensor.probe());
    expect(
      meters.map(({ id, deviceId, deviceType, powerKind, scope }) => [
        id,
        deviceId,
        deviceType,
        powerKind,
        scope,
      ]),
    ).toEqual([
      ['nvidia-smi:GPU-0', 'GPU-0', 'gpu', 'integrated', 'device'],
      ['nvidia-smi:GPU-1', 'GPU-1', 'gpu', 'integrated', 'device'],
    ]);
    clock.advance(700);
    expect(readyValue(await sensor.read())).toEqual([
      { meterId: 'nvidia-smi:GPU-0', atMs: arrival, powerWatts: 631.95, utilizationRatio: 0.93 },
      { meterId: 'nvidia-smi:GPU-1', atMs: arrival, powerWatts: 70.2, utilizationRatio: 0.93 },
    ]);
    expect(readyValue(await sensor.read())).toEqual([]);
  });

  test('asks for a loop of plain numbers in the C locale', async () => {
    const { root } = await emptyHost();
    const { sensor } = await sensorOf(
      `echo "$@" > ${root}/arguments; echo "$LC_ALL" > ${root}/locale; emit '${HEADER}${row(0, '70')}'; hang`,
    );
    readyValue(await sensor.probe());
    expect(await readFile(`${root}/arguments`, 'utf8')).toBe(
      '--query-gpu=index,uuid,name,driver_version,power.draw,utilization.gpu --format=csv,nounits -lms 1000\n',
    );
    expect(await readFile(`${root}/locale`, 'utf8')).toBe('C\n');
  });

  test('plays a recording of all 212 fields of an H100', async () => {
    const { sensor } = await sensorOf(`cat ${fixture('nvidia-smi/h100-80gb-hbm3_590.48.01_load.csv')}; hang`);
    expect(readyValue(await sensor.probe())).toMatchObject([
      {
        deviceName: 'NVIDIA H100 80GB HBM3',
        facts: {
          driverVersion: '590.48.01',
          powerSource: 'power.draw',
          powerMeaning: 'mean',
          powerWindowMilliseconds: 1000,
          sampledRatio: 0.25,
        },
      },
    ]);
    expect(readyValue(await sensor.read())).toMatchObject([{ powerWatts: 631.95, utilizationRatio: 1 }]);
  });

  test('a lost GPU has no reading and is told', async () => {
    const lost = `${Array(6).fill('[GPU is lost]').join(', ')}\\n`;
    const { sensor } = await sensorOf(`emit '${HEADER}${row(0, '298.10')}${lost}'; hang`);
    readyValue(await sensor.probe());
    const outcome = await sensor.read();
    expect(readyValue(outcome)).toHaveLength(1);
    expect(outcome.detail).toContain('[GPU is lost]');
  });

  test('a silent one is stopped after ten seconds, and the next probe starts another', async () => {
    const { root } = await emptyHost();
    const { sensor, clock } = await sensorOf(
      `echo $$ >> ${root}/pids; emit '${HEADER}${row(0, '70')}'; hang`,
    );
    readyValue(await sensor.probe());
    clock.advance(10_000);
    expect(await sensor.read()).toMatchObject({ state: 'ready' });
    clock.advance(1);
    expect(await sensor.read()).toMatchObject({ state: 'noData' });
    readyValue(await sensor.probe());
    const [first, second] = (await readFile(`${root}/pids`, 'utf8')).trim().split('\n').map(Number);
    expect(isRunning(first ?? 0)).toBe(false);
    expect(isRunning(second ?? 0)).toBe(true);
    await sensor.close();
    expect(isRunning(second ?? 0)).toBe(false);
  });

  test('one that ends is told with what it said', async () => {
    const { sensor } = await sensorOf(
      `echo "Failed to initialize NVML: Driver/library version mismatch"; exit 18`,
    );
    expect(await sensor.probe()).toEqual({
      state: 'failed',
      detail:
        'nvidia-smi gives no rows (exit code 18): Failed to initialize NVML: Driver/library version mismatch',
      fix: 'reboot, or reload the nvidia kernel modules',
    });
  });

  test('"No devices were found" is no data, not zero', async () => {
    const { sensor } = await sensorOf('echo "No devices were found"; exit 6');
    expect(await sensor.probe()).toMatchObject({
      state: 'noData',
      detail: 'nvidia-smi gives no rows (exit code 6): No devices were found',
    });
    expect(await sensor.read()).toMatchObject({ state: 'noData' });
  });

  test('where this user may not run it, it is absent as well', async () => {
    const { root, write } = await emptyHost();
    await write({ 'nvidia-smi': '#!/bin/sh' });
    const path = `${root}/nvidia-smi`;
    const sensor = createSmiSensor({ path, periodMs: 1000, env: {}, clock: manualClock() });
    expect(await sensor.probe()).toEqual({ state: 'absent', detail: `no ${path} that this user may run` });
  });

  test('where it is not installed it is absent', async () => {
    const sensor = createSmiSensor({
      path: '/nonexistent/nvidia-smi',
      periodMs: 1000,
      env: {},
      clock: manualClock(),
    });
    expect(await sensor.probe()).toEqual({
      state: 'absent',
      detail: '/nonexistent/nvidia-smi is not installed',
    });
  });
});

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
