/** CPU packages and their DRAM by RAPL's energy counters in sysfs. */
import type { Meter, Reading } from '../../../shared/metering/reading.ts';
import { watts } from '../../../shared/units.ts';
import type { Clock } from '../../clock.ts';
import { readCpuSockets } from '../../inventory/cpu-sockets.ts';
import type { HostPaths } from '../../inventory/host-paths.ts';
import { readTextNow, readTextOrEmpty, type TextRead } from '../../inventory/read-text.ts';
import type { Outcome, Sensor } from '../sensor.ts';
import { type CounterFile, createCounterFile } from './counter-file.ts';
import { findRaplZones, microjoules, type RaplLevel, type RaplZone } from './rapl-zones.ts';

const RAPL_SENSOR = 'rapl';

/** Far above any socket (a 500 W part peaks below 1 kW) and any socket's memory; the server's bounds as well. */
const MAX_PACKAGE_WATTS = 1500;
const MAX_DRAM_WATTS = 500;
const MAX_PLATFORM_WATTS = 3_000;

/** An idle package takes watts: a counter that stands still for this long is dead. */
const DEAD_AFTER_MS = 30_000;

/** Counters of one package's dies that stand this close are two views of one register. */
const SAME_COUNTER_MICROJOULES = 1_000_000;

/** Since 2020 (CVE-2020-8694) the counters are readable by root only. */
export const RAPL_RIGHTS_FIX =
  'run "systemctl edit wattshed", add "[Service]" and "AmbientCapabilities=CAP_DAC_READ_SEARCH" (and the same CapabilityBoundingSet), then "systemctl restart wattshed"; ' +
  'or give a group the right at each boot: in /etc/tmpfiles.d/wattshed.conf "z /sys/devices/virtual/powercap/intel-rapl/intel-rapl:*/energy_uj 0440 root wattshed" and "z /sys/devices/virtual/powercap/intel-rapl/intel-rapl:*/intel-rapl:*/energy_uj 0440 root wattshed", then "systemd-tmpfiles --create"';

export interface RaplSensorOptions {
  readonly paths: HostPaths;
  readonly clock: Clock;
  readonly level: RaplLevel;
}

interface Counter {
  readonly zone: RaplZone;
  readonly file: CounterFile;
  readonly meter: Meter;
  readonly identity: string;
  last: { readonly value: number; readonly sinceMs: number } | null;
}

export function createRaplSensor({ paths, clock, level }: RaplSensorOptions): Sensor {
  let counters: readonly Counter[] = [];
  let notes: readonly string[] = [];
  let detail = '';

  function closeAll(): void {
    for (const { file } of counters) file.close();
  }

  return {
    name: RAPL_SENSOR,

    async probe() {
      const found = await findRaplZones(paths.sysRoot, level);
      if (found.length === 0)
        return {
          state: 'absent',
          detail: `no RAPL ${level === 'psys' ? 'psys ("raplLevel")' : 'package'} in ${paths.sysRoot}/class/powercap (a virtual machine, or the intel_rapl_msr module is not loaded)`,
        };
      // A package that has never used anything is a register that a hypervisor does not fill in.
      const values = found
        .map(({ folder }) => energyOf(readTextNow(`${folder}/energy_uj`)))
        .map(
          (read): EnergyRead => (read.ok && read.microjoules === 0 ? { ok: false, code: 'always 0' } : read),
        );
      const readable = found.filter((_, i) => values[i]?.ok);
      if (readable.length === 0) return unreadable(values);
      const mirrors = mirroredDies(found, values);
      const zones = readable.filter((zone) => !mirrors.has(zone.label));
      const bootId = await readTextOrEmpty(`${paths.procRoot}/sys/kernel/random/boot_id`);
      const sockets = await readCpuSockets(paths);
      const nameOf = (socket: number) =>
        sockets.find(({ index }) => index === socket)?.modelName ?? `CPU ${socket}`;
      // A counter that stands still does not begin to move by being looked for again.
      const last = new Map(counters.map((counter) => [counter.zone.label, counter.last]));
      closeAll();
      counters = zones.map((zone) => ({
        zone,
        file: createCounterFile(`${zone.folder}/energy_uj`),
        meter: meterOf(zone, nameOf(zone.socket)),
        identity: `${bootId}/${zone.label}`,
        last: last.get(zone.label) ?? null,
      }));
      const without = found.length - readable.length;
      const endless = zones.filter((zone) => zone.wrapsAt === null);
      notes = [
        zones.map((zone) => zone.label).join(', '),
        ...(mirrors.size > 0 ? [`${[...mirrors].join(', ')}: same counter as its sibling, left out`] : []),
        ...(without > 0 ? [`${without} zones cannot be read`] : []),
        ...(endless.length > 0
          ? [`${endless.map((z) => z.label).join(', ')}: range unknown, a wrap leaves a gap`]
          : []),
      ];
      detail = notes.join('; ');
      return { state: 'ready', value: counters.map((counter) => counter.meter), detail };
    },

    async read() {
      const silent: string[] = [];
      const readings: Reading[] = [];
      for (const counter of counters) {
        const { zone, file, meter, identity } = counter;
        const atMs = clock.monotonicNow();
        const energy = energyOf(file.read());
        if (!energy.ok) {
          silent.push(`${zone.label}: ${energy.code}`);
          continue;
        }
        const value = energy.microjoules;
        if (counter.last?.value !== value) counter.last = { value, sinceMs: atMs };
        if (atMs - counter.last.sinceMs > DEAD_AFTER_MS)
          silent.push(`${zone.label}: the counter stands still`);
        else
          readings.push({
            meterId: meter.id,
            atMs,
            counter: { value, unitsPerMillijoule: 1000, wrapsAt: zone.wrapsAt, identity },
          });
      }
      const told = silent.length === 0 ? detail : [...notes, ...silent].join('; ');
      if (readings.length === 0) return { state: 'noData', detail: told };
      return { state: 'ready', value: readings, detail: told };
    },

    async close() {
      closeAll();
    },
  };
}

