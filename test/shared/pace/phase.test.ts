import fc from 'fast-check';
import { expect, test } from 'vitest';
import { phaseOfId, phaseOfNumber, untilTurnMs } from '../../../shared/pace/phase.ts';

const NODES = 10_000;

/** Of the fullest and the emptiest second of an interval, over the mean. */
function spreadOf(phases: readonly number[], everySeconds: number) {
  const seconds = new Array<number>(everySeconds).fill(0);
  for (const phase of phases) seconds[Math.floor(phase * everySeconds)]!++;
  const mean = phases.length / everySeconds;
  return { fullest: Math.max(...seconds) / mean, emptiest: Math.min(...seconds) / mean };
}

test.each([60, 80, 100])(
  '10,000 numbered nodes: no second of %i holds over 3 %% more than the mean',
  (every) => {
    for (const first of [1, 7, 2 ** 20 + 1]) {
      const phases = Array.from({ length: NODES }, (_, index) => phaseOfNumber(first + index));
      const { fullest, emptiest } = spreadOf(phases, every);
      expect(fullest).toBeLessThanOrEqual(1.03);
      expect(emptiest).toBeGreaterThanOrEqual(0.97);
    }
  },
);

test('nodes that left leave the others spread', () => {
  const kept = Array.from({ length: 2 * NODES }, (_, number) => number).filter((number) => number % 7 < 4);
  const { fullest } = spreadOf(kept.map(phaseOfNumber), 60);
  expect(fullest).toBeLessThanOrEqual(1.03);
});

test.each([
  ['a running number', (index: number) => `node-${index}`],
  ['racks', (index: number) => `dc1-r${index % 100}-u${Math.floor(index / 100)}`],
  ['hexadecimal', (index: number) => `gpu-${(index * 7_919).toString(16).padStart(8, '0')}`],
])('10,000 ids of %s that the server has not told: as even as chance', (_, idOf) => {
  const phases = Array.from({ length: NODES }, (_unused, index) => phaseOfId(idOf(index)));
  // 167 a second: chance alone makes one of sixty 20 % fuller now and then, and ten seconds together 7 %.
  expect(spreadOf(phases, 60).fullest).toBeLessThan(1.3);
  expect(spreadOf(phases, 6).fullest).toBeLessThan(1.08);
});

test('a node keeps its place: each turn comes one interval after the last', () => {
  let nowMs = Date.UTC(2026, 10, 26) + 12_345;
  const places = new Set<number>();
  for (let turn = 0; turn < 100; turn++) {
    nowMs += untilTurnMs(nowMs, 60, 0.25);
    places.add(nowMs % 60_000);
    // The request takes its time.
    nowMs += turn % 5_000;
  }
  expect([...places]).toEqual([15_000]);
});

test('a turn is never less than half an interval away, nor more than one and a half', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 2 ** 41 }),
      fc.integer({ min: 5, max: 3_600 }),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (nowMs, everySeconds, phase) => {
        const waitMs = untilTurnMs(nowMs, everySeconds, phase);
        expect(waitMs).toBeGreaterThanOrEqual(everySeconds * 500 - 1);
        expect(waitMs).toBeLessThanOrEqual(everySeconds * 1_500 + 1);
      },
    ),
  );
});
