import { readFile, writeFile } from 'node:fs/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { NodeMeterUse } from '../../../../agent/sensors/node-meter/chassis-sharing.ts';
import { parseDcmi } from '../../../../agent/sensors/node-meter/dcmi-parser.ts';
import { createDcmiSensor } from '../../../../agent/sensors/node-meter/dcmi-sensor.ts';
import { fakePrograms } from '../fake-program.ts';
import { emptyHost, fixture } from '../host-tree.ts';
import { manualClock } from '../manual-clock.ts';
import { readyValue } from '../outcome.ts';

const recording = (name: string) => fixture(`ipmi-dcmi/${name}.txt`);

describe('what the programs print', () => {
  test.each([
    ['telegraf__ipmitool_dcmi', 167],
    ['composed__freeipmi', 412],
    ['composed__ipmitool_joined_line', 5120],
  ])('%s', async (name, powerWatts) => {
    expect(parseDcmi(await readFile(recording(name), 'utf8'))).toEqual({ ok: true, powerWatts });
  });

  test.each([
    ['', 'no power reading: it said nothing'],
    [
      'DCMI request failed because: Invalid command (c1)\n',
      'no power reading: DCMI request failed because: Invalid command (c1)',
    ],
    ['Power reading state is: deactivated\n', 'power measurement is deactivated'],
    ['Current Power : 50 Watts\nPower Measurement : Not Available\n', 'power measurement is Not Available'],
    ['Power reading state is: activated\n', 'active, but gives no power'],
    ['Current Power : 1,024 Watts\nPower Measurement : Active\n', 'active, but gives no power'],
    ['Current Power : 33', 'no power reading: Current Power : 33'],
  ])('%j', (said, why) => {
    expect(parseDcmi(said)).toEqual({ ok: false, why });
  });

  test('a power beside a deactivated state is none', async () => {
    const said = await readFile(recording('composed__ipmitool_deactivated_1970'), 'utf8');
    expect(parseDcmi(said)).toEqual({ ok: false, why: 'power measurement is deactivated' });
  });
});

interface Host {
  readonly programs?: Readonly<Record<string, string>>;
  readonly use?: NodeMeterUse;
  readonly files?: Readonly<Record<string, string>>;
  readonly controller?: boolean;
}

async function sensorOn({ programs = {}, use = 'auto', files = {}, controller = true }: Host) {
  const host = await emptyHost();
  await host.write({ ...files, ...(controller && { 'sys/class/ipmi/ipmi0/dev': '237:0\n' }) });
  const clock = manualClock();
  const env = { PATH: await fakePrograms(programs), LC_ALL: 'de_DE.UTF-8' };
  const sensor = createDcmiSensor({ paths: host.paths, clock, env, use });
  onTestFinished(() => sensor.close());
  return { sensor, clock, host };
}

const IPMITOOL = { ipmitool: `play ${recording('telegraf__ipmitool_dcmi')}` };