type EnergyRead =
  | { readonly ok: true; readonly microjoules: number }
  | { readonly ok: false; readonly code: string };

function energyOf(read: TextRead): EnergyRead {
  if (!read.ok) return read;
  const value = microjoules(read.text);
  return value === null ? { ok: false, code: 'no number' } : { ok: true, microjoules: value };
}

function unreadable(values: readonly EnergyRead[]): Outcome<never> {
  const reasons = [...new Set(values.map((value) => (value.ok ? '' : value.code)))].filter(Boolean);
  const detail = `none of the RAPL zones can be read (${reasons.join(', ')})`;
  return reasons.some((code) => code === 'EACCES' || code === 'EPERM')
    ? { state: 'noData', detail, fix: RAPL_RIGHTS_FIX }
    : { state: 'noData', detail };
}

/** On some AMD parts each die shows the whole package's counter: adding them would double it. */
function mirroredDies(zones: readonly RaplZone[], values: readonly EnergyRead[]): Set<string> {
  const mirrors = new Set<string>();
  const firstDies = new Map<number, number[]>();
  zones.forEach((zone, i) => {
    const value = values[i];
    if (zone.part !== 'package' || !value?.ok) return;
    const seen = firstDies.get(zone.socket) ?? [];
    const energy = value.microjoules;
    if (seen.some((other) => Math.abs(other - energy) < SAME_COUNTER_MICROJOULES)) mirrors.add(zone.label);
    firstDies.set(zone.socket, [...seen, energy]);
  });
  return mirrors;
}

/** psys covers the memory beside the CPUs, as a module's meter does. */
function meterOf(zone: RaplZone, cpuName: string): Meter {
  const { deviceType, deviceName, maxWatts } = {
    package: { deviceType: 'cpu' as const, deviceName: cpuName, maxWatts: MAX_PACKAGE_WATTS },
    dram: {
      deviceType: 'memory' as const,
      deviceName: `memory of socket ${zone.socket}`,
      maxWatts: MAX_DRAM_WATTS,
    },
    psys: { deviceType: 'cpu' as const, deviceName: `${cpuName} (psys)`, maxWatts: MAX_PLATFORM_WATTS },
  }[zone.part];
  return {
    id: `${RAPL_SENSOR}:${zone.label}`,
    sensor: RAPL_SENSOR,
    deviceId: `${deviceType}-${zone.socket}`,
    deviceType,
    deviceName,
    scope: zone.part === 'psys' ? 'module' : 'device',
    powerKind: 'integrated',
    maxPlausibleWatts: watts(maxWatts),
  };
}
