/** A fleet on a clock of its own, evaluated as cron does, with what is told kept where nothing may be told twice. */
import type { AlertNotification } from '../../../shared/alerts/notification.ts';
import type { ForecastStep } from '../../../shared/alerts/outlook.ts';
import { Shards } from '../../../worker/storage/shards.ts';
import { evaluateAlerts, NODES_PER_STEP } from '../../../worker/use-cases/alerts/run.ts';
import { ask, database, gpu, HOUR_MS, newNode, report, WINDOW_MS } from '../emissions/support.ts';

export const MINUTE_MS = 60_000;

const EVALUATION = ['cursor', 'sums', 'windows', 'states', 'episodes', 'zone_days', 'late_hours'];

/** As if nothing had ever been evaluated. */
export async function forgetEvaluation(): Promise<void> {
  await database.batch([
    database.prepare('CREATE TABLE IF NOT EXISTS told (id TEXT PRIMARY KEY, notification TEXT NOT NULL)'),
    database.prepare('DELETE FROM told'),
    ...EVALUATION.map((table) => database.prepare(`DELETE FROM alert_${table}`)),
  ]);
}

export interface RunOptions {
  readonly db?: D1Database;
  readonly forecasts?: ReadonlyMap<string, readonly ForecastStep[]>;
  readonly reportEverySeconds?: number;
  /** Fewer than the paid plan's: one step a run. */
  readonly nodesPerStep?: number;
}

/** One run of the job; a notification that was told before makes it fail. */
export const run = (
  nowMs: number,
  {
    db = database,
    forecasts = new Map(),
    reportEverySeconds = 60,
    nodesPerStep = NODES_PER_STEP.paid,
  }: RunOptions = {},
) =>
  evaluateAlerts(
    {
      shards: new Shards([db]),
      nowMs,
      reportEverySeconds,
      nodesPerStep,
      forecastsOf: async () => forecasts,
      enqueue: (notifications) =>
        notifications.map((notification) =>
          db.prepare('INSERT INTO told VALUES (?1, ?2)').bind(notification.id, JSON.stringify(notification)),
        ),
    },
    nodesPerStep < NODES_PER_STEP.paid,
  );

/** Runs until nothing is left to do at the instant. */
export async function runToEnd(nowMs: number, options: RunOptions = {}): Promise<void> {
  for (let runs = 0; runs < 100; runs++) if ((await run(nowMs, options)).outcome !== 'more') return;
  throw new Error('the evaluation comes to no end');
}

export async function told(): Promise<AlertNotification[]> {
  const { results } = await database
    .prepare('SELECT notification FROM told ORDER BY rowid')
    .all<{ notification: string }>();
  return results.map(({ notification }) => JSON.parse(notification));
}

export interface ListedAlert {
  readonly id: string;
  readonly ruleName: string;
  readonly gridZone: string | null;
  readonly state: string;
  readonly startedAt: string;
  readonly firedAt: string;
  readonly endedAt: string | null;
  readonly operationalGrams: number;
  readonly energyKwh: number;
  readonly notified: boolean;
  readonly silenced: boolean;
  readonly summary: string;
  readonly text: string;
  readonly corrections: readonly { readonly kind: string }[];
}

export const listed = async (query = '') =>
  (await ask<{ alerts: ListedAlert[] }>('GET', `/v1/alerts?limit=200${query}`)).alerts;

/** The hour and minute of an instant. */
export const clockOf = (at: string | null) => at?.slice(11, 16) ?? null;

export { ask, database, gpu, HOUR_MS, newNode, report, WINDOW_MS };
