import { chmod, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createRaplSensor, RAPL_RIGHTS_FIX } from '../../../../agent/sensors/cpu/rapl-sensor.ts';
import type { RaplLevel } from '../../../../agent/sensors/cpu/rapl-zones.ts';
import { coveredBy } from '../../../../agent/sensors/precedence.ts';
import type { Sensor } from '../../../../agent/sensors/sensor.ts';
import { emptyHost, fixture, type HostTree } from '../host-tree.ts';
import { type ManualClock, manualClock } from '../manual-clock.ts';
import { readyValue } from '../outcome.ts';

const BOOT = '15d6b6e0-7043-4ccb-9bc2-a61704e1be85';

async function recordedHost(
  name: string,
  level: RaplLevel = 'packages',
): Promise<{ host: HostTree; sensor: Sensor; clock: ManualClock }> {
  const host = await emptyHost();
  await host.writeDump(fixture(`powercap/${name}.tree.txt`));
  await host.write({ 'proc/sys/kernel/random/boot_id': `${BOOT}\n` });
  const clock = manualClock();
  return { host, clock, sensor: createRaplSensor({ paths: host.paths, clock, level }) };
}

const zone = (name: string, file: string) => `sys/class/powercap/${name}/${file}`;

describe('which zones are summed', () => {
  test.each([
    [
      'procfs__package0_core_package10',
      [
        ['cpu-0', 240422366267, 262143328850],
        ['cpu-10', 240422366267, 262143328850],
      ],
    ],
    ['node_exporter__package0_core', [['cpu-0', 240422366267, 262143328850]]],
    [
      'kepler__intel-rapl_and_mmio',
      [
        ['cpu-0', 240422366267, 262143328850],
        ['cpu-10', 240422366267, 262143328850],
      ],
    ],
    [
      'composed__dual_socket_dram_psys',
      [
        ['cpu-0', 258218293244, 262143328850],
        ['memory-0', 24468409791, 65712999613],
        ['cpu-1', 130570505826, 262143328850],
        ['memory-1', 64930394974, null],
      ],
    ],
    [
      'composed__amd_mirrored_dies',
      [
        ['cpu-0', 41234567890, 65532610987],
        ['cpu-1', 9876543210, 65532610987],
        ['cpu-1', 31876543210, 65532610987],
      ],
    ],
  ])(
    '%s: packages and their DRAM; no core, uncore, psys, mmio twin or mirrored die',
    async (name, expected) => {
      const { sensor } = await recordedHost(name);
      const meters = readyValue(await sensor.probe());
      const readings = readyValue(await sensor.read());
      expect(readings.map((reading) => reading.meterId)).toEqual(meters.map((meter) => meter.id));
      expect(new Set(meters.map((meter) => meter.id)).size).toBe(meters.length);
      expect(
        readings.map(({ counter }, i) => [meters[i]?.deviceId, counter?.value, counter?.wrapsAt]),
      ).toEqual(expected);
    },
  );

  test('psys alone where the operator says so: never beside the packages within it', async () => {
    const { sensor } = await recordedHost('composed__dual_socket_dram_psys', 'psys');
    const meters = readyValue(await sensor.probe());
    expect(meters.map(({ id, deviceId, scope }) => ({ id, deviceId, scope }))).toEqual([
      { id: 'rapl:psys', deviceId: 'cpu-0', scope: 'module' },
    ]);
    expect(readyValue(await sensor.read())[0]?.counter?.value).toBe(154571208422);
    // It covers the memory as well: no model of that stands beside it.
    expect(coveredBy({ standsInFor: 'memory' }, meters)).toBe(meters[0]);
  });

  test('a host without psys says so instead of taking the packages', async () => {
    const { sensor } = await recordedHost('node_exporter__package0_core', 'psys');
    expect(await sensor.probe()).toMatchObject({ state: 'absent', detail: expect.stringContaining('psys') });
  });

  test('meters name the socket and keep their place across restarts', async () => {
    const { sensor } = await recordedHost('composed__dual_socket_dram_psys');
    expect(readyValue(await sensor.probe())[1]).toEqual({
      id: 'rapl:package-0/dram',
      sensor: 'rapl',
      deviceId: 'memory-0',
      deviceType: 'memory',
      deviceName: 'memory of socket 0',
      scope: 'device',
      powerKind: 'integrated',
      maxPlausibleWatts: 500,
    });
  });

  test('a range that cannot be read is told: no wrap is corrected', async () => {
    const { sensor } = await recordedHost('composed__dual_socket_dram_psys');
    expect((await sensor.probe()).detail).toBe(
      'package-0, package-0/dram, package-1, package-1/dram; package-1/dram: range unknown, a wrap leaves a gap',
    );
  });

  test('mirrored dies are told', async () => {
    const { sensor } = await recordedHost('composed__amd_mirrored_dies');
    expect((await sensor.probe()).detail).toContain('package-0-die-1: same counter as its sibling, left out');
  });
});

