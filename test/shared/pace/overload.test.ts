import { expect, test } from 'vitest';
import { backlogPace } from '../../../shared/pace/backlog.ts';
import { refusedRatio, retryAfterSeconds, untilTomorrowSeconds } from '../../../shared/pace/overload.ts';

test('who is refused comes again later the more are refused, never all at once', () => {
  const span = (refused: number) => [retryAfterSeconds(refused, 0), retryAfterSeconds(refused, 0.999_999)];
  expect(span(0)).toEqual([10, 30]);
  expect(span(0.5)).toEqual([20, 60]);
  expect(span(0.9)).toEqual([100, 300]);
  expect(span(0.999)).toEqual([100, 300]);
});

test('one refusal is no storm', () => {
  expect(refusedRatio(0, 0)).toBe(0);
  expect(refusedRatio(1, 1)).toBeLessThan(0.05);
  expect(refusedRatio(900, 1_000)).toBeGreaterThan(0.85);
});

test('a day that is used up begins anew at midnight UTC', () => {
  expect(untilTomorrowSeconds(Date.UTC(2026, 10, 26, 23, 0, 0), 0)).toBe(3_600);
  expect(untilTomorrowSeconds(Date.UTC(2026, 10, 26, 23, 59, 59, 500), 0.5)).toBe(451);
});

test.each([
  // 130 requests a second are left; one with 24 reports counts as 4.6.
  [10_000, 1, 'paid', 0, { reportsPerRequest: 24, everySeconds: 354 }],
  [10_000, 4, 'paid', 0, { reportsPerRequest: 24, everySeconds: 89 }],
  [10_000, 4, 'paid', 0.5, { reportsPerRequest: 24, everySeconds: 177 }],
  [100, 1, 'paid', 0, { reportsPerRequest: 24, everySeconds: 0 }],
  [190, 1, 'free', 0, { reportsPerRequest: 6, everySeconds: 0 }],
  [0, 1, 'paid', 0, { reportsPerRequest: 24, everySeconds: 0 }],
] as const)('%i nodes on %i databases, plan %s, %f refused', (nodes, databases, plan, refused, pace) => {
  expect(backlogPace({ nodesOfFullest: nodes / databases, plan }, refused)).toEqual(pace);
});
