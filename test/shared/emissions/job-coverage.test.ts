/** Of jobs, coverage is metered over allocated time, while their node was expected to meter. */
import { expect, test } from 'vitest';
import { EmissionsJoin } from '../../../shared/emissions/join.ts';
import type { LedgerEpoch } from '../../../shared/ledger/hour.ts';
import { NO_FACTORS } from '../../../shared/settings/site-factors.ts';
import { HOUR_MS, WINDOW_MS } from '../../../shared/time/window.ts';
import { epochMs } from '../../../shared/units.ts';

const START_MS = Date.UTC(2024, 4, 17);
const job = { number: 1, id: 'slurm:c:1', project: null, user: null, phase: null };

/** Coverage by group of a node that enrolled then, with a job on its GPU in these windows, metered for so long. */
function coverage(enrolledAtMs: number, windows: ReadonlyMap<number, number>) {
  const join = new EmissionsJoin({
    edges: [START_MS, START_MS + HOUR_MS],
    nowMs: START_MS + HOUR_MS,
    withSeries: false,
    groupBy: 'job',
    ofJobs: { jobOf: () => job, acceptsJob: () => true, acceptsOwner: () => true },
    lowUtilizationRatio: 0.2,
    supply: null,
    accepts: () => true,
    intensityOf: () => () => null,
  });
  const epochOf = (meteredMilliseconds: number): LedgerEpoch => ({
    epoch: 'epoch0001',
    revision: 1,
    final: true,
    contentDigest: 0,
    devices: [
      {
        deviceIndex: 0,
        meteredMilliseconds,
        energyMillijoules: 1_000 * meteredMilliseconds,
        kind: 'counter',
        recoveredMillijoules: 0,
        integratedMillijoules: null,
        idleMillijoules: 0,
        utilizationRatio: null,
      },
    ],
    jobShares: [{ jobNumber: 1, deviceIndex: 0, energyMillijoules: 0, allocatedMilliseconds: WINDOW_MS }],
  });
  const ledger = {
    windows: Array.from({ length: 12 }, (_, i) => {
      const meteredMs = windows.get(i);
      return meteredMs === undefined ? [] : [epochOf(meteredMs)];
    }),
  };
  const place = {
    startMs: epochMs(START_MS),
    endMs: epochMs(START_MS + HOUR_MS),
    siteId: 'a',
    gridZone: null,
    pueRatio: 1,
    lifetimeYears: 4,
    factors: NO_FACTORS,
  };
  join.addNode(
    {
      number: 1,
      id: 'a',
      hostname: 'a',
      enrolledAtMs,
      retiredAtMs: null,
      absences: [],
      devices: [{ deviceIndex: 0, id: 'gpu-a', type: 'gpu', name: 'a' }],
      parts: [],
      places: [place],
    },
    [{ hourStartMs: START_MS, ledger }],
  );
  return Object.fromEntries(join.result().groups.map((group) => [group.key, group.coverage]));
}

test('what a node metered for a job before it enrolled covers nothing, since nothing was expected', () => {
  expect(coverage(START_MS + HOUR_MS, new Map([[0, WINDOW_MS]]))).toEqual({
    'slurm:c:1': null,
    unattributed: null,
  });
});

test('and it hides no gap of the time after', () => {
  const windows = new Map([
    [0, WINDOW_MS],
    [6, WINDOW_MS / 2],
  ]);
  expect(coverage(START_MS + 6 * WINDOW_MS, windows)['slurm:c:1']).toBe(0.5);
  expect(coverage(START_MS, windows)['slurm:c:1']).toBe(0.75);
});

test('of a window in which it enrolled, what was left of it is due', () => {
  expect(coverage(START_MS + WINDOW_MS / 2, new Map([[0, WINDOW_MS / 4]]))['slurm:c:1']).toBe(0.5);
});
