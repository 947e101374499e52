import { expect, test } from 'vitest';
import { jobsOf } from '../../../worker/jobs/dispatch.ts';
import { turns } from '../../../worker/jobs/register.ts';

const MINUTE_MS = 60_000;
const everyJob = turns.flat();

test('in any five minutes each job has one turn', () => {
  for (const firstMs of [0, 7 * MINUTE_MS, Date.UTC(2026, 10, 25, 12, 3)]) {
    const minutes = Array.from({ length: 5 }, (_, minute) =>
      jobsOf({ cron: '* * * * *', scheduledTime: firstMs + minute * MINUTE_MS }),
    );
    const names = minutes.flat().map(({ name }) => name);
    expect(names.sort()).toEqual(everyJob.map(({ name }) => name).sort());
    // The limits of the platform are for each run.
    expect(Math.max(...minutes.map((jobs) => jobs.length))).toBe(Math.ceil(everyJob.length / 5));
  }
});

test('any other trigger runs all of them, in their order', () => {
  expect(jobsOf({ cron: 'start', scheduledTime: 3 * MINUTE_MS })).toEqual(everyJob);
});
