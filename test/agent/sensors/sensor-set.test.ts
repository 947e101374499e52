import { readFile } from 'node:fs/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Clock } from '../../../agent/clock.ts';
import { readOnce } from '../../../agent/sensors/once.ts';
import { coveredBy } from '../../../agent/sensors/precedence.ts';
import type { Outcome, Sensor } from '../../../agent/sensors/sensor.ts';
import { openSensorSet, openSensors } from '../../../agent/sensors/sensor-set.ts';
import type { Meter, MeterScope, Reading } from '../../../shared/metering/reading.ts';
import { watts } from '../../../shared/units.ts';
import type { DeviceType } from '../../../shared/wire/ingest.ts';
import { fakePrograms } from './fake-program.ts';
import { emptyHost, fixture } from './host-tree.ts';
import { manualClock } from './manual-clock.ts';
import { fakeNvidiaSmi } from './nvidia/fake-nvidia-smi.ts';
import { buildFakeNvml, COMPILER } from './nvidia/fake-nvml.ts';

const meter = (sensor: string, deviceType: DeviceType, scope: MeterScope = 'device'): Meter => ({
  id: `${sensor}:${deviceType}`,
  sensor,
  deviceId: `${deviceType}-0`,
  deviceType,
  deviceName: deviceType,
  scope,
  powerKind: 'integrated',
  maxPlausibleWatts: watts(1000),
});

/** A sensor that answers as the test says and counts how often it is asked. */
function scriptedSensor(name: string, type: DeviceType, role: 'better' | 'standIn' = 'better') {
  const own = meter(name, type);
  const asked = { probes: 0, reads: 0, closes: 0 };
  const script: { probe: Outcome<readonly Meter[]>; read: (() => Outcome<readonly Reading[]>) | null } = {
    probe: { state: 'ready', value: [own], detail: 'found' },
    read: null,
  };
  const sensor: Sensor = {
    name,
    ...(role === 'standIn' && { standsInFor: type }),
    async probe() {
      asked.probes++;
      return script.probe;
    },
    async read() {
      asked.reads++;
      if (script.read !== null) return script.read();
      const value = [{ meterId: own.id, atMs: manualClock().monotonicNow(), powerWatts: watts(100) }];
      return { state: 'ready', value, detail: 'reading' };
    },
    async close() {
      asked.closes++;
    },
  };
  return { sensor, asked, script, meter: own };
}

/** Jumps over the second of observation, waits for everything else. */
function observingClock(): Clock {
  const base = manualClock();
  return {
    ...base,
    async sleepUntil(deadline, signal) {
      if (deadline - base.monotonicNow() <= 1000) base.advance(1000);
      await base.sleepUntil(deadline, signal);
    },
  };
}

const ABSENT = { state: 'absent', detail: 'none' } as const;

describe('which sensor is used where two meter the same', () => {
  test.each([
    ['gpu', meter('nvml', 'gpu'), true],
    ['cpu', meter('rapl', 'cpu'), true],
    ['memory', meter('rapl', 'memory'), true],
    ['cpu', meter('nvml', 'gpu', 'module'), true],
    ['memory', meter('nvml', 'gpu', 'module'), true],
    ['memory', meter('rapl', 'cpu'), false],
    ['cpu', meter('nvml', 'gpu'), false],
    ['other', meter('redfish', 'other', 'node'), true],
    ['cpu', meter('redfish', 'other', 'node'), false],
  ] as const)('a stand-in for %s beside %o', (standsInFor, better, covered) => {
    expect(coveredBy({ standsInFor }, [better])).toBe(covered ? better : null);
    expect(coveredBy({ standsInFor }, [])).toBeNull();
  });

  test('a sensor that stands in for nothing is always used', () => {
    expect(coveredBy({}, [meter('nvml', 'gpu', 'module'), meter('rapl', 'cpu')])).toBeNull();
  });
});

