import { expect, test } from 'vitest';
import { jobsOf } from '../../../worker/jobs/dispatch.ts';
import { scheduledJobs } from '../../../worker/jobs/register.ts';

const MINUTE_MS = 60_000;

test('in any five minutes each job has one turn, however many there are', () => {
  for (const firstMs of [0, 7 * MINUTE_MS, Date.UTC(2026, 10, 25, 12, 3)]) {
    const turns = Array.from({ length: 5 }, (_, minute) =>
      jobsOf({ cron: '* * * * *', scheduledTime: firstMs + minute * MINUTE_MS }),
    );
    expect(
      turns
        .flat()
        .map(({ name }) => name)
        .sort(),
    ).toEqual(scheduledJobs.map(({ name }) => name).sort());
    // The limits of the platform are for each run.
    expect(Math.max(...turns.map((jobs) => jobs.length))).toBe(Math.ceil(scheduledJobs.length / 5));
  }
});

test('any other trigger runs all of them, in their order', () => {
  expect(jobsOf({ cron: 'start', scheduledTime: 3 * MINUTE_MS })).toEqual(scheduledJobs);
});
