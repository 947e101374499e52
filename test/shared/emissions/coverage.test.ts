import { expect, test } from 'vitest';
import { EmissionsJoin } from '../../../shared/emissions/join.ts';
import type { JoinNode } from '../../../shared/emissions/join-node.ts';
import { NO_FACTORS } from '../../../shared/settings/site-factors.ts';
import { HOUR_MS, WINDOW_MS } from '../../../shared/time/window.ts';
import { epochMs } from '../../../shared/units.ts';

const START_MS = Date.UTC(2024, 4, 17);
const part = (id: string, type: string, service: { from?: number; out?: number } = {}) => ({
  id,
  type,
  name: id,
  inServiceMs: START_MS + (service.from ?? 0),
  outOfServiceMs: service.out === undefined ? null : START_MS + service.out,
  grams: 0,
  gramsLow: 0,
  gramsHigh: 0,
});
const place = {
  startMs: epochMs(START_MS - HOUR_MS),
  endMs: epochMs(START_MS + 2 * HOUR_MS),
  siteId: 'a',
  gridZone: null,
  pueRatio: 1,
  lifetimeYears: 4,
  factors: NO_FACTORS,
};
const gpu = { deviceIndex: 0, id: 'gpu-a', type: 'gpu', name: 'a' } as const;
const other = { deviceIndex: 1, id: 'other', type: 'other', name: 'BMC' } as const;

interface Given {
  readonly node?: Partial<JoinNode>;
  /** Metered milliseconds by device index, at 1 kW, of the windows from the start. */
  readonly windows: readonly (readonly (readonly [number, number])[])[];
  readonly nowMs?: number;
}

function totals({ node = {}, windows, nowMs = START_MS + HOUR_MS }: Given) {
  const join = new EmissionsJoin({
    edges: [START_MS, START_MS + HOUR_MS],
    nowMs,
    withSeries: false,
    groupBy: null,
    ofJobs: null,
    lowUtilizationRatio: 0.2,
    supply: null,
    accepts: () => true,
    intensityOf: () => () => null,
  });
  const epochs = Array.from({ length: 12 }, (_, i) => {
    const devices = (windows[i] ?? []).map(([deviceIndex, meteredMilliseconds]) => ({
      deviceIndex,
      meteredMilliseconds,
      energyMillijoules: 1_000 * meteredMilliseconds,
      kind: 'integrated' as const,
      recoveredMillijoules: 0,
      integratedMillijoules: null,
      idleMillijoules: 0,
      utilizationRatio: null,
    }));
    return devices.length === 0
      ? []
      : [{ epoch: 'epoch0001', revision: 1, final: true, contentDigest: 0, devices, jobShares: [] }];
  });
  join.addNode(
    {
      number: 1,
      id: 'a',
      hostname: 'a',
      enrolledAtMs: START_MS,
      retiredAtMs: null,
      absences: [],
      devices: [gpu, other],
      parts: [part('gpu-a', 'gpu')],
      places: [place],
      ...node,
    },
    [{ hourStartMs: START_MS, ledger: { windows: epochs } }],
  );
  return join.result().totals;
}
const all = (...metered: (readonly [number, number])[]) => Array.from({ length: 12 }, () => metered);

test('a device that is metered throughout is covered, whatever else is not', () => {
  expect(totals({ node: { devices: [gpu] }, windows: all([0, WINDOW_MS]) }).coverage).toBe(1);
});

test('a GPU of the inventory that no sensor meters lowers coverage, and its like tells what it may have used', () => {
  const node = { devices: [gpu], parts: [part('gpu-a', 'gpu'), part('gpu-b', 'gpu')] };
  const { coverage, missingEnergyKwhEstimate, energyKwh } = totals({ node, windows: all([0, WINDOW_MS]) });
  expect(coverage).toBe(0.5);
  expect(energyKwh).toBe(1);
  expect(missingEnergyKwhEstimate).toBeCloseTo(1, 12);
});

