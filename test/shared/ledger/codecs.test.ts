import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { HourLedger, LedgerDevice, LedgerJobShare } from '../../../shared/ledger/hour.ts';
import { decodeHour, encodeHour } from '../../../shared/ledger/hour-codec.ts';
import { decodeSeries, encodeSeries, MAX_SERIES_SAMPLES } from '../../../shared/ledger/series-codec.ts';
import { decodeSeriesFrame, encodeSeriesFrame } from '../../../shared/ledger/series-frame.ts';
import { splitInteger } from '../../../shared/split.ts';
import { hourOf } from './arbitraries.ts';

test('an hour comes back as it was written, whatever is in it', () => {
  fc.assert(
    fc.property(hourOf(), (hour) => {
      expect(decodeHour(encodeHour(hour))).toEqual(hour);
    }),
    { numRuns: 200 },
  );
});

/** Beyond so many bytes a row of SQLite takes a page of 4 KiB alone; half of it lets four rows share one. */
const QUARTER_OF_A_PAGE = 1_000;

test('hours of nine devices and their job share a page with three others', () => {
  const wholeNode = encodeHour(fullHour((device) => [{ jobNumber: 4_711, ...allOf(device) }]));
  expect(wholeNode.length).toBeLessThan(QUARTER_OF_A_PAGE);
  const free = encodeHour(fullHour(() => []));
  expect(wholeNode.length - free.length).toBeLessThan(60);
  expect(JSON.stringify(fullHour(() => [])).length).toBeGreaterThan(10 * free.length);
});

test('eight jobs that share a host take little more than one', () => {
  const jobs = encodeHour(
    fullHour((device) => {
      if (device.deviceIndex < 8) return [{ jobNumber: 4_711 + device.deviceIndex, ...allOf(device) }];
      const eighths = splitInteger(device.energyMillijoules, Array(8).fill(1));
      return eighths.map((energyMillijoules, i) => ({
        ...allOf(device),
        jobNumber: 4_711 + i,
        energyMillijoules,
      }));
    }),
  );
  expect(jobs.length).toBeLessThan(1_300);
});

test('damaged bytes are an error, never a number', () => {
  const bytes = encodeHour(fullHour());
  expect(() => decodeHour(bytes.subarray(0, bytes.length - 1))).toThrow(RangeError);
  expect(() => decodeHour(Uint8Array.from([...bytes, 0]))).toThrow(/left over/);
  expect(() => decodeHour(Uint8Array.from([9, ...bytes.subarray(1)]))).toThrow(/format 9/);
});

test('one wrong bit anywhere is an error', () => {
  fc.assert(
    fc.property(hourOf(), fc.nat(), fc.nat({ max: 7 }), (hour, place, bit) => {
      const bytes = encodeHour(hour);
      bytes[place % bytes.length]! ^= 1 << bit;
      expect(() => decodeHour(bytes)).toThrow(RangeError);
    }),
  );
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

const allOf = ({ deviceIndex, energyMillijoules, meteredMilliseconds }: LedgerDevice) => ({
  deviceIndex,
  energyMillijoules,
  allocatedMilliseconds: meteredMilliseconds,
});

const noise = (seed: number) => Math.abs(Math.sin(seed * 12.9898) * 43758.5453) % 1;

/** Eight GPUs near 650 W and the host, every window reported, counters beside integrated power. */
function fullHour(sharesOf: (device: LedgerDevice) => readonly LedgerJobShare[] = () => []): HourLedger {
  const windows = Array.from({ length: 12 }, (_, window) => {
    const devices = Array.from({ length: 9 }, (_, deviceIndex): LedgerDevice => {
      const energyMillijoules = Math.round((640 + 20 * noise(window * 9 + deviceIndex)) * 300_000);
      return {
        deviceIndex,
        meteredMilliseconds: 300_000,
        energyMillijoules,
        kind: 'counter',
        recoveredMillijoules: 0,
        integratedMillijoules: Math.round(energyMillijoules * (0.99 + 0.02 * noise(deviceIndex + window))),
        idleMillijoules: 0,
        utilizationRatio: Math.round(10_000 * (0.95 + 0.04 * noise(window * 11 + deviceIndex))) / 10_000,
      };
    });
    return [
      {
        epoch: 'k3v9c0ffee12',
        revision: 5,
        final: true,
        contentDigest: Math.floor(noise(window) * 2 ** 32),
        devices,
        jobShares: devices.flatMap(sharesOf),
      },
    ];
  });
  return { windows };
}
