import { enqueueNotifications } from '../storage/alert-outbox.ts';
import { bestForecasts, evaluateAlerts } from '../use-cases/alerts/run.ts';
import type { ScheduledJob } from './register.ts';

/** Due whenever a window became final; how far it has come is kept in `alert_cursor`. */
export const alerts: ScheduledJob = async ({ env, now }) => {
  const nowMs = now();
  await evaluateAlerts({
    db: env.DB,
    nowMs,
    forecastsOf: (gridZones, atMs) => bestForecasts(env.DB, gridZones, atMs),
    enqueue: (notifications) => enqueueNotifications(env.DB, notifications, nowMs),
  });
};
