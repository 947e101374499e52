/** Power series as files: a row per device and window with its samples in whole watts. */
import { decodeSeries, MAX_SERIES_SAMPLES } from '../../../shared/ledger/series-codec.ts';
import { readNodeDevices } from '../../storage/node-devices.ts';
import type { KeySpan } from '../../storage/node-hours.ts';
import { readNodeIds, readSeriesHours } from '../../storage/retention-hours.ts';
import { inflate } from '../inflate.ts';
import { type Column, ParquetFiles } from './parquet.ts';

interface SeriesRow {
  readonly nodeId: string;
  readonly windowStartMs: number;
  readonly deviceId: string;
  readonly stepMilliseconds: number;
  readonly watts: readonly (number | null)[];
}

const COLUMNS: readonly Column<SeriesRow>[] = [
  { name: 'node_id', type: 'text', value: (row) => row.nodeId },
  { name: 'window_start', type: 'instant', value: (row) => row.windowStartMs },
  { name: 'device_id', type: 'text', value: (row) => row.deviceId },
  { name: 'step_milliseconds', type: 'integer', value: (row) => row.stepMilliseconds },
  { name: 'watts', type: 'integers', value: (row) => row.watts },
];

/** Device windows whose samples are held at once: half a million at ten a second. */
const GROUP_ROWS = 192;

/** @param nodes the numbers that the spans are of */
export async function seriesFiles(
  db: D1Database,
  nodes: KeySpan,
  spans: readonly KeySpan[],
  unchangedSinceMs: number,
): Promise<readonly Uint8Array[]> {
  const windows = await readSeriesHours(db, spans, unchangedSinceMs);
  if (windows.length === 0) return [];
  const nodeNumbers = [...new Set(windows.map(({ nodeNumber }) => nodeNumber))];
  const [nodeIds, devices] = await Promise.all([readNodeIds(db, nodes), readNodeDevices(db, nodeNumbers)]);
  const deviceIds = new Map(
    devices.map(({ nodeNumber, deviceIndex, id }) => [`${nodeNumber} ${deviceIndex}`, id]),
  );
  const files = new ParquetFiles(COLUMNS);
  let rows: SeriesRow[] = [];
  for (const { nodeNumber, windowStartMs, series } of windows) {
    if (rows.length >= GROUP_ROWS) {
      files.add(rows);
      rows = [];
    }
    for (const { deviceIndex, stepMilliseconds, deflated } of series) {
      const deviceId = deviceIds.get(`${nodeNumber} ${deviceIndex}`);
      const nodeId = nodeIds.get(nodeNumber);
      if (deviceId === undefined || nodeId === undefined)
        throw new Error(`device ${deviceIndex} of node ${nodeNumber} is in no registry`);
      const watts = decodeSeries(inflate(deflated, 3 * MAX_SERIES_SAMPLES));
      rows.push({ nodeId, windowStartMs, deviceId, stepMilliseconds, watts });
    }
  }
  files.add(rows);
  return files.finish();
}
