import { expect, test } from 'vitest';
import { checkKnown, checkNodeDays } from '../../../worker/use-cases/emissions-bounds.ts';

const DAY_MS = 86_400_000;
const days = (count: number) => ({ fromMs: 0, toMs: count * DAY_MS });

test('days of nodes in one answer are bounded, fewer of them hour by hour, and the way out is told', () => {
  expect(checkNodeDays('day', days(40), 10_000)).toBeNull();
  expect(checkNodeDays('hour', days(5), 10_000)).toBeNull();
  expect(checkNodeDays('none', days(41), 10_000)).toMatchObject({
    problem: { code: 'range_too_long', detail: expect.stringContaining('at most 40 days at once') },
  });
  expect(checkNodeDays('hour', days(6), 10_000)).toMatchObject({
    problem: { code: 'range_too_long', detail: expect.stringContaining('at most 5 days at once') },
  });
});

test('what was known then is refused for good where hours changed and were deleted, and for now where they wait', () => {
  const none = { hoursWaiting: 0, hoursMarked: 0, hoursChanged: 0, hoursGone: 0 };
  expect(checkKnown([none, none], 1_000, false)).toBeNull();
  const waiting = { ...none, hoursWaiting: 5, hoursMarked: 5 };
  expect(checkKnown([none, waiting], 1_000, false)).toMatchObject({ problem: { code: 'overloaded' } });
  const gone = { ...waiting, hoursChanged: 2, hoursGone: 2 };
  for (const areTooMany of [false, true])
    expect(checkKnown([waiting, gone], 1, areTooMany)).toMatchObject({
      problem: { code: 'range_too_long', detail: expect.stringContaining('was deleted') },
    });
});
