/** Power series as they come: checked once at the door, stored as they are. */
import type { Implausibility } from '../../shared/ledger/plausibility.ts';
import { decodeSeries, MAX_SERIES_SAMPLES } from '../../shared/ledger/series-codec.ts';
import type { StoredSeries } from '../../shared/ledger/series-frame.ts';
import { WINDOW_MS } from '../../shared/time/window.ts';
import type { WindowReport } from '../../shared/wire/ingest.ts';
import { inflate } from './inflate.ts';
import { deviceIndexOf, type Registry } from './ingest-registry.ts';

/** A sample takes at most three bytes up to 30 kW; what unpacks to more is no series. */
const MAX_UNPACKED_BYTES = 3 * MAX_SERIES_SAMPLES;

/** A row of D1 has 2 MB at most, and an hour keeps twelve windows of series: 16 GPUs at 10 Hz take 40 KB each. */
const MAX_SERIES_BYTES = 48 * 1024;

/** The first series of the report that cannot be read or kept, or null. */
export async function hasDamagedSeries(report: WindowReport): Promise<Implausibility | null> {
  const bytes = report.devices.reduce((sum, { series }) => sum + ((series?.watts.length ?? 0) / 4) * 3, 0);
  if (bytes > MAX_SERIES_BYTES) {
    const detail = `The series of the window take ${bytes} bytes together, more than ${MAX_SERIES_BYTES}; sample less often.`;
    return { code: 'series_damaged', deviceId: null, detail };
  }
  for (const { id, series } of report.devices) {
    if (series === undefined) continue;
    const detail = await damage(series.watts, series.stepMilliseconds);
    if (detail !== null) return { code: 'series_damaged', deviceId: id, detail };
  }
  return null;
}

async function damage(base64: string, stepMilliseconds: number): Promise<string | null> {
  try {
    const samples = decodeSeries(await inflate(fromBase64(base64), MAX_UNPACKED_BYTES));
    const most = Math.ceil(WINDOW_MS / stepMilliseconds);
    return samples.length > most
      ? `The series has ${samples.length} samples where a window holds ${most}.`
      : null;
  } catch (error) {
    return `The series cannot be read: ${error instanceof Error ? error.message : String(error)}.`;
  }
}

export function seriesOf(report: WindowReport, registry: Registry): StoredSeries[] {
  return report.devices.flatMap(({ id, series }) =>
    series === undefined
      ? []
      : [
          {
            deviceIndex: deviceIndexOf(registry, id),
            stepMilliseconds: series.stepMilliseconds,
            deflated: fromBase64(series.watts),
          },
        ],
  );
}

function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
