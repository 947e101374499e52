import { expect, test } from 'vitest';
import launcher from '../../../deploy/local/server.ts?raw';
import { CRON_REQUESTS_PER_DAY } from '../../../shared/pace/plans.ts';
import { jobsOf, triggersAt } from '../../../worker/jobs/dispatch.ts';
import { ownTriggers, turns } from '../../../worker/jobs/register.ts';
import wrangler from '../../../wrangler.toml?raw';

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

test('what takes many runs has every second minute for itself', () => {
  for (const { cron, job } of ownTriggers)
    expect(jobsOf({ cron, scheduledTime: 3 * MINUTE_MS })).toEqual([job]);
  const [even, odd] = ownTriggers;
  const fired = [4, 5].map((minute) => triggersAt(minute * MINUTE_MS).map((trigger) => trigger.cron));
  expect(fired).toEqual([
    ['* * * * *', even.cron],
    ['* * * * *', odd.cron],
  ]);
});

test('the triggers are those that the platform is told, and that npm start fires', () => {
  const crons = [
    ...new Set([0, 1].flatMap((minute) => triggersAt(minute * MINUTE_MS).map(({ cron }) => cron))),
  ];
  expect(wrangler).toContain(`crons = [${crons.map((cron) => `"${cron}"`).join(', ')}]`);
  expect(launcher).toContain(`const CRONS = [${crons.map((cron) => `'${cron}'`).join(', ')}];`);
});

/** Whether a minute of the hour is in the first field of a cron expression: `*`, `7`, `1-59`, and any of them in steps. */
function firesIn(cron: string, minute: number): boolean {
  const [, from, to, step = '1'] = /^(\*|\d+)(?:-(\d+))?(?:\/(\d+))? \* \* \* \*$/.exec(cron)!;
  const first = from === '*' ? 0 : Number(from);
  const last = from === '*' ? 59 : Number(to ?? from);
  return minute >= first && minute <= last && (minute - first) % Number(step) === 0;
}

test('what the triggers of a day take of its requests is what the pace counts with', () => {
  const crons: string[] = JSON.parse(/^crons = (\[.*\])$/m.exec(wrangler)![1]!);
  let runs = 0;
  for (let minute = 0; minute < 1_440; minute++) {
    const firing = crons.filter((cron) => firesIn(cron, minute % 60));
    expect(triggersAt(minute * MINUTE_MS).map(({ cron }) => cron)).toEqual(firing);
    runs += firing.length;
  }
  expect(CRON_REQUESTS_PER_DAY).toBe(runs);
});

test('anything else runs all of them, in their order', () => {
  const all = [...everyJob, ...ownTriggers.map(({ job }) => job)];
  expect(jobsOf({ cron: 'start', scheduledTime: 3 * MINUTE_MS })).toEqual(all);
});
