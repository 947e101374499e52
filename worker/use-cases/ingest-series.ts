/** Power series as they come: checked once at the door, stored as they are. */
import type { Implausibility } from '../../shared/ledger/plausibility.ts';
import { decodeSeries, MAX_SERIES_SAMPLES } from '../../shared/ledger/series-codec.ts';
import { seriesDisagreement } from '../../shared/ledger/series-energy.ts';
import type { StoredSeries } from '../../shared/ledger/series-frame.ts';
import { WINDOW_MS } from '../../shared/time/window.ts';
import type { DeviceReport, SeriesWire, WindowReport } from '../../shared/wire/ingest.ts';
import { inflate } from './inflate.ts';
import { deviceIndexOf, type Registry } from './ingest-registry.ts';

/** A sample takes at most three bytes up to 30 kW; what unpacks to more is no series. */
const MAX_UNPACKED_BYTES = 3 * MAX_SERIES_SAMPLES;

/** A row of D1 has 2 MB at most, and an hour keeps twelve windows of series: 16 GPUs at 10 Hz take 40 KB each. */
export const MAX_SERIES_BYTES = 48 * 1024;

/** What is wrong with the power series of a report. */
export interface SeriesFaults {
  /** The first that cannot be read or kept. */
  readonly damaged: Implausibility | null;
  /** Those that are of another energy than the one beside them. */
  readonly disagreeing: readonly Implausibility[];
}

export function findSeriesFaults(report: WindowReport): SeriesFaults {
  const bytes = report.devices.reduce((sum, { series }) => sum + ((series?.watts.length ?? 0) / 4) * 3, 0);
  if (bytes > MAX_SERIES_BYTES) {
    const detail = `The series of the window take ${bytes} bytes together, more than ${MAX_SERIES_BYTES}; sample less often.`;
    return { damaged: { code: 'series_damaged', deviceId: null, detail }, disagreeing: [] };
  }
  const disagreeing: Implausibility[] = [];
  for (const device of report.devices) {
    if (device.series === undefined) continue;
    const fault = faultOf(device, device.series);
    if (fault?.code === 'series_damaged') return { damaged: fault, disagreeing };
    if (fault !== null) disagreeing.push(fault);
  }
  return { damaged: null, disagreeing };
}

/** The report without the series of these devices; undefined: of any. */
export function withoutSeries(report: WindowReport, ofDevices?: ReadonlySet<string>): WindowReport {
  const devices = report.devices.map((device) => {
    const { series: _, ...rest } = device;
    return ofDevices === undefined || ofDevices.has(device.id) ? rest : device;
  });
  return { ...report, devices };
}

function faultOf(device: DeviceReport, { watts, stepMilliseconds }: SeriesWire): Implausibility | null {
  const damaged = (detail: string): Implausibility => ({
    code: 'series_damaged',
    deviceId: device.id,
    detail,
  });
  let samples: readonly (number | null)[];
  try {
    samples = decodeSeries(inflate(Uint8Array.fromBase64(watts), MAX_UNPACKED_BYTES));
  } catch (error) {
    return damaged(`The series cannot be read: ${error instanceof Error ? error.message : String(error)}.`);
  }
  const most = Math.ceil(WINDOW_MS / stepMilliseconds);
  if (samples.length > most)
    return damaged(`The series has ${samples.length} samples where a window holds ${most}.`);
  const detail = seriesDisagreement(device, samples, stepMilliseconds);
  return detail === null ? null : { code: 'series_disagrees', deviceId: device.id, detail };
}

export function seriesOf(report: WindowReport, registry: Pick<Registry, 'devices'>): StoredSeries[] {
  return report.devices.flatMap(({ id, series }) =>
    series === undefined
      ? []
      : [
          {
            deviceIndex: deviceIndexOf(registry, id),
            stepMilliseconds: series.stepMilliseconds,
            deflated: Uint8Array.fromBase64(series.watts),
          },
        ],
  );
}
