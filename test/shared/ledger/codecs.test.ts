import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { HourLedger } from '../../../shared/ledger/hour.ts';
import { decodeHour, encodeHour } from '../../../shared/ledger/hour-codec.ts';
import { decodeSeries, encodeSeries, MAX_SERIES_SAMPLES } from '../../../shared/ledger/series-codec.ts';
import { decodeSeriesFrame, encodeSeriesFrame } from '../../../shared/ledger/series-frame.ts';
import { hourOf } from './arbitraries.ts';

test('an hour comes back as it was written, whatever is in it', () => {
  fc.assert(
    fc.property(hourOf(), (hour) => {
      expect(decodeHour(encodeHour(hour))).toEqual(hour);
    }),
    { numRuns: 200 },
  );
});

test('an hour of nine devices takes under 1,400 bytes', () => {
  const bytes = encodeHour(fullHour());
  expect(bytes.length).toBeLessThan(1_400);
  expect(JSON.stringify(fullHour()).length).toBeGreaterThan(10 * bytes.length);
});

test('damaged bytes are an error, never a number', () => {
  const bytes = encodeHour(fullHour());
  expect(() => decodeHour(bytes.subarray(0, bytes.length - 1))).toThrow(RangeError);
  expect(() => decodeHour(Uint8Array.from([...bytes, 0]))).toThrow(/left over/);
  expect(() => decodeHour(Uint8Array.from([9, ...bytes.subarray(1)]))).toThrow(/format 9/);
});

test('an hour written before shares had an attribution is read as all by allocation', () => {
  const name = [8, ...new TextEncoder().encode('epoch001')];
  const share = [7, 3, 100, 50];
  const firstWindow = [1, 0, 2, 0, 0, 1, ...share];
  const hour = Uint8Array.from([1, 1, ...name, ...firstWindow, ...Array(11).fill(0)]);
  expect(decodeHour(hour).windows[0]![0]!.jobShares).toEqual([
    { jobNumber: 7, deviceIndex: 3, energyMillijoules: 100, allocatedMilliseconds: 50 },
  ]);
});

const samples = fc.array(fc.oneof(fc.integer({ min: 0, max: 30_000 }), fc.constant(null)), {
  maxLength: 400,
});

test('a series comes back in whole watts, gaps as gaps', () => {
  fc.assert(
    fc.property(samples, (watts) => {
      expect(decodeSeries(encodeSeries(watts))).toEqual(watts);
    }),
  );
  expect(decodeSeries(encodeSeries([99.6, null, 0]))).toEqual([100, null, 0]);
});

test('a series that is too long, negative or cut is refused', () => {
  expect(() => encodeSeries(Array(MAX_SERIES_SAMPLES + 1).fill(1))).toThrow(RangeError);
  expect(() => decodeSeries(new Uint8Array(MAX_SERIES_SAMPLES + 1).fill(1))).toThrow(RangeError);
  expect(() => decodeSeries(Uint8Array.from([2]))).toThrow(/negative/);
  expect(() => decodeSeries(Uint8Array.from([130]))).toThrow(/too early/);
});

test('a frame keeps each device apart', () => {
  const frame = [
    { deviceIndex: 0, stepMilliseconds: 1_000, deflated: Uint8Array.from([1, 2, 3]) },
    { deviceIndex: 300, stepMilliseconds: 2_000, deflated: new Uint8Array() },
  ];
  expect(decodeSeriesFrame(encodeSeriesFrame(frame))).toEqual(frame);
});

/** Eight GPUs near 650 W and the host, every window reported, counters beside integrated power. */
function fullHour(): HourLedger {
  const noise = (seed: number) => Math.abs(Math.sin(seed * 12.9898) * 43758.5453) % 1;
  return {
    windows: Array.from({ length: 12 }, (_, window) => [
      {
        epoch: 'k3v9c0ffee12',
        revision: 5,
        final: true,
        contentDigest: Math.floor(noise(window) * 2 ** 32),
        devices: Array.from({ length: 9 }, (_, deviceIndex) => {
          const energyMillijoules = Math.round((640 + 20 * noise(window * 9 + deviceIndex)) * 300_000);
          return {
            deviceIndex,
            meteredMilliseconds: 300_000,
            energyMillijoules,
            kind: 'counter' as const,
            recoveredMillijoules: 0,
            integratedMillijoules: Math.round(
              energyMillijoules * (0.99 + 0.02 * noise(deviceIndex + window)),
            ),
            idleMillijoules: 0,
            utilizationRatio: 0.97,
          };
        }),
        jobShares: [],
      },
    ]),
  };
}