describe('the set', () => {
  test('a stand-in is neither probed nor read while the better one works, and says why', async () => {
    const nvml = scriptedSensor('nvml', 'gpu');
    const smi = scriptedSensor('nvidia-smi', 'gpu', 'standIn');
    const set = await openSensorSet([nvml.sensor, smi.sensor], manualClock());
    expect(set.meters).toEqual([nvml.meter]);
    expect((await set.read()).map((reading) => reading.meterId)).toEqual(['nvml:gpu']);
    expect(smi.asked).toMatchObject({ probes: 0, reads: 0 });
    expect(set.health()).toEqual([
      { sensor: 'nvml', state: 'ready', detail: 'reading' },
      { sensor: 'nvidia-smi', state: 'standby', detail: 'not used: nvml meters GPUs here' },
    ]);
  });

  test('a better one that fails keeps its place: its counter tells the rest when it is back', async () => {
    const clock = manualClock();
    const nvml = scriptedSensor('nvml', 'gpu');
    const smi = scriptedSensor('nvidia-smi', 'gpu', 'standIn');
    const set = await openSensorSet([nvml.sensor, smi.sensor], clock);
    nvml.script.read = () => ({ state: 'failed', detail: 'session ended' });
    nvml.script.probe = { state: 'failed', detail: 'driver not loaded', fix: 'load it' };
    expect(await set.read()).toEqual([]);
    clock.advance(600_000);
    expect(await set.read()).toEqual([]);
    expect(smi.asked.probes).toBe(0);
    expect(set.health()[0]).toEqual({
      sensor: 'nvml',
      state: 'failed',
      detail: 'driver not loaded',
      fix: 'load it',
    });
    expect(set.meters).toEqual([nvml.meter]);
  });

  test('one that comes up later takes over, and the stand-in is stopped', async () => {
    const clock = manualClock();
    const rapl = scriptedSensor('rapl', 'cpu');
    const model = scriptedSensor('cpu-model', 'cpu', 'standIn');
    rapl.script.probe = { state: 'noData', detail: 'no rights' };
    const set = await openSensorSet([rapl.sensor, model.sensor], clock);
    expect(set.meters).toEqual([model.meter]);
    rapl.script.probe = { state: 'ready', value: [rapl.meter], detail: 'found' };
    clock.advance(5_000);
    expect((await set.read()).map((reading) => reading.meterId)).toEqual(['rapl:cpu']);
    expect(set.meters).toEqual([rapl.meter]);
    expect(model.asked.closes).toBe(1);
    await set.read();
    expect(model.asked.closes).toBe(1);
  });

  test('what is not ready is looked for after 5 s, 10 s, 20 s ... and at last each 5 minutes', async () => {
    const clock = manualClock();
    const nvml = scriptedSensor('nvml', 'gpu');
    nvml.script.probe = ABSENT;
    const set = await openSensorSet([nvml.sensor], clock);
    const probedAtSeconds: number[] = [];
    for (let second = 1; second <= 1200; second++) {
      const before = nvml.asked.probes;
      clock.advance(1000);
      await set.read();
      if (nvml.asked.probes > before) probedAtSeconds.push(second);
    }
    expect(probedAtSeconds).toEqual([5, 15, 35, 75, 155, 315, 615, 915]);
    expect(nvml.asked.reads).toBe(0);
  });

  test('a ready one looks for changed devices each minute; what it finds can be read at once', async () => {
    const clock = manualClock();
    const nvml = scriptedSensor('nvml', 'gpu');
    const added = { ...nvml.meter, id: 'nvml:GPU-new' };
    const bothRead = [nvml.meter, added].map(({ id }) => ({ meterId: id, atMs: clock.monotonicNow() }));
    nvml.script.read = () => ({ state: 'ready', value: bothRead, detail: 'reading' });
    const set = await openSensorSet([nvml.sensor], clock);
    // A reading without a meter says nothing to anybody.
    expect(await set.read()).toHaveLength(1);
    nvml.script.probe = { state: 'ready', value: [nvml.meter, added], detail: 'found' };
    clock.advance(59_999);
    expect(await set.read()).toHaveLength(1);
    clock.advance(1);
    expect(await set.read()).toHaveLength(2);
    expect(set.meters).toHaveLength(2);
  });

  test('what a host says of itself keeps to what the server takes', async () => {
    const nvml = scriptedSensor('nvml', 'gpu');
    const odd = { ...nvml.meter, deviceName: `\u00dcber\u0007GPU ${'x'.repeat(500)}` };
    nvml.script.probe = {
      state: 'ready',
      value: [odd, { ...odd, deviceName: '\u0000' }],
      detail: 'y'.repeat(5000),
    };
    const set = await openSensorSet([nvml.sensor], manualClock());
    expect(set.meters.map((m) => m.deviceName)).toEqual([`ber GPU ${'x'.repeat(120)}`, 'gpu']);
    expect(set.health()[0]?.detail).toHaveLength(1024);
  });

  test('closing closes every sensor', async () => {
    const sensors = [scriptedSensor('nvml', 'gpu'), scriptedSensor('rapl', 'cpu')];
    const set = await openSensorSet(
      sensors.map(({ sensor }) => sensor),
      manualClock(),
    );
    await set.close();
    expect(sensors.map(({ asked }) => asked.closes)).toEqual([1, 1]);
  });
});

