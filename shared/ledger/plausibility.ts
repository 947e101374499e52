/**
 * What a well-formed report may claim. A claim beyond these bounds is set aside for a person: never clamped, never booked,
 * never lost. Bounds are wide on purpose: real cards draw over their limit (738.96 W on a 700 W H100, 1,283.7 W on a
 * 1,100 W B300, both recorded), and a false alarm costs more trust than a small error.
 */
import { DAY_MS, WINDOW_MS } from '../time/window.ts';
import type { DeviceReport, DeviceType, WindowReport } from '../wire/ingest.ts';

/** Highest mean power of one device over a window, watts. */
export const MAX_WATTS: Readonly<Record<DeviceType, number>> = {
  // Twice the largest accelerator of 2026 (1,400 W).
  gpu: 2_500,
  // One socket; the largest of 2026 is specified at 500 W.
  cpu: 1_500,
  // The DIMMs of one socket.
  memory: 500,
  // The rest of a host, or the whole of one that only a node meter sees: 8-GPU nodes draw up to 15 kW.
  other: 30_000,
};

/** Clocks of agent and server may differ by this much before a window counts as not yet begun. */
export const MAX_FUTURE_MS = 5 * 60_000;
/** A spool holds 30 days; windows older than this are a wrong clock or a wrong disk. */
export const MAX_AGE_MS = 35 * DAY_MS;
/** A counter is read at most this much beyond the metered time it stands for (one sampling interval and its jitter). */
const SLACK_MS = 2_000;

/** Why a report was set aside. */
export const QUARANTINE_CODES = [
  'window_in_future',
  'window_too_old',
  'window_sealed',
  'power_implausible',
  'energy_without_time',
  'parts_exceed_whole',
  'over_metered',
  'over_allocated',
  'device_type_changed',
  'too_many_devices',
  'hour_full',
  'series_damaged',
  'series_disagrees',
  'revision_conflict',
] as const;
export type QuarantineCode = (typeof QUARANTINE_CODES)[number];

export interface Implausibility {
  readonly code: QuarantineCode;
  readonly deviceId: string | null;
  /** A sentence with the figures. */
  readonly detail: string;
}

/** The first thing that cannot be true, or null. Time bounds come first: they hold for the whole report. */
export function findImplausibility(report: WindowReport, nowMs: number): Implausibility | null {
  const { windowStartMs } = report;
  if (windowStartMs > nowMs + MAX_FUTURE_MS) {
    return whole(
      'window_in_future',
      `The window starts ${Math.round((windowStartMs - nowMs) / 1000)} s after the server's time; check the host's clock.`,
    );
  }
  if (windowStartMs < nowMs - MAX_AGE_MS) {
    return whole(
      'window_too_old',
      `The window started ${Math.floor((nowMs - windowStartMs) / DAY_MS)} days ago; at most 35 can be booked.`,
    );
  }
  for (const device of report.devices) {
    const found = powerImplausibility(device) ?? contradiction(device, report);
    if (found !== null) return found;
  }
  return null;
}

/** What no person's word makes true: parts that are more than their whole. Booked, something would become negative. */
export function findContradiction(report: WindowReport): Implausibility | null {
  for (const device of report.devices) {
    const found = contradiction(device, report);
    if (found !== null) return found;
  }
  return null;
}

function powerImplausibility(device: DeviceReport): Implausibility | null {
  const { id, type, energyMillijoules, meteredMilliseconds } = device;
  if (energyMillijoules > 0 && meteredMilliseconds === 0) {
    return about(id, 'energy_without_time', `${energyMillijoules} mJ were booked with no metered time.`);
  }
  // Watts times milliseconds are millijoules.
  const span = Math.min(meteredMilliseconds + SLACK_MS, WINDOW_MS);
  for (const energy of [energyMillijoules, device.integratedMillijoules ?? 0]) {
    if (energy > MAX_WATTS[type] * span) {
      const meanWatts = Math.round(energy / Math.max(meteredMilliseconds, 1));
      return about(
        id,
        'power_implausible',
        `A mean of ${meanWatts} W is over the ${MAX_WATTS[type]} W that a device of type "${type}" can draw.`,
      );
    }
  }
  return null;
}

function contradiction(device: DeviceReport, report: WindowReport): Implausibility | null {
  const { id, energyMillijoules, recoveredMillijoules = 0, idleMillijoules = 0 } = device;
  if (recoveredMillijoules > energyMillijoules) {
    return about(
      id,
      'parts_exceed_whole',
      `recoveredMillijoules (${recoveredMillijoules}) is over energyMillijoules (${energyMillijoules}).`,
    );
  }
  if (idleMillijoules > energyMillijoules) {
    return about(
      id,
      'parts_exceed_whole',
      `idleMillijoules (${idleMillijoules}) is over energyMillijoules (${energyMillijoules}).`,
    );
  }
  return jobsContradiction(device, report);
}

/**
 * Idle and jobs are parts of the device's energy, and allocations parts of its time: together they cannot be more than
 * the whole, or jobs would carry more than the node emits. Jobs that share a device share its time.
 */
function jobsContradiction(device: DeviceReport, report: WindowReport): Implausibility | null {
  let inJobs = 0;
  let allocatedMilliseconds = 0;
  for (const job of report.jobs) {
    for (const share of job.devices) {
      if (share.id !== device.id) continue;
      inJobs += share.energyMillijoules;
      allocatedMilliseconds += share.allocatedMilliseconds;
    }
  }
  const { idleMillijoules = 0, energyMillijoules } = device;
  if (allocatedMilliseconds > WINDOW_MS) {
    return about(
      device.id,
      'over_allocated',
      `Jobs were allocated ${allocatedMilliseconds} ms of a window of ${WINDOW_MS} ms.`,
    );
  }
  if (inJobs + idleMillijoules <= energyMillijoules) return null;
  return about(
    device.id,
    'parts_exceed_whole',
    `Jobs (${inJobs} mJ) and idle (${idleMillijoules} mJ) are over the device's ${energyMillijoules} mJ.`,
  );
}

const whole = (code: QuarantineCode, detail: string): Implausibility => ({ code, deviceId: null, detail });
const about = (deviceId: string, code: QuarantineCode, detail: string): Implausibility => ({
  code,
  deviceId,
  detail,
});
