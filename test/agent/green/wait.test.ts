/** The wait on a clock of the test's own, which jumps, sleeps and is set back. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type Outcome,
  type Plan,
  type Waiting,
  type WallClock,
  waitForStart,
} from '../../../agent/green/wait.ts';

const MINUTE_MS = 60_000;
const SLICE_MS = 15_000;

const planAt = (startMs: number, source = 'a'): Plan => ({
  startMs,
  source,
  reason: Number.isFinite(startMs) ? 'greenest' : 'watching',
  text: '',
  fields: {},
});

interface Virtual extends WallClock {
  nowMs: number;
  /** Added to the n-th sleep: a suspended host, or a clock that is set. */
  jumps: number[];
}

function virtualClock(jumps: number[] = []): Virtual {
  const clock: Virtual = {
    nowMs: 0,
    jumps: [...jumps],
    now: () => clock.nowMs,
    async sleep(ms, signal) {
      // An answer that is there already comes first.
      await new Promise(setImmediate);
      if (signal.aborted) return;
      clock.nowMs += ms + (clock.jumps.shift() ?? 0);
    },
  };
  return clock;
}

interface Seen {
  readonly outcome: Outcome;
  readonly atMs: number;
  readonly told: string[];
}

async function wait(clock: Virtual, look: Waiting['look'], more: Partial<Waiting> = {}): Promise<Seen> {
  const told: string[] = [];
  const outcome = await waitForStart({
    clock,
    look,
    troubleOf: (error) => (error as Error).message,
    latestStartMs: 60 * MINUTE_MS,
    lookEveryMs: 5 * MINUTE_MS,
    signal: new AbortController().signal,
    planned: (plan) => told.push(`${plan.source} ${plan.startMs / MINUTE_MS}`),
    trouble: (message) => told.push(message),
    passing: () => {},
    ...more,
  });
  return { outcome, atMs: clock.nowMs, told };
}

test('starts at the planned start, and asks no more often than it was told to', async () => {
  let looks = 0;
  const { outcome, atMs, told } = await wait(virtualClock(), async () => {
    looks++;
    return planAt(31.1 * MINUTE_MS);
  });
  expect(outcome.kind).toBe('start');
  expect({ atMs, looks, told }).toEqual({ atMs: 31.1 * MINUTE_MS, looks: 7, told: ['a 31.1'] });
});

test('a newer forecast moves the start, both ways; the same one does not', async () => {
  const plans = [
    planAt(30 * MINUTE_MS),
    planAt(50 * MINUTE_MS, 'b'),
    planAt(1, 'b'),
    planAt(17 * MINUTE_MS, 'c'),
  ];
  const { atMs, told } = await wait(virtualClock(), async () => plans.shift() ?? planAt(17 * MINUTE_MS, 'c'));
  expect({ atMs, told }).toEqual({ atMs: 17 * MINUTE_MS, told: ['a 30', 'b 50', 'c 17'] });
});

test('a server that is away is asked again each minute, told of once, and keeps nothing from its plan', async () => {
  let looks = 0;
  const { outcome, atMs, told } = await wait(virtualClock(), async () => {
    looks++;
    if (looks > 1) throw new Error('away');
    return planAt(9 * MINUTE_MS);
  });
  expect(outcome.kind).toBe('start');
  expect({ atMs, looks, told }).toEqual({ atMs: 9 * MINUTE_MS, looks: 5, told: ['a 9', 'away'] });
});

test('once the server is back, all is as before: asked as seldom, and told of when it is away again', async () => {
  const lookedAt: number[] = [];
  const clock = virtualClock();
  const { told } = await wait(clock, async () => {
    lookedAt.push(clock.nowMs / MINUTE_MS);
    if (lookedAt.length === 2 || lookedAt.length === 4) throw new Error('away');
    return planAt(13 * MINUTE_MS);
  });
  expect(lookedAt).toEqual([0, 5, 6, 11, 12]);
  expect(told).toEqual(['a 13', 'away', 'away']);
});

test('a clock that is set back does not end the questions', async () => {
  const clock = virtualClock([-120 * MINUTE_MS]);
  const plans = [planAt(Number.POSITIVE_INFINITY), planAt(-118 * MINUTE_MS, 'b')];
  const { outcome, atMs } = await wait(clock, async () => plans.shift() ?? planAt(-118 * MINUTE_MS, 'b'));
  expect({ kind: outcome.kind, atMs }).toEqual({ kind: 'start', atMs: -118 * MINUTE_MS });
});

test('without any answer it starts at its deadline, with the reason', async () => {
  const { outcome, atMs } = await wait(virtualClock(), async () => Promise.reject(new Error('away')));
  expect(outcome).toEqual({ kind: 'deadline', plan: null, trouble: 'away' });
  expect(atMs).toBe(60 * MINUTE_MS);
});

test('a look that never ends does not outlast the deadline', async () => {
  const { outcome, atMs } = await wait(virtualClock(), () => new Promise(() => {}));
  expect(outcome).toEqual({ kind: 'deadline', plan: null, trouble: null });
  expect(atMs).toBe(60 * MINUTE_MS);
});

test('what is no lack of an answer ends the wait', async () => {
  const refused = wait(virtualClock(), async () => Promise.reject(new Error('refused')), {
    troubleOf: (error) => {
      throw error;
    },
  });
  await expect(refused).rejects.toThrow('refused');
});

test('a signal ends the wait', async () => {
  const stop = new AbortController();
  const clock = virtualClock();
  const { outcome } = await wait(clock, async () => planAt(Number.POSITIVE_INFINITY), {
    signal: stop.signal,
    passing: (_, nowMs) => {
      if (nowMs >= MINUTE_MS) stop.abort();
    },
  });
  expect(outcome.kind).toBe('stopped');
  expect(clock.nowMs).toBeLessThan(2 * MINUTE_MS);
});

test('whatever the clock does: never before its start, never later than a slice after what the clock says', async () => {
  const jump = fc.oneof(
    { weight: 8, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 5 * 60 * MINUTE_MS }) },
    { weight: 1, arbitrary: fc.integer({ min: -20 * MINUTE_MS, max: 0 }) },
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(jump, { maxLength: 60 }),
      fc.integer({ min: 0, max: 90 }),
      fc.array(fc.boolean(), { minLength: 1, maxLength: 20 }),
      async (jumps, startMinute, answers) => {
        const clock = virtualClock(jumps);
        let looks = 0;
        let awakeMs = 0;
        let learnedMs = 0;
        const startMs = startMinute * MINUTE_MS;
        const { outcome, atMs } = await wait(
          clock,
          async () => {
            if (!answers[looks++ % answers.length]) throw new Error('away');
            return planAt(startMs);
          },
          {
            planned: () => {
              learnedMs = clock.nowMs;
            },
            passing: (_, nowMs) => {
              awakeMs = nowMs;
            },
          },
        );
        const dueMs = outcome.kind === 'start' ? Math.max(startMs, learnedMs) : 60 * MINUTE_MS;
        expect(atMs).toBeGreaterThanOrEqual(dueMs);
        // The last time that it looked at its clock, it was not due: nothing but that sleep lies between.
        if (awakeMs > 0) expect(awakeMs).toBeLessThan(dueMs);
        const largest = Math.max(0, ...jumps);
        expect(atMs).toBeLessThanOrEqual(dueMs + SLICE_MS + largest);
      },
    ),
  );
});
