/** The recorded run through the agent's own meter, loop and store, against a trapezoid that is written apart from them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createReplayClock } from '../../../agent/replay/replay-clock.ts';
import { type ReplayResult, runReplay } from '../../../agent/replay/run-replay.ts';
import type { TraceRow } from '../../../agent/replay/trace-file.ts';
import { createTraceSource } from '../../../agent/replay/trace-source.ts';
import { encodeSeriesForWire } from '../../../agent/run/series-encoder.ts';
import { openStore } from '../../../agent/store/open-store.ts';
import type { WindowReport } from '../../../shared/wire/ingest.ts';
import { integralJoules, readTrace, type Sample } from '../../e2e/trace.ts';

let folder: string;
const trace = readTrace();

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'wattshed-replay-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function rowsOf(samples: readonly Sample[]): TraceRow[] {
  return samples.map((sample) => ({ ...sample, deviceIndex: 0, deviceName: '8xH100 (AC)' }));
}

async function replay(directory: string, samples: readonly Sample[]): Promise<ReplayResult> {
  const clock = createReplayClock(samples[0]!.atMs);
  const rows = rowsOf(samples);
  const sensors = createTraceSource({ rows: rows.values(), clock, deviceType: 'other', scope: 'node' });
  const store = await openStore(join(folder, directory));
  try {
    return await runReplay({
      clock,
      sensors,
      store,
      newEpoch: () => 'replayepoch1',
      encodeSeries: encodeSeriesForWire,
      isOver: () => sensors.exhausted,
    });
  } finally {
    await store.close();
  }
}

function energyMillijoules(reports: readonly WindowReport[]): number {
  return reports
    .flatMap((report) => report.devices)
    .reduce((sum, device) => sum + device.energyMillijoules, 0);
}

function meteredMilliseconds(reports: readonly WindowReport[]): number {
  return reports
    .flatMap((report) => report.devices)
    .reduce((sum, device) => sum + device.meteredMilliseconds, 0);
}

describe('a recorded node', () => {
  test('is metered to its own integral, in each window and in all, without a gap', async () => {
    const samples = trace.get(7)!;
    const { reports, gaps } = await replay('node-7', samples);
    expect(gaps).toEqual([]);
    expect(energyMillijoules(reports) / 1000).toBeCloseTo(integralJoules(samples), 2);
    for (const report of reports) {
      const joules = integralJoules(samples, report.windowStartMs, report.windowStartMs + 300_000);
      expect(Math.abs(energyMillijoules([report]) - joules * 1000)).toBeLessThanOrEqual(2);
    }
    expect(meteredMilliseconds(reports)).toBe(samples.at(-1)!.atMs - samples[0]!.atMs);
    // All but the window in which the trace ends are over.
    expect(reports.map((report) => report.final)).toEqual([...reports.slice(1).map(() => true), false]);
    expect(reports[3]!.devices[0]!.series!.stepMilliseconds).toBe(1000);
  });

  test('that was down for a while misses exactly the declared gap', async () => {
    const samples = trace.get(8)!;
    const [downFrom, upFrom] = [samples[600]!.atMs, samples[750]!.atMs];
    const first = await replay(
      'node-8',
      samples.filter((sample) => sample.atMs < downFrom),
    );
    const second = await replay(
      'node-8',
      samples.filter((sample) => sample.atMs >= upFrom),
    );
    const [gap] = second.gaps;
    expect(second.gaps).toHaveLength(1);
    expect(gap).toMatchObject({ startMs: samples[599]!.atMs, endMs: upFrom, reason: 'silent' });
    const newest = new Map(
      [...first.reports, ...second.reports].map((report) => [report.windowStartMs, report]),
    );
    const expected = integralJoules(samples) - integralJoules(samples, gap!.startMs, gap!.endMs);
    expect(energyMillijoules([...newest.values()]) / 1000).toBeCloseTo(expected, 2);
  });
});
