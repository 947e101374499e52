import { readFile } from 'node:fs/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parseGpuList, parseGpuMetrics } from '../../../../agent/sensors/amd-smi/amd-smi-json.ts';
import { createAmdSmiSensor } from '../../../../agent/sensors/amd-smi/amd-smi-sensor.ts';
import type { Outcome } from '../../../../agent/sensors/sensor.ts';
import type { Reading } from '../../../../shared/metering/reading.ts';
import { fakePrograms } from '../fake-program.ts';
import { emptyHost, fixture } from '../host-tree.ts';
import { manualClock } from '../manual-clock.ts';
import { readyValue } from '../outcome.ts';

const LIST = fixture('amd-smi/composed__list.json');
const METRIC = fixture('amd-smi/composed__metric_gpu_data.json');
const text = (path: string) => readFile(path, 'utf8');

describe('what amd-smi prints', () => {
  test('GPUs, without the further partitions of one', async () => {
    expect(parseGpuList(await text(LIST))).toEqual([
      { index: 0, slot: '0000:05:00.0', uuid: '11ff75a3-0000-1000-8000-00000000000a' },
      { index: 1, slot: '0000:15:00.0', uuid: '22ff75a3-0000-1000-8000-00000000000b' },
    ]);
  });

  test('power and energy in the newer form', async () => {
    expect(parseGpuMetrics(await text(METRIC))).toEqual([
      { index: 0, powerWatts: 239, energyMillijoules: 1_000_000_004 },
      { index: 1, powerWatts: 142, energyMillijoules: null },
      { index: 2, powerWatts: null, energyMillijoules: null },
    ]);
  });

  test('power in the older form, after a warning; a blank value is none', async () => {
    expect(parseGpuMetrics(await text(fixture('amd-smi/composed__metric_list_after_warning.txt')))).toEqual([
      { index: 1, powerWatts: 90, energyMillijoules: null },
      { index: 0, powerWatts: null, energyMillijoules: null },
    ]);
  });

  test.each(['', 'No GPU found', '[', '{"gpu_data": 7}', '[1, null, "x"]', '[{"gpu": "0"}]'])(
    '%j is no GPU',
    (said) => {
      expect(parseGpuMetrics(said)).toEqual([]);
      expect(parseGpuList(said)).toEqual([]);
    },
  );
});

const LISTING = `[ "$1" = list ] && { play ${LIST}; exit; }`;

async function sensorOf(programs: Readonly<Record<string, string>>) {
  const host = await emptyHost();
  await host.write({
    'proc/sys/kernel/random/boot_id': 'boot-1\n',
    'sys/module/amdgpu/version': '6.16.6\n',
    'sys/bus/pci/devices/0000:05:00.0/vendor': '0x1002\n',
    'sys/bus/pci/devices/0000:05:00.0/device': '0x75a3\n',
    'sys/bus/pci/devices/0000:15:00.0/vendor': '0x1002\n',
    'sys/bus/pci/devices/0000:15:00.0/device': '0x74a0\n',
  });
  const clock = manualClock();
  const env = { PATH: await fakePrograms(programs), LC_ALL: 'de_DE.UTF-8' };
  const sensor = createAmdSmiSensor({ paths: host.paths, clock, env });
  onTestFinished(() => sensor.close());
  /** Eight seconds later: asks anew and waits for the readings. */
  const next = async (): Promise<Outcome<readonly Reading[]>> => {
    clock.advance(8_000);
    for (;;) {
      const outcome = await sensor.read();
      if (outcome.state !== 'ready' || outcome.value.length > 0) return outcome;
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  return { host, clock, sensor, next };
}

describe('AMD GPUs by amd-smi', () => {
  test('are known by UUID, one with its processor is a module', async () => {
    const { sensor } = await sensorOf({ 'amd-smi': `${LISTING}; play ${METRIC}` });
    expect(
      readyValue(await sensor.probe()).map(({ id, deviceName, scope }) => [id, deviceName, scope]),
    ).toEqual([
      ['amd-smi:amd-11ff75a3-0000-1000-8000-00000000000a', 'AMD GPU 1002:75A3', 'device'],
      ['amd-smi:amd-22ff75a3-0000-1000-8000-00000000000b', 'AMD GPU 1002:74A0', 'module'],
    ]);
    const outcome = await sensor.read();
    expect(readyValue(outcome).map(({ powerWatts, counter }) => [powerWatts, counter])).toEqual([
      [239, undefined],
      [142, undefined],
    ]);
    expect(outcome.detail).toBe(
      '2 GPUs, 0 by a counter that agrees with its power; a counter not used: not compared with the power yet',
    );
  });

  test('are asked in the C locale', async () => {
    const { root } = await emptyHost();
    const { sensor } = await sensorOf({
      'amd-smi': `echo "$LC_ALL $@" >> ${root}/asked; ${LISTING}; play ${METRIC}`,
    });
    readyValue(await sensor.probe());
    expect(await text(`${root}/asked`)).toBe('C list --json\nC metric --power --energy --json\n');
  });

  test('the counter joins in once it agrees with the power', async () => {
    const { root, write } = await emptyHost();
    const metric = async (joules: number) =>
      write({ metric: (await text(METRIC)).replace('1000000.004', String(joules)) });
    const { sensor, next } = await sensorOf({ 'amd-smi': `${LISTING}; play ${root}/metric` });
    await metric(1000);
    readyValue(await sensor.probe());
    await sensor.read();
    // 239 W for 8 s.
    await metric(2912);
    const [agreed] = readyValue(await next());
    expect(agreed).toMatchObject({
      powerWatts: 239,
      counter: { value: 2_912_000, unitsPerMillijoule: 1, wrapsAt: null },
    });
    const [frozen] = readyValue(await next());
    expect(frozen?.counter).toBeUndefined();
    expect((await sensor.read()).detail).toContain('a counter not used: stands still');
    await metric(4824);
    const [again] = readyValue(await next());
    expect(again?.counter?.value).toBe(4_824_000);
    expect(again?.counter?.identity).not.toBe(agreed?.counter?.identity);
  });

  test('after a failure the GPUs are listed again: their numbers may have changed', async () => {
    const { root, write } = await emptyHost();
    const { sensor, next } = await sensorOf({
      'amd-smi': `echo "$1" >> ${root}/asked; ${LISTING}; play ${root}/metric`,
    });
    await write({ metric: await text(METRIC) });
    readyValue(await sensor.probe());
    await sensor.read();
    await write({ metric: 'ERROR: driver is gone' });
    expect(await next()).toMatchObject({ state: 'noData' });
    await write({ metric: await text(METRIC) });
    readyValue(await sensor.probe());
    expect((await text(`${root}/asked`)).trim().split('\n')).toEqual([
      'list',
      'metric',
      'metric',
      'list',
      'metric',
    ]);
  });

  test('not installed, without a GPU, without a power: each says so', async () => {
    expect(await (await sensorOf({})).sensor.probe()).toEqual({
      state: 'absent',
      detail: 'amd-smi is not installed',
    });
    const none = await sensorOf({
      'amd-smi': 'echo "ERROR: Unable to detect any GPU devices" >&2; exit 255',
    });
    expect(await none.sensor.probe()).toEqual({
      state: 'noData',
      detail: 'amd-smi tells no GPU (exit 255): ERROR: Unable to detect any GPU devices',
    });
    const powerless = await sensorOf({ 'amd-smi': `${LISTING}; emit '[{"gpu": 0, "power": "N/A"}]'` });
    expect(await powerless.sensor.probe()).toMatchObject({
      state: 'noData',
      detail: expect.stringContaining('1 without a power'),
    });
  });
});
