/** Reads a recorded power trace, plain or gzipped CSV, row by row: `timestamp_utc_ms,device_index,device_name,power_w,util_pct,energy_counter_mj`. */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';

export interface TraceRow {
  readonly atMs: number;
  readonly deviceIndex: number;
  readonly deviceName: string;
  readonly powerWatts?: number;
  readonly utilizationRatio?: number;
  readonly counterMillijoules?: number;
}

export interface TraceFilter {
  /** Rows in `[fromMs, toMs)`. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly onlyDeviceIndex: number | null;
}

export interface TraceCounts {
  rows: number;
  /** Lines that hold no reading: cut short, not a number, below zero. */
  skippedRows: number;
}

const COLUMNS = 'timestamp_utc_ms,device_index,device_name,power_w,util_pct,energy_counter_mj';

/** A file that is no trace or cannot be read; the message says why, and what was expected. */
export class TraceError extends Error {}

/**
 * Rows in the file's order, which must be that of time.
 * @throws TraceError
 */
export async function* readTraceFile(
  path: string,
  filter: TraceFilter,
  counts: TraceCounts,
): AsyncGenerator<TraceRow> {
  const file = createReadStream(path);
  const unzipped = path.endsWith('.gz') ? file.pipe(createGunzip()) : file;
  if (unzipped !== file) file.on('error', (error) => unzipped.destroy(error));
  let header = true;
  let lastAtMs = Number.NEGATIVE_INFINITY;
  for await (const line of linesOf(unzipped, path)) {
    if (header) {
      if (line.trim() !== COLUMNS)
        throw new TraceError(`${path} is no trace: its first line must be ${COLUMNS}`);
      header = false;
      continue;
    }
    const row = parseRow(line);
    if (row === null) {
      if (line.trim() !== '') counts.skippedRows++;
      continue;
    }
    if (row.atMs < lastAtMs) throw new TraceError(`${path} is not in order of time at ${line}`);
    lastAtMs = row.atMs;
    if (row.atMs >= filter.toMs) return;
    if (row.atMs < filter.fromMs) continue;
    if (filter.onlyDeviceIndex !== null && row.deviceIndex !== filter.onlyDeviceIndex) continue;
    counts.rows++;
    yield row;
  }
}

async function* linesOf(stream: NodeJS.ReadableStream, path: string): AsyncGenerator<string> {
  // readline swallows the errors of its input, so they are carried over to whoever reads the lines.
  let failure: Error | null = null;
  const lines = createInterface({ input: Readable.from(stream), crlfDelay: Number.POSITIVE_INFINITY });
  stream.once('error', (error: Error) => {
    failure = error;
    lines.close();
  });
  yield* lines;
  if (failure !== null)
    throw new TraceError(`${path} cannot be read (${(failure as NodeJS.ErrnoException).code})`);
}

function parseRow(line: string): TraceRow | null {
  const cells = line.replaceAll('\0', '').split(',');
  if (cells.length !== 6) return null;
  const [timestamp, index, deviceName, power, utilization, counter] = cells as [
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  const atMs = numberOf(timestamp);
  const deviceIndex = numberOf(index);
  if (atMs === null || deviceIndex === null || !Number.isSafeInteger(deviceIndex)) return null;
  const powerWatts = numberOf(power);
  const utilizationPercent = numberOf(utilization);
  const counterMillijoules = numberOf(counter);
  if (powerWatts === null && counterMillijoules === null) return null;
  return {
    atMs,
    deviceIndex,
    deviceName,
    ...(powerWatts === null ? {} : { powerWatts }),
    ...(utilizationPercent === null ? {} : { utilizationRatio: Math.min(1, utilizationPercent / 100) }),
    ...(counterMillijoules === null ? {} : { counterMillijoules }),
  };
}

/** Null for anything that is not a finite number from zero up: meters write -1 while they change range. */
function numberOf(cell: string): number | null {
  if (cell.trim() === '') return null;
  const value = Number(cell);
  return Number.isFinite(value) && value >= 0 ? value : null;
}
