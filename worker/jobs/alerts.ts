import { enqueueNotifications } from '../storage/alert-outbox.ts';
import { bestForecasts, evaluateAlerts } from '../use-cases/alerts/run.ts';
import type { ScheduledJob } from './register.ts';

/** Due whenever a window became final; how far it has come is kept in `alert_cursor`. */
export const alerts: ScheduledJob = async ({ shards, now }) => {
  const nowMs = now();
  await evaluateAlerts({
    db: shards.main,
    nowMs,
    forecastsOf: (gridZones, atMs) => bestForecasts(shards.main, gridZones, atMs),
    enqueue: (notifications) => enqueueNotifications(shards.main, notifications, nowMs),
  });
};
