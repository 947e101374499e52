/** The circuit of a service as a machine of its own: when it opens, for how long, and what closes it. */
import { expect, test } from 'vitest';
import type { FetchOutcome } from '../../../worker/grid/provider.ts';
import {
  circuitOf,
  NEVER_FAILED,
  nextServiceState,
  OPENS_AFTER_FAILURES,
  type ServiceState,
  whileProbing,
} from '../../../worker/grid/service-state.ts';

const NOW_MS = Date.parse('2026-03-10T12:00:00Z');
const MINUTE_MS = 60_000;
const down: FetchOutcome = { outcome: 'failed', reason: 'HTTP 502: bad gateway' };
const refused: FetchOutcome = { outcome: 'failed', reason: 'HTTP 401: no access', refused: 401 };
const noData: FetchOutcome = { outcome: 'noData', reason: 'none' };
const limited = (retryAfterMs: number | null): FetchOutcome => ({
  outcome: 'rateLimited',
  reason: 'HTTP 429: slow down',
  retryAfterMs,
});
const after = (outcomes: readonly FetchOutcome[], from: ServiceState = NEVER_FAILED) =>
  outcomes.reduce((state, outcome) => nextServiceState(state, outcome, NOW_MS), from);
const times = (count: number, outcome: FetchOutcome) => Array.from({ length: count }, () => outcome);
const waitMinutes = (state: ServiceState) => (state.retryAtMs! - NOW_MS) / MINUTE_MS;

test('it opens at the third failure in a row, and not at two that are told apart by an answer', () => {
  expect(OPENS_AFTER_FAILURES).toBe(3);
  expect(circuitOf(after([down, down]), NOW_MS)).toBe('closed');
  expect(circuitOf(after([down, down, noData, down, down]), NOW_MS)).toBe('closed');
  const open = after([down, down, down]);
  expect(circuitOf(open, NOW_MS)).toBe('open');
  expect(open).toMatchObject({ consecutiveFailures: 3, lastErrorAtMs: NOW_MS, lastError: down.reason });
  expect(circuitOf(open, open.retryAtMs! - 1)).toBe('open');
  expect(circuitOf(open, open.retryAtMs!)).toBe('halfOpen');
});

test('each failure of what was let through doubles the wait, to an hour', () => {
  const waits = [3, 4, 5, 6, 7, 8, 50].map((count) => waitMinutes(after(times(count, down))));
  expect(waits).toEqual([4, 8, 16, 32, 60, 60, 60]);
});

test('any answer closes it, a refusal of one request too; nothing is forgotten of what went wrong', () => {
  for (const answer of [noData, refused, { outcome: 'values', values: [], refused: [] } as const]) {
    const closed = nextServiceState(after(times(9, down)), answer, NOW_MS);
    expect(circuitOf(closed, NOW_MS)).toBe('closed');
    expect(closed).toMatchObject({ consecutiveFailures: 0, lastError: down.reason });
  }
});

test('refusals never open it: a key that is good for one zone is refused for the others', () => {
  expect(after(times(20, refused))).toBe(NEVER_FAILED);
});

test('an answer while all is well changes nothing, and so writes nothing', () => {
  const calm = after([down, noData]);
  expect(nextServiceState(calm, noData, NOW_MS + MINUTE_MS)).toBe(calm);
});

test('a limit opens it at once, for as long as it says: a day at most, and a quarter of an hour where it says nothing', () => {
  const waits = [50 * MINUTE_MS, 1_000, null, 400 * 86_400_000].map((ms) =>
    waitMinutes(after([limited(ms)])),
  );
  expect(waits).toEqual([50, 15, 15, 24 * 60]);
  expect(waitMinutes(after(times(4, limited(null))))).toBe(60);
});

test('a limit that is over, and then a failure, opens it again: one request is let through, not all that is due', () => {
  const limit = after([limited(null)]);
  const failed = nextServiceState(limit, down, limit.retryAtMs!);
  expect(failed).toMatchObject({ consecutiveFailures: 2, retryAtMs: limit.retryAtMs! + 4 * MINUTE_MS });
  expect(circuitOf(failed, limit.retryAtMs!)).toBe('open');
});

test('a clock that was ahead when it opened leaves it open for no longer than a day', () => {
  const open = after(times(9, down));
  expect(circuitOf(open, NOW_MS - 20 * 60 * MINUTE_MS)).toBe('open');
  expect(circuitOf(open, NOW_MS - 366 * 24 * 60 * MINUTE_MS)).toBe('halfOpen');
});

test('while one request finds out, no other is let through; if it never comes back, another is after a while', () => {
  const open = after(times(3, down));
  const probing = whileProbing(open, open.retryAtMs!);
  expect(circuitOf(probing, open.retryAtMs!)).toBe('open');
  expect(circuitOf(probing, open.retryAtMs! + 4 * MINUTE_MS)).toBe('halfOpen');
});
