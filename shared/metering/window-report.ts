/** Windows as reports: absolute totals under a revision that grows only when the content does. */
import { WINDOW_MS } from '../time/window.ts';
import type { DeviceReport, JobReport, SeriesWire, WindowReport } from '../wire/ingest.ts';
import { type DeviceSplit, jobReports, splitDevice } from './job-shares.ts';
import { forgetUnused } from './job-timeline.ts';
import type { Accumulator, MeterState, StreamState, WindowState } from './meter-state.ts';
import { SECONDS_PER_WINDOW, weakerKind } from './window-book.ts';

/** @returns base64 of the encoded samples, one per second of the window */
export type SeriesEncoder = (samplesWatts: readonly (number | null)[]) => string;

/**
 * Reports every window that changed since its last revision; those that end by `settledUntilWallMs` are final, carry
 * their power series and leave the state.
 */
export function takeReports(
  state: MeterState,
  settledUntilWallMs: number,
  encodeSeries: SeriesEncoder,
): WindowReport[] {
  const reports: WindowReport[] = [];
  const starts = Object.keys(state.windows)
    .map(Number)
    .sort((a, b) => a - b);
  for (const windowStartMs of starts) {
    const window = state.windows[windowStartMs]!;
    const final = windowStartMs + WINDOW_MS <= settledUntilWallMs;
    if (!final && !window.changed) continue;
    window.revision++;
    window.changed = false;
    const { devices, jobs } = contentOf(state, window, final ? encodeSeries : null);
    reports.push({ windowStartMs, epoch: state.epoch, revision: window.revision, final, devices, jobs });
    if (final) {
      state.counts.disagreements += devices.filter(disagrees).length;
      delete state.windows[windowStartMs];
      state.finalUntilWallMs = Math.max(state.finalUntilWallMs, windowStartMs + WINDOW_MS);
    }
  }
  forgetUnused(state);
  return reports;
}

/**
 * Counter and integrated power of one GPU stay within 4 % of each other over twenty seconds and more of load (recordings of
 * A10G and B300). An idle one differed by 43 %, which is a few watts: both bounds must be passed. Below a minute the steps
 * of the counter tell nothing.
 */
const DISAGREEMENT_RATIO = 0.05;
const DISAGREEMENT_WATTS = 5;
const DISAGREEMENT_MIN_MS = 60_000;

function disagrees(device: DeviceReport): boolean {
  const { integratedMillijoules, energyMillijoules, recoveredMillijoules = 0, meteredMilliseconds } = device;
  if (integratedMillijoules === undefined || meteredMilliseconds < DISAGREEMENT_MIN_MS) return false;
  const counted = energyMillijoules - recoveredMillijoules;
  const larger = Math.max(counted, integratedMillijoules);
  const difference = Math.abs(counted - integratedMillijoules);
  return difference > DISAGREEMENT_RATIO * larger && difference > DISAGREEMENT_WATTS * meteredMilliseconds;
}

/**
 * A device's meters in one window. Those of one sensor are its domains (RAPL) and run side by side; another sensor's took
 * over from them, one after the other.
 */
type BySensor = Map<string, Accumulator[]>;

/** @param encodeSeries null while the window is not final: the series travels once */
function contentOf(
  state: MeterState,
  window: WindowState,
  encodeSeries: SeriesEncoder | null,
): { devices: DeviceReport[]; jobs: JobReport[] } {
  const byDevice = new Map<string, { stream: StreamState; bySensor: BySensor }>();
  for (const [meterId, total] of Object.entries(window.meters)) {
    const stream = state.streams[meterId]!;
    const device = byDevice.get(stream.deviceId) ?? { stream, bySensor: new Map() };
    device.bySensor.set(stream.sensor, [...(device.bySensor.get(stream.sensor) ?? []), total]);
    byDevice.set(stream.deviceId, device);
  }
  const inOrder = [...byDevice].sort(([a], [b]) => (a < b ? -1 : 1));
  const splits = new Map(
    inOrder.map(([id, { bySensor }]) => [id, splitDevice(bySensor, state.jobs.holdings)]),
  );
  return {
    devices: inOrder.map(([id, { stream, bySensor }]) =>
      deviceReport(stream, bySensor, splits.get(id)!, encodeSeries),
    ),
    jobs: jobReports(splits, state.jobs, encodeSeries === null ? null : state.counts),
  };
}

function deviceReport(
  stream: StreamState,
  bySensor: BySensor,
  { idleMillijoules: idle }: DeviceSplit,
  encodeSeries: SeriesEncoder | null,
): DeviceReport {
  const totals = [...bySensor.values()].flat();
  const kind = totals.map((total) => total.kind).reduce(weakerKind);
  const recovered = sum(totals, (total) => total.recoveredMillijoules);
  const integrated = totals.every(
    (total) => total.integratedMillijoules !== null && !total.integratedIncomplete,
  );
  const utilizationSpan = sum(totals, (total) => total.utilizationSpanMilliseconds);
  const utilization = sum(totals, (total) => total.utilizationMilliseconds) / utilizationSpan;
  const series = encodeSeries === null ? null : seriesOf(bySensor, encodeSeries);
  return {
    id: stream.deviceId,
    type: stream.deviceType,
    name: stream.deviceName,
    meteredMilliseconds: meteredOf(bySensor),
    energyMillijoules: sum(totals, (total) => total.energyMillijoules),
    kind,
    ...(recovered > 0 ? { recoveredMillijoules: recovered } : {}),
    ...(kind === 'counter' && integrated
      ? { integratedMillijoules: sum(totals, (total) => total.integratedMillijoules ?? 0) }
      : {}),
    ...(idle > 0 ? { idleMillijoules: idle } : {}),
    ...(utilizationSpan > 0 ? { utilizationRatio: Math.min(1, utilization) } : {}),
    ...(series === null ? {} : { series }),
  };
}

/** Metered while all domains are. */
function meteredOf(bySensor: BySensor): number {
  let metered = 0;
  for (const domains of bySensor.values())
    metered += Math.min(...domains.map((total) => total.meteredMilliseconds));
  return Math.min(metered, WINDOW_MS);
}

function seriesOf(bySensor: BySensor, encodeSeries: SeriesEncoder): SeriesWire | null {
  const samples = Array.from({ length: SECONDS_PER_WINDOW }, (_, second) => {
    for (const domains of bySensor.values()) {
      const watts = domains.map((total) => total.series[second] ?? -1);
      if (watts.every((value) => value >= 0)) return watts.reduce((a, b) => a + b, 0);
    }
    return null;
  });
  if (samples.every((sample) => sample === null)) return null;
  return { stepMilliseconds: 1000, watts: encodeSeries(samples) };
}

function sum(totals: readonly Accumulator[], value: (total: Accumulator) => number): number {
  return totals.reduce((all, total) => all + value(total), 0);
}