describe('the node by its controller', () => {
  test('ipmitool is asked in the C locale', async () => {
    const { root } = await emptyHost();
    const { sensor, clock } = await sensorOn({
      programs: {
        ipmitool: `echo "$LC_ALL $@" > ${root}/asked; play ${recording('telegraf__ipmitool_dcmi')}`,
      },
    });
    readyValue(await sensor.probe());
    expect(await sensor.read()).toEqual({
      state: 'ready',
      value: [{ meterId: 'ipmi-dcmi:node', atMs: clock.monotonicNow(), powerWatts: 167 }],
      detail: 'the whole node by ipmitool; where it is measured (AC in, DC out) DCMI does not tell',
    });
    expect(await readFile(`${root}/asked`, 'utf8')).toBe('C dcmi power reading\n');
  });

  test('FreeIPMI where there is no ipmitool', async () => {
    const { sensor } = await sensorOn({
      programs: {
        'ipmi-dcmi': `[ "$*" = --get-system-power-statistics ] && play ${recording('composed__freeipmi')}`,
      },
    });
    readyValue(await sensor.probe());
    expect(readyValue(await sensor.read())).toMatchObject([{ powerWatts: 412 }]);
  });

  test('FreeIPMI also where ipmitool may not be run', async () => {
    const PATH = await fakePrograms({ 'ipmi-dcmi': `play ${recording('composed__freeipmi')}` });
    await writeFile(`${PATH}/ipmitool`, '#!/bin/sh\n');
    const host = await emptyHost();
    await host.write({ 'sys/class/ipmi/ipmi0/dev': '237:0\n' });
    const sensor = createDcmiSensor({ paths: host.paths, clock: manualClock(), env: { PATH }, use: 'auto' });
    readyValue(await sensor.probe());
  });

  test('no controller, no program and switched off are each absent, and say which', async () => {
    const none = await sensorOn({ programs: IPMITOOL, controller: false });
    expect(await none.sensor.probe()).toMatchObject({
      state: 'absent',
      detail: expect.stringMatching(/no management controller/),
    });
    const bare = await sensorOn({});
    expect(await bare.sensor.probe()).toMatchObject({
      state: 'absent',
      detail: expect.stringMatching(/neither ipmitool nor ipmi-dcmi/),
    });
    const off = await sensorOn({ programs: IPMITOOL, use: 'off' });
    expect(await off.sensor.probe()).toMatchObject({
      state: 'absent',
      detail: expect.stringMatching(/switched off/),
    });
  });

  test.each([
    ['25', 'a multi-system chassis'],
    ['28', 'a blade'],
  ])('in a chassis of type %s it is used by the word of the operator only', async (type, name) => {
    const files = { 'sys/class/dmi/id/chassis_type': `${type}\n` };
    const { sensor } = await sensorOn({ programs: IPMITOOL, files });
    expect(await sensor.probe()).toMatchObject({
      state: 'noData',
      detail: `not used: this host is in ${name}, whose meter may cover others`,
      fix: expect.stringMatching(/"nodeMeter"/),
    });
    readyValue(await (await sensorOn({ programs: IPMITOOL, files, use: 'node' })).sensor.probe());
    const rack = { 'sys/class/dmi/id/chassis_type': '23\n' };
    readyValue(await (await sensorOn({ programs: IPMITOOL, files: rack })).sensor.probe());
  });

  test('without rights it says how to get them', async () => {
    const said = 'Could not open device at /dev/ipmi0 or /dev/ipmi/0 or /dev/ipmidev/0: Permission denied';
    const { sensor } = await sensorOn({ programs: { ipmitool: `echo "${said}" >&2; exit 1` } });
    expect(await sensor.probe()).toMatchObject({
      state: 'noData',
      detail: `ipmitool may not ask the controller: ${said}`,
      fix: expect.stringMatching(/udev/),
    });
  });

  test('one that says the same for more than five minutes, time stamp included, is stuck until it changes', async () => {
    const { root, write } = await emptyHost();
    const text = await readFile(recording('telegraf__ipmitool_dcmi'), 'utf8');
    await write({ said: text });
    const { sensor, clock } = await sensorOn({ programs: { ipmitool: `play ${root}/said` } });
    readyValue(await sensor.probe());
    clock.advance(300_000);
    await sensor.close();
    readyValue(await sensor.probe());
    clock.advance(1);
    await sensor.close();
    expect(await sensor.probe()).toMatchObject({
      state: 'noData',
      detail: expect.stringMatching(/said the same for more than 5 min/),
    });
    await write({ said: text.replace('21:22:51', '21:28:59') });
    readyValue(await sensor.probe());
  });

  test('closing ends one that hangs', async () => {
    const { root } = await emptyHost();
    const { sensor, clock } = await sensorOn({
      programs: { ipmitool: `echo $$ > ${root}/pid; emit started; hang` },
    });
    const probe = sensor.probe();
    const pid = await pidIn(`${root}/pid`);
    await sensor.close();
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    clock.advance(6_000);
    expect(await probe).toMatchObject({ state: 'noData' });
  });
});

async function pidIn(file: string): Promise<number> {
  for (;;) {
    const text = await readFile(file, 'utf8').catch(() => '');
    if (text.endsWith('\n')) return Number(text);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
