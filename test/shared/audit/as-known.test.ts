import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ALL_KNOWN, allAsKnownAt, type OldSide } from '../../../shared/audit/as-known.ts';
import { pointsKnownAt, type RevisedPoint } from '../../../shared/grid/as-known.ts';
import type { IntensityPoint } from '../../../shared/grid/intensity.ts';
import { nodesAsKnown } from '../../../shared/settings/node-as-known.ts';
import { epochMs, gramsPerKwh } from '../../../shared/units.ts';

/** Writes and removals of a few things, one at each instant 1, 2, 3, ... */
const history = fc.array(
  fc.record({ key: fc.constantFrom('a', 'b', 'c'), value: fc.option(fc.integer(), { nil: null }) }),
  { maxLength: 20 },
);

test('what was known at any instant is what stood then', () => {
  fc.assert(
    fc.property(history, (steps) => {
      const state = new Map<string, number>();
      const changes: (OldSide<number> & { key: string })[] = [];
      const snapshots = [new Map(state)];
      steps.forEach(({ key, value }, index) => {
        changes.push({ key, recordedAtMs: index + 1, old: state.get(key) ?? null });
        if (value === null) state.delete(key);
        else state.set(key, value);
        snapshots.push(new Map(state));
      });
      snapshots.forEach((stood, atMs) => {
        const sorted = (values: Iterable<number>) => [...values].sort((a, b) => a - b);
        expect(sorted(allAsKnownAt(state, changes, atMs))).toEqual(sorted(stood.values()));
      });
      expect(allAsKnownAt(state, changes, ALL_KNOWN)).toEqual([...state.values()]);
    }),
  );
});

const point = (startMs: number, grams: number, fetchedAtMs: number, durationMs = 1): IntensityPoint => ({
  startMs: epochMs(startMs),
  endMs: epochMs(startMs + durationMs),
  gramsPerKwh: gramsPerKwh(grams),
  kind: 'measured',
  provider: 'p',
  scope: 'consumption',
  method: null,
  issuedAtMs: null,
  fetchedAtMs: epochMs(fetchedAtMs),
});

test('an intensity is known from when it was fetched, in each of its versions', () => {
  const revisions: RevisedPoint[] = [
    { recordedAtMs: 20, old: point(0, 100, 10) },
    { recordedAtMs: 30, old: point(0, 200, 20) },
    // Removed at 40 by an hour that starts before it, and fetched anew at 50.
    { recordedAtMs: 40, old: point(5, 7, 35) },
  ];
  const current = [point(0, 300, 30), point(5, 9, 50)];
  const at = (knownAtMs: number) =>
    pointsKnownAt(current, revisions, knownAtMs).map(({ startMs, gramsPerKwh: grams }) => [startMs, grams]);
  expect(at(9)).toEqual([]);
  expect(at(10)).toEqual([[0, 100]]);
  expect(at(20)).toEqual([[0, 200]]);
  expect(at(34)).toEqual([[0, 300]]);
  expect(at(39).sort()).toEqual([
    [0, 300],
    [5, 7],
  ]);
  expect(at(40)).toEqual([[0, 300]]);
  expect(at(50)).toEqual([
    [0, 300],
    [5, 9],
  ]);
});

test('a retirement that was taken back, and labels, are known as they stood', () => {
  const row = (key: string, value: string, atMs: number) => ({
    subject: 'node:7',
    key,
    value,
    effectiveFromMs: atMs,
    recordedAtMs: atMs,
  });
  const rows = [
    row('retiredAt', '100', 100),
    row('labels', '{"team":"a"}', 10),
    row('labels', '{"team":"b"}', 150),
    row('retiredAt', '', 200),
  ];
  const at = (node: { retiredAtMs: number | null; number: number }, knownAtMs: number) =>
    nodesAsKnown([{ ...node, enrolledAtMs: 10, labels: { team: 'b' } }], rows, knownAtMs).map(
      ({ labels, retiredAtMs }) => [labels.team, retiredAtMs],
    );
  const back = { number: 7, retiredAtMs: null };
  expect([9, 10, 99, 100, 149, 150, 199, 200, ALL_KNOWN].map((atMs) => at(back, atMs).flat())).toEqual([
    [],
    ['a', null],
    ['a', null],
    ['a', 100],
    ['a', 100],
    ['b', 100],
    ['b', 100],
    ['b', null],
    ['b', null],
  ]);
  const before = { number: 8, retiredAtMs: 50 };
  expect([49, 50].map((atMs) => at(before, atMs).flat())).toEqual([
    ['b', null],
    ['b', 50],
  ]);
});