describe.skipIf(COMPILER === null)(
  `a whole host${COMPILER === null ? ' (skipped: no C compiler on this machine)' : ''}`,
  () => {
    test('two GPUs by NVML, two sockets and their DRAM by RAPL, no model beside them', async () => {
      const fake = buildFakeNvml();
      onTestFinished(() => fake.remove());
      await fake.set([
        { uuid: 'GPU-a', energy: 10 },
        { uuid: 'GPU-b', energy: 20 },
      ]);
      const host = await emptyHost();
      await host.writeDump(fixture('powercap/composed__dual_socket_dram_psys.tree.txt'));
      await host.write({
        'proc/driver/nvidia/version': 'NVRM version: 550.54.15\n',
        'proc/cpuinfo': await readFile(fixture('hosts/cpuinfo-2-sockets.txt')),
        'proc/stat': 'cpu0 1 1 1 1\n',
        'proc/meminfo': 'MemTotal: 528000000 kB\n',
      });
      const report = await readOnce({
        paths: host.paths,
        clock: observingClock(),
        nvmlLibraryPath: fake.libraryPath,
      });
      expect(report.sensors.map(({ sensor, state }) => [sensor, state])).toEqual([
        ['nvml', 'ready'],
        ['dcgm-exporter', 'standby'],
        ['nvidia-smi', 'standby'],
        ['amdgpu', 'absent'],
        ['amd-smi', 'standby'],
        ['intel-gpu', 'absent'],
        ['hl-smi', 'absent'],
        ['rapl', 'ready'],
        ['grace-hwmon', 'standby'],
        ['cpu-model', 'standby'],
        ['memory-model', 'standby'],
        ['redfish', 'absent'],
        ['ipmi-dcmi', 'absent'],
        ['acpi-power-meter', 'absent'],
      ]);
      expect(report.meters.map((m) => [m.meter.deviceId, m.reading?.counter?.value])).toEqual([
        ['GPU-a', 10],
        ['GPU-b', 20],
        ['cpu-0', 258218293244],
        ['memory-0', 24468409791],
        ['cpu-1', 130570505826],
        ['memory-1', 64930394974],
      ]);
    });
  },
);

test('one reading of everything leaves no nvidia-smi behind', async () => {
  const host = await emptyHost();
  const row = '0, GPU-0, NVIDIA L40S, 595.80, 110.23, 9';
  const smi = await fakeNvidiaSmi(
    `echo $$ > ${host.root}/pid; emit 'index, uuid, name, driver_version, power.draw, utilization.gpu\\n${row}\\n'; hang`,
  );
  const report = await readOnce({ paths: host.paths, clock: observingClock(), nvidiaSmiPath: smi });
  expect(report.meters).toMatchObject([{ meter: { deviceId: 'GPU-0' }, reading: { powerWatts: 110.23 } }]);
  const pid = Number(await readFile(`${host.root}/pid`, 'utf8'));
  expect(() => process.kill(pid, 0)).toThrow('ESRCH');
});

test('of several meters of the whole node the first is used, beside the parts', async () => {
  const host = await emptyHost();
  await host.write({
    'sys/class/ipmi/ipmi0/dev': '237:0\n',
    'sys/class/hwmon/hwmon0/name': 'power_meter\n',
    'sys/class/hwmon/hwmon0/power1_average': '171000000\n',
    'proc/cpuinfo': await readFile(fixture('hosts/cpuinfo-epyc-vm-2-threads.txt')),
    'proc/stat': 'cpu0 0 0 0 100\n',
  });
  const PATH = await fakePrograms({ ipmitool: `play ${fixture('ipmi-dcmi/telegraf__ipmitool_dcmi.txt')}` });
  const set = await openSensors({ paths: host.paths, clock: manualClock(), env: { PATH } });
  onTestFinished(() => set.close());
  expect(set.meters.map(({ id, scope }) => [id, scope])).toEqual([
    ['cpu-model:cpu-0', 'device'],
    ['ipmi-dcmi:node', 'node'],
  ]);
  expect((await set.read()).at(-1)).toMatchObject({ meterId: 'ipmi-dcmi:node', powerWatts: 167 });
  expect(set.health().at(-1)).toEqual({
    sensor: 'acpi-power-meter',
    state: 'standby',
    detail: 'not used: ipmi-dcmi meters the whole node here',
  });
});

