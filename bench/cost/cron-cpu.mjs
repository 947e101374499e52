/**
 * CPU of the cron for a node and day on the paid plan, without the database's: what grows with nodes. `node
 * bench/cost/cron-cpu.mjs NODES` prints as JSON, in milliseconds: `turns`, the five turns and the runs that sum hours and that
 * evaluate alerts in a day in which nodes only report; `archive`, what becomes of a day later, from its first series that goes to the archive
 * until the last object is deleted, of fewer nodes. By the clock of the thread's CPU; collecting garbage is beside it. Plain
 * JavaScript: the Worker's types are not Node's.
 */
import { retentionSettings } from '../../shared/settings/retention.ts';
import { DAY_MS } from '../../shared/time/window.ts';
import { runDueJobs, triggersAt } from '../../worker/jobs/dispatch.ts';
import { START_MS, startFleet } from './fleet-in-process.mjs';
import { memoryBucket } from './memory-bucket.mjs';

const MINUTE_MS = 60_000;
const DAY_MINUTES = 1_440;
const HOURS = 48;
/** Of the five turns. */
const RETENTION_TURN = 1;
/** Each of its series is half a second of this process. */
const ARCHIVED_NODES = 8;

const nodes = Number(process.argv[2]);
console.log(JSON.stringify({ turns: await turnsOfADay(), archive: await lifeOfADay() }));

/** The first day is told an hour at a time, and warms the code; the second one is counted. */
async function turnsOfADay() {
  const fleet = await startFleet(nodes, { RETENTION_PLAN: 'paid', ARCHIVE: memoryBucket() }, HOURS);
  let sum = 0;
  for (let minute = 0; minute < 2 * DAY_MINUTES; minute++) {
    fleet.clock.nowMs = START_MS + (minute + 1) * MINUTE_MS;
    if (minute % 60 === 59) await reportHour(fleet, nodes, Math.floor(minute / 60), false);
    for (const trigger of triggersAt(fleet.clock.nowMs)) {
      const spent = await fleet.spent(() => runDueJobs(fleet.context, trigger));
      if (minute >= DAY_MINUTES) sum += spent;
    }
  }
  return sum / nodes;
}

async function lifeOfADay() {
  const fleet = await startFleet(ARCHIVED_NODES, { RETENTION_PLAN: 'paid', ARCHIVE: memoryBucket() }, HOURS);
  // Then hours of the next one, so that none of the first is the newest of its node.
  for (let hour = 0; hour < 25; hour++) {
    fleet.clock.nowMs = START_MS + (hour + 1) * 60 * MINUTE_MS;
    await reportHour(fleet, ARCHIVED_NODES, hour, true);
    for (let minute = 0; minute < 60; minute++) {
      fleet.clock.nowMs += MINUTE_MS;
      for (const trigger of triggersAt(fleet.clock.nowMs)) await runDueJobs(fleet.context, trigger);
    }
  }
  const { seriesDays, windowsDays, hoursDays, archivedSeriesDays } = retentionSettings({});
  let sum = 0;
  for (const days of [seriesDays, windowsDays, archivedSeriesDays, hoursDays, hoursDays + 31]) {
    const today = days + 1;
    await passEmptyDays(fleet, today);
    for (let turn = 0, before = ''; before !== (await tasksOf(fleet)); turn++) {
      before = await tasksOf(fleet);
      fleet.clock.nowMs = START_MS + today * DAY_MS + (turn * 10 + RETENTION_TURN) * MINUTE_MS;
      const [trigger] = triggersAt(fleet.clock.nowMs);
      sum += await fleet.spent(() => runDueJobs(fleet.context, trigger));
    }
  }
  const { day } = JSON.parse(await tasksOf(fleet)).find(({ task }) => task === 'dayFiles');
  if (day * DAY_MS <= START_MS) throw new Error('the day has not come to its end');
  return sum / ARCHIVED_NODES;
}

async function tasksOf({ database }) {
  return JSON.stringify((await database.prepare('SELECT * FROM retention_tasks').all()).results);
}

async function reportHour(fleet, count, hour, withSeries) {
  for (let node = 1; node <= count; node++) {
    const reports = fleet.windowsOfHour(node, hour, { withSeries, hostSeries: withSeries });
    const answer = await fleet.say(node, fleet.bodyOf(reports));
    if (answer.value?.accepted !== 12) throw new Error(JSON.stringify(answer));
  }
}

/** Tasks that are past the first day go on to the day given. */
async function passEmptyDays({ database }, today) {
  const first = START_MS / DAY_MS;
  await database
    .prepare('UPDATE retention_tasks SET day = ?1, position = 0 WHERE day > ?2')
    .bind(first + today, first)
    .run();
}
