/** Meters that overlap are never added: which of a host's meters is booked, and as what. */
import type { Meter } from './reading.ts';

export type MeterRole =
  /** Booked as its device. */
  | 'part'
  /** Booked as the rest of the host: itself minus the parts. */
  | 'node'
  /** Covered by another meter. */
  | 'covered';

/**
 * A module meter (GH200) covers its CPU, that one's memory and the GPU it is named for; of several node meters the first is used.
 * @returns the role of each meter by id
 */
export function rolesOf(meters: readonly Meter[]): ReadonlyMap<string, MeterRole> {
  const nodeMeter = meters.find((meter) => meter.scope === 'node');
  const modules = meters.filter((meter) => meter.scope === 'module');
  const moduleDevices = new Set(modules.map((meter) => meter.deviceId));
  const roleOf = (meter: Meter): MeterRole => {
    if (meter.scope === 'module') return 'part';
    if (meter.scope === 'node') return meter === nodeMeter ? 'node' : 'covered';
    if (moduleDevices.has(meter.deviceId)) return 'covered';
    const beside = meter.deviceType === 'cpu' || meter.deviceType === 'memory';
    return modules.length > 0 && beside ? 'covered' : 'part';
  };
  return new Map(meters.map((meter) => [meter.id, roleOf(meter)]));
}
