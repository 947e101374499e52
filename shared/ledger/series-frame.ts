/** The power series of one node's window as stored: each device's deflated samples behind its small number and step. */
import { ByteReader, ByteWriter } from './varint.ts';

export interface StoredSeries {
  readonly deviceIndex: number;
  readonly stepMilliseconds: number;
  /** Deflated bytes of `encodeSeries`. */
  readonly deflated: Uint8Array;
}

export function encodeSeriesFrame(series: readonly StoredSeries[]): Uint8Array {
  const writer = new ByteWriter();
  for (const { deviceIndex, stepMilliseconds, deflated } of series) {
    writer.unsigned(deviceIndex);
    writer.unsigned(stepMilliseconds);
    writer.unsigned(deflated.length);
    writer.raw(deflated);
  }
  return writer.finish();
}

/** @throws RangeError where the bytes are damaged */
export function decodeSeriesFrame(bytes: Uint8Array): StoredSeries[] {
  const reader = new ByteReader(bytes);
  const series: StoredSeries[] = [];
  while (!reader.done) {
    const deviceIndex = reader.unsigned();
    const stepMilliseconds = reader.unsigned();
    const deflated = reader.take(reader.unsigned());
    series.push({ deviceIndex, stepMilliseconds, deflated });
  }
  return series;
}