test('the meter of the node covers its devices', () => {
  const node = { parts: [part('gpu-a', 'gpu'), part('cpu-0', 'cpu')] };
  expect(totals({ node, windows: all([1, WINDOW_MS]) }).coverage).toBe(1);
  expect(totals({ node, windows: all([0, WINDOW_MS], [1, WINDOW_MS / 2]) }).coverage).toBe(0.75);
});

test('a node of which nothing is known but its own meter is one device', () => {
  const node = { devices: [other], parts: [] };
  expect(totals({ node, windows: all([1, WINDOW_MS]).slice(0, 6) }).coverage).toBe(0.5);
});

test('time before enrolment, after retirement, after now and outside a part’s service is not expected', () => {
  const halfMs = HOUR_MS / 2;
  const devices = [gpu];
  const first = all([0, WINDOW_MS]).map((window, i) => (i < 6 ? window : []));
  const second = all([0, WINDOW_MS]).map((window, i) => (i < 6 ? [] : window));
  const enrolled = { devices, parts: [], enrolledAtMs: START_MS + halfMs };
  expect(totals({ node: enrolled, windows: second }).coverage).toBe(1);
  expect(totals({ node: { devices, retiredAtMs: START_MS + halfMs }, windows: first }).coverage).toBe(1);
  expect(totals({ node: { devices }, windows: first, nowMs: START_MS + halfMs }).coverage).toBe(1);
  const parts = [part('gpu-a', 'gpu', { out: halfMs })];
  expect(totals({ node: { devices, parts }, windows: first }).coverage).toBe(1);
});

test('nor is the time for which a part was in another node; its hardware accrues there', () => {
  const quarterMs = HOUR_MS / 4;
  const absences = [[START_MS + quarterMs, START_MS + 3 * quarterMs]] as const;
  const parts = [{ ...part('gpu-a', 'gpu'), grams: 4 * 365 * 24 * 1_000, absences }];
  const here = all([0, WINDOW_MS]).map((window, i) => (i < 3 || i >= 9 ? window : []));
  const { coverage, embodiedGrams } = totals({ node: { devices: [gpu], parts }, windows: here });
  expect(coverage).toBe(1);
  expect(embodiedGrams).toBeCloseTo(500, 9);
});

test('nothing expected is null, not zero; a silent node is zero', () => {
  const silent = totals({ windows: [] });
  expect(silent).toMatchObject({ coverage: 0, nodesExpected: 1, nodesReporting: 0 });
  const later = totals({ node: { enrolledAtMs: START_MS + 2 * HOUR_MS, parts: [] }, windows: [] });
  expect(later).toMatchObject({ coverage: null, nodesExpected: 0, nodesReporting: 0 });
});

test('energy that was booked before a node enrolled counts all the same', () => {
  const node = { devices: [gpu], enrolledAtMs: START_MS + 2 * HOUR_MS, parts: [] };
  expect(totals({ node, windows: all([0, WINDOW_MS]) })).toMatchObject({ energyKwh: 1, nodesReporting: 1 });
});

test('the time between a retirement and the return is not expected, and its hardware does not age', () => {
  const quarterMs = HOUR_MS / 4;
  const made = { ...part('gpu-a', 'gpu'), grams: 4 * 365 * 24 * 1_000 };
  const away = [START_MS + quarterMs, START_MS + 2 * quarterMs] as const;
  const windows = Array.from({ length: 12 }, (_, i) =>
    i >= 3 && i < 6 ? [] : ([[0, WINDOW_MS]] as [number, number][]),
  );
  const node = { devices: [gpu], parts: [made] };
  const stayed = totals({ node, windows });
  const returned = totals({ node: { ...node, absences: [away] }, windows });
  expect(stayed.coverage).toBeCloseTo(0.75, 12);
  expect(returned.coverage).toBe(1);
  expect(stayed.embodiedGrams).toBeCloseTo(1_000, 6);
  expect(returned.embodiedGrams).toBeCloseTo(750, 6);
  // Retired a second time: both ends hold.
  const again = totals({
    node: { ...node, absences: [away], retiredAtMs: START_MS + 3 * quarterMs },
    windows: windows.slice(0, 9),
  });
  expect(again.coverage).toBe(1);
  expect(again.embodiedGrams).toBeCloseTo(500, 6);
});
