/** One day of one 8-GPU host that reports every minute: what decides the row layout. Seeded, so that runs agree. */
import { deflateRawSync } from 'node:zlib';
import type { LedgerEpoch } from '../../shared/ledger/hour.ts';
import { encodeHour } from '../../shared/ledger/hour-codec.ts';
import { EMPTY_HOUR, mergeReport } from '../../shared/ledger/merge.ts';
import { encodeSeries } from '../../shared/ledger/series-codec.ts';
import { encodeSeriesFrame } from '../../shared/ledger/series-frame.ts';

export const HOURS = 24;
export const WINDOWS = 12;
/** One each minute, the last of them final and with the series. */
export const REPORTS_PER_WINDOW = 5;
const DEVICES = 9;
const SAMPLES = 300;

export interface MinuteReport {
  readonly hour: number;
  readonly window: number;
  readonly epoch: LedgerEpoch;
  /** Null until the window closes. */
  readonly series: Uint8Array | null;
}

export function* day(): Generator<MinuteReport> {
  const random = generator(42);
  for (let hour = 0; hour < HOURS; hour++) {
    for (let window = 0; window < WINDOWS; window++) {
      const watts = Array.from({ length: DEVICES }, (_, device) =>
        trainingWatts(random, device === DEVICES - 1 ? 900 : 640),
      );
      for (let revision = 1; revision <= REPORTS_PER_WINDOW; revision++) {
        const final = revision === REPORTS_PER_WINDOW;
        const epoch = epochOf(watts, revision);
        yield { hour, window, epoch, series: final ? frame(watts) : null };
      }
    }
  }
}

/** The ledger of an hour after a report, as bytes. */
export function hourAfter(
  before: ReturnType<typeof emptyHour>,
  report: MinuteReport,
): { ledger: ReturnType<typeof emptyHour>; bytes: Uint8Array } {
  const merge = mergeReport(before, report.window, report.epoch);
  if (merge.outcome !== 'accepted') throw new Error('the workload contradicts itself');
  return { ledger: merge.ledger, bytes: encodeHour(merge.ledger) };
}

export const emptyHour = () => EMPTY_HOUR;

/** The window alone, in the same code: an hour that holds nothing else. */
export function windowBytes(report: MinuteReport): Uint8Array {
  return hourAfter(EMPTY_HOUR, { ...report, window: 0 }).bytes;
}

function epochOf(watts: readonly number[][], revision: number): LedgerEpoch {
  const seconds = revision * (SAMPLES / REPORTS_PER_WINDOW);
  return {
    epoch: 'k3v9c0ffee12',
    revision,
    final: revision === REPORTS_PER_WINDOW,
    contentDigest: (revision * 2_654_435_761) >>> 0,
    devices: watts.map((samples, deviceIndex) => {
      const energyMillijoules = samples.slice(0, seconds).reduce((sum, each) => sum + each * 1_000, 0);
      const integratedMillijoules = energyMillijoules + deviceIndex * 1_000 - 4_000;
      return {
        deviceIndex,
        meteredMilliseconds: seconds * 1_000,
        energyMillijoules,
        kind: 'counter',
        recoveredMillijoules: 0,
        integratedMillijoules,
        idleMillijoules: 0,
        utilizationRatio: 0.97,
      };
    }),
    jobShares: [],
  };
}

function frame(watts: readonly number[][]): Uint8Array {
  return encodeSeriesFrame(
    watts.map((samples, deviceIndex) => ({
      deviceIndex,
      stepMilliseconds: 1_000,
      deflated: deflateRawSync(encodeSeries(samples)),
    })),
  );
}

/** Steps with noise and a dip at each checkpoint, the shape of a training run. */
export function trainingWatts(random: () => number, level: number): number[] {
  return Array.from({ length: SAMPLES }, (_, second) =>
    Math.round((second % 97 < 6 ? level * 0.4 : level) + (random() - 0.5) * 12),
  );
}

export function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
