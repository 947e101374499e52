import { readFile } from 'node:fs/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parseDcgmMetrics } from '../../../../agent/sensors/nvidia/dcgm-metrics.ts';
import { createDcgmSensor } from '../../../../agent/sensors/nvidia/dcgm-sensor.ts';
import { startServer } from '../../http/support.ts';
import { emptyHost, fixture } from '../host-tree.ts';
import { manualClock } from '../manual-clock.ts';
import { readyValue } from '../outcome.ts';

const recorded = (name: string) => readFile(fixture(`dcgm-exporter/${name}.prom`), 'utf8');

describe('what an exporter serves', () => {
  test.each([
    ['cncf_ericsson__t4_loaded', 'Tesla T4', '590.48.01', 15152422938, 68.244, 0.91],
    ['cncf_kops__l4_idle', 'NVIDIA L4', '580.105.08', 4742776, 16.365, 0],
  ])('%s', async (file, name, driverVersion, energyMillijoules, powerWatts, utilizationRatio) => {
    expect(parseDcgmMetrics(await recorded(file)).gpus).toMatchObject([
      { name, driverVersion, energyMillijoules, powerWatts, utilizationRatio },
    ]);
  });

  test('eight GPUs, one of them with the labels of a pod', async () => {
    const { gpus, hostnames } = parseDcgmMetrics(
      await recorded('nvidia_aicr__h100x8_one_gpu_with_pod_labels'),
    );
    expect(gpus).toHaveLength(8);
    expect(
      gpus.every(({ name, powerWatts }) => name === 'NVIDIA H100 80GB HBM3' && (powerWatts ?? 0) > 60),
    ).toBe(true);
    expect(hostnames).toEqual(['gpu-node-1']);
  });

  test('instances of a GPU are that GPU once, by its newest counter and without a utilisation', async () => {
    expect(parseDcgmMetrics(await recorded('composed__a30_mig'))).toMatchObject({
      gpus: [
        {
          uuid: 'GPU-00000000-0000-0000-0000-00000000000a',
          energyMillijoules: 5000006300,
          powerWatts: 61.25,
          utilizationRatio: null,
        },
        {
          uuid: 'GPU-00000000-0000-0000-0000-00000000000b',
          energyMillijoules: 7000000000,
          powerWatts: 30.5,
          utilizationRatio: 0.4,
        },
      ],
      hostnames: ['node-1'],
    });
  });

  test('labels with spaces between them, and no field of ours', async () => {
    const { gpus } = parseDcgmMetrics(await recorded('nvidia_readme__sentinel_and_spaces'));
    expect(gpus).toMatchObject([
      { uuid: 'GPU-604ac76c-d9cf-fef3-62e9-d92044ab6e52', energyMillijoules: null, powerWatts: null },
    ]);
  });

  test.each([
    '9223372036854775794',
    '9223372036854775792',
    '140737488355328',
    '140737488355330.000000',
    'NaN',
    '-1',
    '+Inf',
    '1,5',
  ])('%s is no value', (value) => {
    const { gpus } = parseDcgmMetrics(
      `DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION{UUID="GPU-a"} ${value}\nDCGM_FI_DEV_POWER_USAGE{UUID="GPU-a"} ${value}\n`,
    );
    expect(gpus).toMatchObject([{ energyMillijoules: null, powerWatts: null }]);
  });

  test('an energy beyond 2^53, a stamp of time and an escaped quote', () => {
    const { gpus } = parseDcgmMetrics(
      'DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION{UUID="GPU-a"} 9007199254740993\nDCGM_FI_DEV_POWER_USAGE{pod="a\\"b",UUID="GPU-a"} 70.5 1700000000000\n',
    );
    expect(gpus).toMatchObject([{ energyMillijoules: null, powerWatts: 70.5 }]);
  });
});

const sample = (uuid: string, energy: number | string, labels = '') =>
  `DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION{UUID="${uuid}",modelName="NVIDIA L4",DCGM_FI_DRIVER_VERSION="580.1"${labels}} ${energy}\n` +
  `DCGM_FI_DEV_POWER_USAGE{UUID="${uuid}"${labels}} 70.5\n`;