test('a virtual machine without any meter: the models, marked as such', async () => {
  const host = await emptyHost();
  await host.write({
    'proc/cpuinfo': await readFile(fixture('hosts/cpuinfo-epyc-vm-2-threads.txt')),
    'proc/stat': 'cpu0 0 0 0 100\ncpu1 0 0 0 100\n',
    'proc/meminfo': 'MemTotal: 24684092 kB\n',
  });
  const set = await openSensors({
    paths: host.paths,
    clock: manualClock(),
    nvidiaSmiPath: '/nonexistent/nvidia-smi',
  });
  onTestFinished(() => set.close());
  await host.write({ 'proc/stat': 'cpu0 50 0 0 150\ncpu1 50 0 0 150\n' });
  expect(await set.read()).toMatchObject([
    { meterId: 'cpu-model:cpu-0', utilizationRatio: 0.5 },
    { meterId: 'memory-model:memory-0', powerWatts: 1.875 },
  ]);
  expect(set.meters.map((m) => m.powerKind)).toEqual(['modelled', 'modelled']);
  expect(set.health().map(({ sensor, state }) => [sensor, state])).toEqual([
    ['nvml', 'absent'],
    ['dcgm-exporter', 'absent'],
    ['nvidia-smi', 'absent'],
    ['amdgpu', 'absent'],
    ['amd-smi', 'absent'],
    ['intel-gpu', 'absent'],
    ['hl-smi', 'absent'],
    ['rapl', 'absent'],
    ['grace-hwmon', 'absent'],
    ['cpu-model', 'ready'],
    ['memory-model', 'ready'],
    ['redfish', 'absent'],
    ['ipmi-dcmi', 'absent'],
    ['acpi-power-meter', 'absent'],
  ]);
});

describe('a sensor that hangs', () => {
  /** Reads go on while the clock moves as it does between two ticks. */
  async function ticked(
    set: Awaited<ReturnType<typeof openSensorSet>>,
    clock: ReturnType<typeof manualClock>,
  ) {
    const reading = set.read();
    for (let waited = 0; waited < 5; waited++) {
      await new Promise(setImmediate);
      clock.advance(100);
    }
    clock.advance(500);
    return (await reading).map(({ meterId }) => meterId);
  }

  test('while it is looked for holds no tick of the others, and no other search', async () => {
    const clock = manualClock();
    const nvml = scriptedSensor('nvml', 'gpu');
    const hlSmi = scriptedSensor('hl-smi', 'gpu');
    const rapl = scriptedSensor('rapl', 'cpu');
    let answer: (outcome: Outcome<readonly Meter[]>) => void = () => {};
    hlSmi.sensor.probe = () => {
      hlSmi.asked.probes++;
      return new Promise((resolve) => {
        answer = resolve;
      });
    };
    rapl.script.probe = { state: 'noData', detail: 'no rights' };
    const opening = openSensorSet([nvml.sensor, hlSmi.sensor, rapl.sensor], clock);
    await new Promise(setImmediate);
    clock.advance(5_000);
    const set = await opening;
    for (let tick = 0; tick < 30; tick++) expect(await ticked(set, clock)).toContain('nvml:gpu');
    expect(hlSmi.asked.probes).toBe(1);
    expect(set.health()[1]).toMatchObject({
      state: 'noData',
      detail: expect.stringMatching(/^has not answered for \d\d s/),
    });
    expect(rapl.asked.probes).toBeGreaterThan(0);
    answer({ state: 'ready', value: [{ ...hlSmi.meter, id: 'hl-smi:gpu' }], detail: 'found' });
    await ticked(set, clock);
    expect(await ticked(set, clock)).toEqual(['nvml:gpu', 'hl-smi:gpu']);
  });

  test('while it is read is told so, and its late reading is not lost', async () => {
    const clock = manualClock();
    const nvml = scriptedSensor('nvml', 'gpu');
    const amdgpu = scriptedSensor('amdgpu', 'gpu');
    const set = await openSensorSet([nvml.sensor, amdgpu.sensor], clock);
    let answer: (outcome: Outcome<readonly Reading[]>) => void = () => {};
    amdgpu.sensor.read = () => {
      amdgpu.asked.reads++;
      return new Promise((resolve) => {
        answer = resolve;
      });
    };
    for (let tick = 0; tick < 15; tick++) expect(await ticked(set, clock)).toEqual(['nvml:gpu']);
    expect(amdgpu.asked.reads).toBe(1);
    expect(set.health()[1]).toMatchObject({
      state: 'noData',
      detail: expect.stringMatching(/^has not answered for 1\d s/),
    });
    answer({
      state: 'ready',
      value: [{ meterId: amdgpu.meter.id, atMs: clock.monotonicNow() }],
      detail: 'back',
    });
    await new Promise(setImmediate);
    expect(await ticked(set, clock)).toContain('amdgpu:gpu');
    expect(set.health()[1]).toMatchObject({ state: 'ready' });
  });
});
