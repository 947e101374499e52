import { readFile } from 'node:fs/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createHlSmiParser } from '../../../../agent/sensors/gaudi/hl-smi-parser.ts';
import { createHlSmiSensor } from '../../../../agent/sensors/gaudi/hl-smi-sensor.ts';
import { fakePrograms } from '../fake-program.ts';
import { emptyHost, fixture } from '../host-tree.ts';
import { manualClock } from '../manual-clock.ts';
import { readyValue } from '../outcome.ts';

const RECORDING = fixture('hl-smi/all-smi__gaudi3_noheader_units.csv');
const row = (power: string, utilization = '0 %', uuid = '01P4-A') =>
  `0, ${uuid}, HL-325L, 1.22.1-97ec1a4, 131072 MiB, 672 MiB, 130400 MiB, ${power}, 850 W, 36 C, ${utilization}\n`;

describe('what hl-smi prints', () => {
  test('two recorded Gaudi 3', async () => {
    const parser = createHlSmiParser();
    const rows = parser.push(await readFile(RECORDING, 'utf8'));
    expect(
      rows.map(({ uuid, name, powerWatts, utilizationRatio }) => [uuid, name, powerWatts, utilizationRatio]),
    ).toEqual([
      ['01P4-HL3090A0-18-U4V193-22-07-00', 'HL-325L', 226, 0],
      ['01P4-HL3090A0-18-U4V298-03-04-04', 'HL-325L', 230, 0],
    ]);
    expect(parser.dropped).toBe(0);
  });

  test('the same in any cut, and only as far as lines are complete', async () => {
    const text = await readFile(RECORDING, 'utf8');
    for (let cut = 0; cut <= text.length; cut++) {
      const parser = createHlSmiParser();
      expect([...parser.push(text.slice(0, cut)), ...parser.push(text.slice(cut))]).toHaveLength(2);
    }
    expect(createHlSmiParser().push(row('226 W').trimEnd())).toEqual([]);
  });

  test.each([
    ['N/A', 'N/A', null, null],
    ['0 W', '50 %', null, 0.5],
    ['-1 W', '101 %', null, null],
    ['22.5', '7', 22.5, 0.07],
  ])('a power of %s and a utilisation of %s', (power, utilization, powerWatts, utilizationRatio) => {
    const parser = createHlSmiParser();
    expect(parser.push(row(power, utilization))).toMatchObject([{ powerWatts, utilizationRatio }]);
    expect(parser.dropped).toBe(powerWatts === null ? 1 : 0);
  });

  test('a message, a torn line, a comma in a number and a row without a device are counted', () => {
    const parser = createHlSmiParser();
    const bad = ['No devices found\n', '0, 01P4-A, HL-3\n', row('1,226 W'), row('226 W', '0 %', 'N/A')];
    expect(bad.flatMap((line) => parser.push(line))).toEqual([]);
    expect(parser.dropped).toBe(4);
    expect(createSaid('No devices found\n')).toBe('No devices found');
  });
});

function createSaid(text: string): string {
  const parser = createHlSmiParser();
  parser.push(text);
  return parser.lastSaid;
}

async function sensorOf(programs: Readonly<Record<string, string>>) {
  const clock = manualClock();
  const sensor = createHlSmiSensor({
    env: { PATH: await fakePrograms(programs), LC_ALL: 'de_DE.UTF-8' },
    clock,
  });
  onTestFinished(() => sensor.close());
  return { sensor, clock };
}

describe('one running hl-smi', () => {
  test('is asked for a loop in the C locale, and read as its rows arrive', async () => {
    const { root } = await emptyHost();
    const { sensor, clock } = await sensorOf({
      'hl-smi': `echo "$LC_ALL $@" > ${root}/asked; play ${RECORDING}; hang`,
    });
    expect(readyValue(await sensor.probe())).toMatchObject([
      {
        id: 'hl-smi:01P4-HL3090A0-18-U4V193-22-07-00',
        deviceType: 'gpu',
        deviceName: 'HL-325L',
        powerKind: 'integrated',
      },
      { id: 'hl-smi:01P4-HL3090A0-18-U4V298-03-04-04' },
    ]);
    const arrival = clock.monotonicNow();
    clock.advance(400);
    const outcome = await sensor.read();
    expect(readyValue(outcome)).toMatchObject([
      { meterId: 'hl-smi:01P4-HL3090A0-18-U4V193-22-07-00', atMs: arrival, powerWatts: 226 },
      { atMs: arrival, powerWatts: 230 },
    ]);
    expect(outcome.detail).toBe('2 GPUs, driver 1.22.1-97ec1a4, one sample each 1000 ms, no energy counter');
    expect(await readFile(`${root}/asked`, 'utf8')).toBe(
      'C -Q index,uuid,name,driver_version,memory.total,memory.used,memory.free,power.draw,power.max,temperature.aip,utilization.aip -f csv,noheader -l 1\n',
    );
  });

  test('silence of more than ten seconds ends it', async () => {
    const { sensor, clock } = await sensorOf({ 'hl-smi': `play ${RECORDING}; hang` });
    readyValue(await sensor.probe());
    clock.advance(10_001);
    expect(await sensor.read()).toMatchObject({
      state: 'noData',
      detail: 'hl-smi gives no rows (still running)',
    });
    readyValue(await sensor.probe());
  });

  test('one that ends is told with what it said, one that is not there is absent', async () => {
    const ended = await sensorOf({ 'hl-smi': 'echo "Habanalabs driver not loaded" >&2; exit 3' });
    expect(await ended.sensor.probe()).toEqual({
      state: 'noData',
      detail: 'hl-smi gives no rows (exit code 3): Habanalabs driver not loaded',
    });
    const none = await sensorOf({});
    expect(await none.sensor.probe()).toEqual({ state: 'absent', detail: 'hl-smi is not installed' });
  });
});