/** An exporter that serves what `serving.text` holds. */
async function exporterWith(text: string) {
  const serving = { text, status: 200 };
  const server = await startServer((_, response) => response.writeHead(serving.status).end(serving.text));
  const host = await emptyHost();
  await host.write({ 'proc/sys/kernel/random/boot_id': 'boot-1\n', 'sys/module/nvidia/version': '580.1\n' });
  const clock = manualClock();
  const sensor = createDcgmSensor({
    paths: host.paths,
    clock,
    url: `http://127.0.0.1:${server.port}/metrics`,
  });
  onTestFinished(async () => {
    await sensor.close();
    await server.stop();
  });
  /** Asks anew and waits for the answer. */
  const next = async () => {
    const seen = server.seen.length;
    clock.advance(5_000);
    await sensor.read();
    while (server.seen.length === seen) await new Promise((resolve) => setImmediate(resolve));
    // The answer is in once another question would be sent.
    for (;;) {
      const outcome = await sensor.read();
      if (outcome.state !== 'ready' || outcome.value.length > 0 || server.seen.length > seen + 1)
        return outcome;
      clock.advance(5_000);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  return { serving, server, host, clock, sensor, next };
}

describe('GPUs by their exporter', () => {
  test('counter, power and no meter for what has no UUID of a GPU', async () => {
    const { sensor, clock } = await exporterWith(`${sample('GPU-a', 1000)}${sample('MIG-b', 5)}up 1\n`);
    expect(readyValue(await sensor.probe())).toMatchObject([
      {
        id: 'dcgm-exporter:GPU-a',
        deviceId: 'GPU-a',
        deviceName: 'NVIDIA L4',
        scope: 'device',
        deviceType: 'gpu',
        facts: {
          driverVersion: '580.1',
          powerSource: 'DCGM_FI_DEV_POWER_USAGE',
          powerMeaning: 'mean',
          powerWindowMilliseconds: 1000,
          sampledRatio: 1,
        },
      },
    ]);
    expect(readyValue(await sensor.read())).toMatchObject([
      {
        meterId: 'dcgm-exporter:GPU-a',
        atMs: clock.monotonicNow(),
        counter: {
          value: 1000,
          unitsPerMillijoule: 1,
          wrapsAt: null,
          identity: expect.stringMatching(/^boot-1\/580\.1\/\d+$/),
        },
        powerWatts: 70.5,
      },
    ]);
  });

  test('a reading is made only when a counter has moved', async () => {
    const { serving, sensor, next } = await exporterWith(sample('GPU-a', 1000) + sample('GPU-b', 2000));
    readyValue(await sensor.probe());
    expect(readyValue(await sensor.read())).toHaveLength(2);
    serving.text = sample('GPU-a', 1000) + sample('GPU-b', 2500);
    expect(readyValue(await next())).toMatchObject([
      { meterId: 'dcgm-exporter:GPU-b', counter: { value: 2500 } },
    ]);
  });

  test('an exporter that serves old values for more than three minutes has no data', async () => {
    const { sensor, clock } = await exporterWith(sample('GPU-a', 1000));
    const states: string[] = [];
    readyValue(await sensor.probe());
    for (const waitMs of [180_000, 1]) {
      clock.advance(waitMs);
      await sensor.close();
      const outcome = await sensor.probe();
      states.push(outcome.state);
      if (outcome.state === 'noData')
        expect(outcome.detail).toContain('stands still, the exporter serves old values');
    }
    expect(states).toEqual(['ready', 'noData']);
  });

  test('no energy in its list of fields is told with the mend', async () => {
    const { sensor } = await exporterWith(await recorded('nvidia_aicr__h100x8_one_gpu_with_pod_labels'));
    expect(await sensor.probe()).toMatchObject({
      state: 'noData',
      detail: expect.stringContaining('no DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION'),
      fix: expect.stringContaining('DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION'),
    });
  });

  test('the exporter of several hosts is not used', async () => {
    const { sensor } = await exporterWith(
      sample('GPU-a', 1, ',Hostname="n1"') + sample('GPU-b', 2, ',hostname="n2"'),
    );
    expect(await sensor.probe()).toMatchObject({
      state: 'noData',
      detail: expect.stringContaining('several hosts (n1, n2)'),
      fix: expect.stringContaining('"dcgmExporter"'),
    });
  });

  const named = (uuid: string, name: string, energy: number) =>
    sample(uuid, energy).replaceAll('NVIDIA L4', name);

  test('a Grace Hopper is metered as a module, a Grace Blackwell by its own power', async () => {
    const { sensor } = await exporterWith(
      named('GPU-a', 'NVIDIA GH200 480GB', 7) + named('GPU-b', 'NVIDIA GB200', 7),
    );
    const probed = await sensor.probe();
    expect(readyValue(probed)).toMatchObject([
      { deviceId: 'GPU-a', scope: 'module' },
      { deviceId: 'GPU-b', scope: 'device', powerKind: 'integrated' },
    ]);
    expect(probed.detail).toContain(
      'GPU-b: the exporter does not tell whether its counter covers the whole module: its own power is integrated',
    );
    const [hopper, blackwell] = readyValue(await sensor.read());
    expect(hopper).toMatchObject({ counter: { value: 7 } });
    expect(hopper).not.toHaveProperty('powerWatts');
    expect(blackwell).toMatchObject({ powerWatts: 70.5 });
    expect(blackwell).not.toHaveProperty('counter');
  });

  test('a Grace Blackwell whose exporter serves one power for half a minute has no data, and the mend', async () => {
    const { sensor, serving, clock } = await exporterWith(named('GPU-b', 'NVIDIA GB200', 1));
    const lookAfter = async (milliseconds: number, energy: number) => {
      clock.advance(milliseconds);
      serving.text = named('GPU-b', 'NVIDIA GB200', energy);
      await sensor.close();
      return sensor.probe();
    };
    readyValue(await sensor.probe());
    expect(readyValue(await sensor.read())).toHaveLength(1);
    // The same look, served once more.
    readyValue(await lookAfter(5_000, 1));
    expect(readyValue(await sensor.read())).toEqual([]);
    expect(await lookAfter(25_000, 2)).toMatchObject({
      state: 'noData',
      detail: expect.stringContaining('GPU-b: its power is looked at each 30 s, too seldom to be integrated'),
      fix: expect.stringContaining('DCGM_EXPORTER_INTERVAL=2000'),
    });
    readyValue(await lookAfter(5_000, 3));
    expect(readyValue(await sensor.read())).toMatchObject([{ powerWatts: 70.5 }]);
  });

  test('not configured, not there, not an exporter: each says so', async () => {
    const bare = createDcgmSensor({ paths: (await emptyHost()).paths, clock: manualClock(), url: null });
    expect(await bare.probe()).toMatchObject({ state: 'absent' });
    const { sensor, serving, server } = await exporterWith('process_cpu_seconds_total 12\n');
    expect(await sensor.probe()).toMatchObject({
      state: 'noData',
      detail: expect.stringMatching(/serves no GPU$/),
    });
    serving.status = 503;
    expect(await sensor.probe()).toMatchObject({
      state: 'noData',
      detail: expect.stringMatching(/answers with 503$/),
    });
    await server.stop();
    expect(await sensor.probe()).toMatchObject({
      state: 'noData',
      detail: expect.stringContaining('ECONNREFUSED'),
    });
  });
});
