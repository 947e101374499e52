/**
 * A node's power over time, per device: stored series where they are, in the database or in the archive, the mean of the window's
 * energy elsewhere.
 */

import type { DeviceEntry } from '../../shared/ledger/hour.ts';
import { resample } from '../../shared/ledger/resample.ts';
import { SEAL_AFTER_MS } from '../../shared/ledger/seal.ts';
import { decodeSeries, MAX_SERIES_SAMPLES } from '../../shared/ledger/series-codec.ts';
import { WINDOW_MS } from '../../shared/time/window.ts';
import type { DeviceType } from '../../shared/wire/ingest.ts';
import { readNodeDevices } from '../storage/node-devices.ts';
import { type PowerWindow, readPowerWindows } from '../storage/node-series.ts';
import { inflate } from './inflate.ts';
import { type ArchivedSeries, readArchivedSeries, seriesKey } from './retention/read-series.ts';

export interface PowerQuery {
  readonly nodeNumber: number;
  readonly fromMs: number;
  readonly toMs: number;
  readonly stepMs: number;
  /** Null: every device. */
  readonly deviceId: string | null;
}

export interface DevicePower {
  readonly id: string;
  readonly type: DeviceType;
  readonly name: string;
  /** One per step from `fromMs`; null where nothing was metered. */
  readonly watts: (number | null)[];
  /** How many windows stand as the mean of their energy, because no series is stored for them. */
  readonly windowsFromEnergy: number;
}

export async function nodePower(db: D1Database, query: PowerQuery, nowMs: number): Promise<DevicePower[]> {
  const devices = (await readNodeDevices(db, [query.nodeNumber])).filter(
    ({ id }) => query.deviceId === null || id === query.deviceId,
  );
  const windows = await readPowerWindows(
    db,
    query.nodeNumber,
    query.fromMs - (query.fromMs % WINDOW_MS),
    query.toMs,
  );
  // Younger ones have not left: where they have no series, none came.
  const archived = windows.filter(
    ({ series, windowStartMs }) => series.length === 0 && windowStartMs < nowMs - SEAL_AFTER_MS,
  );
  const inArchive =
    archived.length === 0
      ? new Map<string, ArchivedSeries>()
      : await readArchivedSeries(
          db,
          query.nodeNumber,
          archived[0]!.windowStartMs,
          archived.at(-1)!.windowStartMs + WINDOW_MS,
        );
  return devices.map((device) => devicePower(device, windows, inArchive, query));
}

function devicePower(
  device: DeviceEntry,
  windows: readonly PowerWindow[],
  inArchive: ReadonlyMap<string, ArchivedSeries>,
  query: PowerQuery,
): DevicePower {
  const spans: { startMs: number; stepMs: number; watts: readonly (number | null)[] }[] = [];
  let windowsFromEnergy = 0;
  for (const window of windows) {
    const stored = window.series.find(({ deviceIndex }) => deviceIndex === device.deviceIndex);
    if (stored !== undefined) {
      const watts = decodeSeries(inflate(stored.deflated, 3 * MAX_SERIES_SAMPLES));
      spans.push({ startMs: window.windowStartMs, stepMs: stored.stepMilliseconds, watts });
      continue;
    }
    const archived = inArchive.get(seriesKey(window.windowStartMs, device.id));
    if (archived !== undefined) {
      const { stepMilliseconds, watts } = archived;
      spans.push({ startMs: window.windowStartMs, stepMs: stepMilliseconds, watts });
      continue;
    }
    const watts = meanWatts(window, device.deviceIndex);
    if (watts === null) continue;
    windowsFromEnergy++;
    spans.push({ startMs: window.windowStartMs, stepMs: WINDOW_MS, watts: [watts] });
  }
  const { id, type, name } = device;
  return { id, type, name, watts: resample(spans, query), windowsFromEnergy };
}

/** Millijoules over milliseconds are watts; null where the device was not metered at all. */
function meanWatts({ epochs }: PowerWindow, deviceIndex: number): number | null {
  const devices = epochs.flatMap((epoch) =>
    epoch.devices.filter((device) => device.deviceIndex === deviceIndex),
  );
  const milliseconds = devices.reduce((sum, device) => sum + device.meteredMilliseconds, 0);
  if (milliseconds === 0) return null;
  return devices.reduce((sum, device) => sum + device.energyMillijoules, 0) / milliseconds;
}
