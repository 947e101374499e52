/** What it takes to evaluate 1,000 rules over 10,000 nodes, step by step, counted on the real Worker and its D1. */
import { HOUR_MS, WINDOW_MS } from '../../shared/time/window.ts';
import { cpuSeconds } from '../agent/process-use.ts';
import type { Figure } from '../figures.ts';
import { type MeteredSite, startMeteredSite } from '../metered-site.ts';
import { NODES, seedFleet, seedGrid } from './fleet.ts';
import { channel, RULES, rules } from './rules.ts';

const BEGIN_MS = Date.UTC(2026, 5, 15, 6);
const MINUTE_MS = 60_000;
const FINAL_AFTER_MS = 10 * MINUTE_MS;
const REFOLD_MS = 36 * HOUR_MS;

interface Step {
  readonly outcome: 'idle' | 'more' | 'done' | 'lost';
  readonly statements: number;
  readonly read: number;
  readonly written: number;
  /** Characters of the longest bound text. */
  readonly longestValue: number;
  /** Of workerd: the Worker and its database. */
  readonly cpuMs: number;
}

export async function alerts(): Promise<Figure[]> {
  const site = await startMeteredSite('bench/alerts/stepping-worker.mjs');
  try {
    return await measure(site);
  } finally {
    await site.stop();
  }
}

async function measure(site: MeteredSite): Promise<Figure[]> {
  const { db } = site;
  const hours = [0, 1].map((hour) => BEGIN_MS + hour * HOUR_MS);
  await seedFleet(db, BEGIN_MS - 90 * 24 * HOUR_MS, hours);
  await site.ask('/__clock', BEGIN_MS);
  await seedGrid(site, BEGIN_MS + 3 * HOUR_MS);
  await site.ask('/v1/alert-channels', channel);
  await site.ask('/v1/alert-rules', { alertRules: rules() }, undefined, 'PUT');

  const upTo = (endMs: number) => stepsAt(site, endMs + FINAL_AFTER_MS);
  const begin = await upTo(BEGIN_MS);
  const most = await upTo(BEGIN_MS + HOUR_MS - WINDOW_MS);
  // The last window of an hour takes the most: all twelve are summed again, since reports may have come late.
  const window = await upTo(BEGIN_MS + HOUR_MS);
  const cronMinutes = await minutesOfCron(site, BEGIN_MS + HOUR_MS + WINDOW_MS);
  await pretendPast(db);
  await db
    .prepare('UPDATE grid_values SET grams_per_kwh = grams_per_kwh * 1.01, fetched_at_ms = fetched_at_ms + 1')
    .run();
  const again = await upTo(BEGIN_MS + HOUR_MS + WINDOW_MS);
  return figuresOf({ begin, most, window, again }, cronMinutes);
}

interface Phases {
  /** 1,000 rules that were not there before. */
  readonly begin: readonly Step[];
  /** Eleven windows at once. */
  readonly most: readonly Step[];
  /** One window: what every five minutes takes. */
  readonly window: readonly Step[];
  /** 36 hours folded again, since the intensities of every zone were restated. */
  readonly again: readonly Step[];
}

function figuresOf(phases: Phases, cronMinutes: number): Figure[] {
  const { begin, window, again } = phases;
  const all = Object.values(phases).flat();
  const sum = (steps: readonly Step[], of: (step: Step) => number) =>
    steps.reduce((total, step) => total + of(step), 0);
  const most = (of: (step: Step) => number) => Math.max(...all.map(of));
  const cpu = ({ cpuMs }: Step) => cpuMs;
  const what = `${RULES} rules over ${NODES} nodes, the last window of an hour`;
  const cpuNote = 'of workerd: the Worker and its database together';
  return [
    figure('alerts.steps', window.length, 'steps', what),
    figure(
      'alerts.queries_per_step',
      most(({ statements }) => statements),
      'queries',
      'target 50; the most of any step, catching up and restating included',
    ),
    figure(
      'alerts.queries',
      sum(window, ({ statements }) => statements),
      'queries',
      'of all steps of one window',
    ),
    figure(
      'alerts.rows_read_per_step',
      most(({ read }) => read),
      'rows',
      'the most of any step',
    ),
    figure(
      'alerts.rows_read',
      sum(window, ({ read }) => read),
      'rows',
      'of one window',
    ),
    figure(
      'alerts.rows_written',
      sum(window, ({ written }) => written),
      'rows',
      'of one window',
    ),
    figure('alerts.cpu_ms_per_step', sum(window, cpu) / window.length, 'ms', cpuNote),
    figure('alerts.cpu_ms', sum(window, cpu), 'ms', `${cpuNote}; a cron run of the paid plan has 30,000`),
    figure(
      'alerts.cron_minutes',
      cronMinutes,
      'minutes',
      'target below 5; from when a window is final to the end of its evaluation, the jobs taking turns',
    ),
    figure(
      'alerts.longest_value',
      most(({ longestValue }) => longestValue),
      'chars',
      'D1 takes 2,000,000 bytes a value',
    ),
    figure('alerts.begin_steps', begin.length, 'steps', `${RULES} new rules`),
    figure(
      'alerts.refold_cpu_ms',
      sum(again, cpu),
      'ms',
      `36 hours of ${RULES} rules folded again in ${again.length} steps; ${cpuNote}`,
    ),
  ];
}

const figure = (name: string, value: number, unit: string, note: string): Figure => ({
  name,
  value,
  unit,
  note,
});

/** Steps until nothing is left to do. */
async function stepsAt({ ask, processId }: MeteredSite, nowMs: number): Promise<Step[]> {
  const steps: Step[] = [];
  for (;;) {
    const before = cpuSeconds(processId);
    const step = await ask<Omit<Step, 'cpuMs'>>('/__step', nowMs);
    steps.push({ ...step, cpuMs: (cpuSeconds(processId) - before) * 1_000 });
    if (step.outcome !== 'more') return steps;
  }
}

/** From when a window is final until it is evaluated and told, while the jobs take their turns. */
async function minutesOfCron({ ask, db }: MeteredSite, endMs: number): Promise<number> {
  const dueMs = endMs + FINAL_AFTER_MS;
  for (let minute = 0; minute < 60; minute++) {
    await ask('/__cron', dueMs + minute * MINUTE_MS);
    const row = await db
      .prepare("SELECT cursor ->> 'headMs' AS headMs FROM alert_cursor")
      .first<{ headMs: number }>();
    if (row?.headMs === endMs) return minute;
  }
  throw new Error('an hour of cron does not evaluate one window');
}

/** Gives the evaluation a past of 36 hours: the windows that are there, again and again. */
async function pretendPast(db: MeteredSite['db']): Promise<void> {
  await db.batch([
    db.prepare(`INSERT INTO alert_windows (key, facts)
      SELECT w.key - 12 * back.value, w.facts FROM (SELECT * FROM alert_windows ORDER BY key LIMIT 12) AS w
      CROSS JOIN json_each('${JSON.stringify(Array.from({ length: 34 }, (_, i) => i + 1))}') AS back`),
    db
      .prepare("UPDATE alert_cursor SET cursor = json_set(cursor, '$.checkpointMs', ?1)")
      .bind(BEGIN_MS + HOUR_MS - REFOLD_MS + HOUR_MS),
    db.prepare("UPDATE alert_states SET state = json_set(state, '$.sinceMs', ?1)").bind(BEGIN_MS - REFOLD_MS),
  ]);
}
