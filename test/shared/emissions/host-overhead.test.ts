import { expect, test } from 'vitest';
import { EmissionsJoin } from '../../../shared/emissions/join.ts';
import type { JoinNode } from '../../../shared/emissions/join-node.ts';
import type { LedgerDevice } from '../../../shared/ledger/hour.ts';
import { NO_FACTORS } from '../../../shared/settings/site-factors.ts';
import { HOUR_MS, WINDOW_MS } from '../../../shared/time/window.ts';
import { epochMs, gramsPerKwh, MILLIJOULES_PER_KWH } from '../../../shared/units.ts';

const device = (deviceIndex: number, energyMillijoules: number): LedgerDevice => ({
  deviceIndex,
  meteredMilliseconds: WINDOW_MS,
  energyMillijoules,
  kind: 'counter',
  recoveredMillijoules: 0,
  integratedMillijoules: null,
  idleMillijoules: 0,
  utilizationRatio: null,
});
const epoch = (devices: LedgerDevice[]) => ({
  epoch: 'epoch0001',
  revision: 1,
  final: true,
  contentDigest: 0,
  devices,
  jobShares: [],
});

/** The GPU in two windows; a meter of the whole node stood beside it in the second alone. */
test('what a host takes beyond its parts counts only where no meter of the whole node saw it', () => {
  const join = new EmissionsJoin({
    edges: [0, HOUR_MS],
    nowMs: HOUR_MS,
    withSeries: false,
    groupBy: null,
    accepts: () => true,
    ofJobs: null,
    lowUtilizationRatio: 0.2,
    supply: null,
    intensityOf: () => (startMs) => ({
      startMs: epochMs(startMs),
      endMs: epochMs(startMs + WINDOW_MS),
      gramsPerKwh: gramsPerKwh(400),
      kind: 'measured',
      provider: 'test',
      method: null,
      issuedAtMs: null,
      fetchedAtMs: epochMs(0),
    }),
  });
  const node: JoinNode = {
    number: 1,
    id: 'n',
    hostname: 'n',
    enrolledAtMs: 0,
    retiredAtMs: null,
    absences: [],
    devices: [
      { deviceIndex: 0, id: 'GPU-0', type: 'gpu', name: 'GPU' },
      { deviceIndex: 1, id: 'other', type: 'other', name: 'rest of the host' },
    ],
    parts: [],
    places: [
      {
        startMs: epochMs(0),
        endMs: epochMs(HOUR_MS),
        siteId: 's',
        gridZone: 'ZONE',
        pueRatio: 1.5,
        lifetimeYears: 4,
        factors: {
          ...NO_FACTORS,
          overheads: { ...NO_FACTORS.overheads, host: { ratio: 0.12, source: 'measured once' } },
        },
      },
    ],
  };
  const windows = Array.from({ length: 12 }, (_, index) => {
    if (index === 0) return [epoch([device(0, MILLIJOULES_PER_KWH)])];
    if (index === 1) return [epoch([device(0, MILLIJOULES_PER_KWH), device(1, MILLIJOULES_PER_KWH / 5)])];
    return [];
  });
  join.addNode(node, [{ hourStartMs: 0, ledger: { windows } }]);
  const { totals } = join.result();
  expect(totals.overheads.host?.energyKwh).toBeCloseTo(0.12, 12);
  expect(totals.overheads.host?.operationalGrams).toBeCloseTo(0.12 * 400, 9);
  // In no other figure.
  expect(totals.energyKwh).toBeCloseTo(2.2, 12);
  expect(totals.operationalGrams).toBeCloseTo(2.2 * 1.5 * 400, 9);
});
