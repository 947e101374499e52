/**
 * A power series as bytes: whole watts, each as the difference from the last known one. Deflate comes after it and is
 * the caller's (Node and Workers have different ones). A gap within the series is a value of its own, never 0 W.
 */
import { ByteReader, ByteWriter } from './varint.ts';

/** One window at one sample a second, and some air for a faster step; bounds what a hostile series can unpack to. */
export const MAX_SERIES_SAMPLES = 3_000;

/**
 * @param samplesWatts in order of time at one fixed step; null where there was no sample. Rounded to 1 W, the quantum of
 *   the sensors' own noise (2 to 6 % of a GPU's load).
 */
export function encodeSeries(samplesWatts: readonly (number | null)[]): Uint8Array {
  if (samplesWatts.length > MAX_SERIES_SAMPLES)
    throw new RangeError(`a series holds at most ${MAX_SERIES_SAMPLES} samples, got ${samplesWatts.length}`);
  const writer = new ByteWriter();
  let last = 0;
  for (const sample of samplesWatts) {
    if (sample === null) {
      writer.unsigned(0);
      continue;
    }
    const whole = Math.round(sample);
    const difference = whole - last;
    // 0 is taken by "no sample", so differences start at 1.
    writer.unsigned((difference < 0 ? -difference * 2 - 1 : difference * 2) + 1);
    last = whole;
  }
  return writer.finish();
}

/** @throws RangeError where the bytes are damaged, too many, or a power would be negative */
export function decodeSeries(bytes: Uint8Array): (number | null)[] {
  const reader = new ByteReader(bytes);
  const samples: (number | null)[] = [];
  let last = 0;
  while (!reader.done) {
    if (samples.length === MAX_SERIES_SAMPLES)
      throw new RangeError(`a series holds at most ${MAX_SERIES_SAMPLES} samples`);
    const token = reader.unsigned();
    if (token === 0) {
      samples.push(null);
      continue;
    }
    const zigzag = token - 1;
    last += zigzag % 2 === 1 ? -(zigzag + 1) / 2 : zigzag / 2;
    if (last < 0) throw new RangeError('a power in the series is negative');
    samples.push(last);
  }
  return samples;
}
