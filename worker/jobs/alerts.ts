import { enqueueNotifications } from '../storage/alert-outbox.ts';
import { readStoredPace } from '../storage/pace.ts';
import { bestForecasts, evaluateAlerts } from '../use-cases/alerts/run.ts';
import { paceOf } from '../use-cases/pace.ts';
import type { ScheduledJob } from './register.ts';

/** Due whenever a window became final; how far it has come is kept in `alert_cursor`. */
export const alerts: ScheduledJob = async ({ env, shards, now }) => {
  const nowMs = now();
  const { silentEverySeconds } = paceOf(await readStoredPace(shards.main, nowMs), env);
  await evaluateAlerts({
    shards,
    nowMs,
    reportEverySeconds: silentEverySeconds,
    forecastsOf: (gridZones, atMs) => bestForecasts(shards.main, gridZones, atMs),
    enqueue: (notifications) => enqueueNotifications(shards.main, notifications, nowMs),
  });
};
