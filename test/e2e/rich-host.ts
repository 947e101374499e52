/**
 * A host with known truth, derived from one node of the recorded run: each part draws a fixed share of what the node
 * drew, so counters, wraps and the remainder are known to the millijoule.
 */
import type { ReplayClock } from '../../agent/replay/replay-clock.ts';
import type { ReadingSource } from '../../agent/run/agent-loop.ts';
import type { Meter, Reading } from '../../shared/metering/reading.ts';
import { monotonicMs, watts } from '../../shared/units.ts';
import type { DeviceType } from '../../shared/wire/ingest.ts';
import type { Sample } from './trace.ts';

/** A range seen on real hosts: at 350 W it wraps every three minutes. */
const RAPL_WRAPS_AT_MICROJOULES = 65_532_610_987;

export interface Part {
  readonly meterId: string;
  readonly deviceId: string;
  readonly deviceType: DeviceType;
  /** Of the node's power. */
  readonly share: number;
  readonly unitsPerMillijoule: 1 | 1000;
  readonly wrapsAt: number | null;
}

const gpus: Part[] = Array.from({ length: 8 }, (_, index) => ({
  meterId: `nvml:GPU-${index}`,
  deviceId: `GPU-${index}`,
  deviceType: 'gpu' as const,
  share: 0.08 + index * 0.002,
  unitsPerMillijoule: 1 as const,
  wrapsAt: null,
}));

const rapl = (domain: 'package' | 'dram', socket: number, share: number): Part => ({
  meterId: `rapl:${domain}-${socket}`,
  deviceId: `${domain === 'package' ? 'cpu' : 'memory'}-${socket}`,
  deviceType: domain === 'package' ? 'cpu' : 'memory',
  share,
  unitsPerMillijoule: 1000,
  wrapsAt: RAPL_WRAPS_AT_MICROJOULES,
});

export const PARTS: readonly Part[] = [
  ...gpus,
  rapl('package', 0, 0.05),
  rapl('package', 1, 0.045),
  rapl('dram', 0, 0.011),
  rapl('dram', 1, 0.012),
];

/** Energy of the node since its first sample, joules, at any instant: the line between samples, as a meter would see it. */
export function energyCurve(samples: readonly Sample[]): (atMs: number) => number {
  const sums = [0];
  for (let i = 1; i < samples.length; i++)
    sums.push(sums[i - 1]! + area(samples[i - 1]!, samples[i]!, samples[i]!.atMs));
  let at = 0;
  return (atMs) => {
    if (samples[at]!.atMs > atMs) at = 0;
    while (at + 2 < samples.length && samples[at + 1]!.atMs <= atMs) at++;
    return sums[at]! + area(samples[at]!, samples[at + 1]!, Math.min(atMs, samples.at(-1)!.atMs));
  };
}

function area(a: Sample, b: Sample, toMs: number): number {
  const power = a.powerWatts + ((b.powerWatts - a.powerWatts) * (toMs - a.atMs)) / (b.atMs - a.atMs);
  return (((a.powerWatts + power) / 2) * (toMs - a.atMs)) / 1000;
}

/** Native units of a part's counter before any wrap: it began before the agent did. */
export function counterAt(part: Part, nodeJoules: number): number {
  return Math.floor(part.share * nodeJoules * 1000 * part.unitsPerMillijoule) + 123_456_789;
}

/** GPU and RAPL counters each second, and a BMC that says every two seconds what the node draws. */
export function richSensors(
  samples: readonly Sample[],
  seen: Map<string, { first: number; last: number }>,
): (clock: ReplayClock) => ReadingSource {
  return (clock) => {
    const energy = energyCurve(samples);
    let nextBmc = 0;
    const meters: Meter[] = PARTS.map((part) => ({
      id: part.meterId,
      sensor: part.meterId.split(':')[0]!,
      deviceId: part.deviceId,
      deviceType: part.deviceType,
      deviceName: part.deviceId,
      scope: 'device',
      powerKind: 'integrated',
      maxPlausibleWatts: watts(2_500),
    }));
    meters.push({
      id: 'bmc',
      sensor: 'bmc',
      deviceId: 'other',
      deviceType: 'other',
      deviceName: 'node',
      scope: 'node',
      powerKind: 'integrated',
      maxPlausibleWatts: watts(30_000),
    });
    return {
      meters,
      async read() {
        const now = clock.monotonicNow();
        const readings: Reading[] = [];
        for (; nextBmc < samples.length && samples[nextBmc]!.atMs <= now; nextBmc++) {
          readings.push({
            meterId: 'bmc',
            atMs: monotonicMs(samples[nextBmc]!.atMs),
            powerWatts: watts(samples[nextBmc]!.powerWatts),
          });
        }
        if (now < samples[0]!.atMs || now > samples.at(-1)!.atMs) return readings;
        const joules = energy(now);
        for (const part of PARTS) {
          const value = counterAt(part, joules);
          const span = seen.get(part.deviceId) ?? { first: value, last: value };
          seen.set(part.deviceId, { first: span.first, last: value });
          const counter = {
            value: part.wrapsAt === null ? value : value % part.wrapsAt,
            unitsPerMillijoule: part.unitsPerMillijoule,
            wrapsAt: part.wrapsAt,
            identity: 'boot-1',
          };
          readings.push({ meterId: part.meterId, atMs: now, counter });
        }
        return readings;
      },
    };
  };
}