describe('readings', () => {
  test('microjoules with the boot as identity, stamped by the monotonic clock', async () => {
    const { sensor, clock } = await recordedHost('node_exporter__package0_core');
    await sensor.probe();
    clock.advance(1234);
    expect(readyValue(await sensor.read())).toEqual([
      {
        meterId: 'rapl:package-0',
        atMs: clock.monotonicNow(),
        counter: {
          value: 240422366267,
          unitsPerMillijoule: 1000,
          wrapsAt: 262143328850,
          identity: `${BOOT}/package-0`,
        },
      },
    ]);
  });

  test('counters beyond 2^45 stay exact; an empty, negative or padded file is read for what it is', async () => {
    const { host, sensor } = await recordedHost('node_exporter__package0_core');
    await sensor.probe();
    const energy = zone('intel-rapl:0', 'energy_uj');
    await host.write({ [energy]: `60293987000001\n${'\0'.repeat(4000)}` });
    expect(readyValue(await sensor.read())[0]?.counter?.value).toBe(60293987000001);
    await host.write({ [energy]: '0\n' });
    expect(readyValue(await sensor.read())[0]?.counter?.value).toBe(0);
    for (const broken of ['', '-5\n', 'no data\n']) {
      await host.write({ [energy]: broken });
      expect(await sensor.read()).toMatchObject({ state: 'noData' });
    }
  });

  test('a zone that fails is left out and told with the reason of the kernel, the other goes on', async () => {
    const { host, sensor } = await recordedHost('composed__dual_socket_dram_psys');
    await sensor.probe();
    const energy = join(host.root, zone('intel-rapl:1', 'energy_uj'));
    await rm(energy);
    // Reading one's own memory at address 0 is an input/output error.
    await host.link(zone('intel-rapl:1', 'energy_uj'), '/proc/self/mem');
    const outcome = await sensor.read();
    expect(readyValue(outcome)).toHaveLength(3);
    expect(outcome.detail).toContain('package-1: EIO');
    await rm(energy);
    expect((await sensor.read()).detail).toContain('package-1: ENOENT');
  });

  test('a counter that stands still for 30 s is dead, not 0 W', async () => {
    const { host, sensor, clock } = await recordedHost('node_exporter__package0_core');
    await sensor.probe();
    readyValue(await sensor.read());
    clock.advance(30_000);
    expect(readyValue(await sensor.read())).toHaveLength(1);
    clock.advance(1);
    expect(await sensor.read()).toMatchObject({
      state: 'noData',
      detail: 'package-0; package-0: the counter stands still',
    });
    await host.write({ [zone('intel-rapl:0', 'energy_uj')]: '240422366268\n' });
    expect(readyValue(await sensor.read())).toHaveLength(1);
  });
});

describe('no meter', () => {
  test('a host without powercap: absent', async () => {
    const { paths } = await emptyHost();
    const sensor = createRaplSensor({ paths, clock: manualClock(), level: 'packages' });
    expect(await sensor.probe()).toMatchObject({ state: 'absent' });
  });

  test('a counter that only root may read: no data, with the exact mend', async () => {
    const { host, sensor } = await recordedHost('node_exporter__package0_core');
    await chmod(join(host.root, zone('intel-rapl:0', 'energy_uj')), 0o400);
    const outcome = await asOrdinaryUser(() => sensor.probe(), host);
    expect(outcome).toEqual({
      state: 'noData',
      detail: 'none of the RAPL zones can be read (EACCES)',
      fix: RAPL_RIGHTS_FIX,
    });
    expect(RAPL_RIGHTS_FIX).toContain('AmbientCapabilities=CAP_DAC_READ_SEARCH');
  });

  test('a register that a hypervisor leaves at 0 is no meter', async () => {
    const { host, sensor } = await recordedHost('node_exporter__package0_core');
    await host.write({ [zone('intel-rapl:0', 'energy_uj')]: '0\n' });
    expect(await sensor.probe()).toEqual({
      state: 'noData',
      detail: 'none of the RAPL zones can be read (always 0)',
    });
  });
});

const NOBODY = 65_534;

/** Tests that run as root give its rights up for a while; others take them from the file. */
async function asOrdinaryUser<T>(action: () => Promise<T>, host: HostTree): Promise<T> {
  if (process.getuid?.() !== 0) {
    await chmod(join(host.root, zone('intel-rapl:0', 'energy_uj')), 0o000);
    return action();
  }
  process.seteuid?.(NOBODY);
  try {
    return await action();
  } finally {
    process.seteuid?.(0);
  }
}
