import { planOf } from '../env.ts';
import { enqueueNotifications } from '../storage/alert-outbox.ts';
import { readStoredPace } from '../storage/pace.ts';
import { bestForecasts, evaluateAlerts, NODES_PER_STEP } from '../use-cases/alerts/run.ts';
import { paceOf } from '../use-cases/pace.ts';
import type { JobContext, ScheduledJob } from './register.ts';

/** Due whenever a window became final; how far it has come is kept in `alert_cursor`. */
export const alerts: ScheduledJob = async (context) => {
  if (planOf(context.env) === 'paid') await evaluate(context, false);
};

/** On the free plan a run has the CPU of some nodes: it takes one step, in runs of its own. */
export const alertSteps: ScheduledJob = async (context) => {
  if (planOf(context.env) === 'free') await evaluate(context, true);
};

async function evaluate({ env, shards, now }: JobContext, isOneStep: boolean): Promise<void> {
  const nowMs = now();
  const { silentEverySeconds } = paceOf(await readStoredPace(shards.main, nowMs), env);
  await evaluateAlerts(
    {
      shards,
      nowMs,
      reportEverySeconds: silentEverySeconds,
      nodesPerStep: NODES_PER_STEP[planOf(env)],
      forecastsOf: (gridZones, atMs) => bestForecasts(shards.main, gridZones, atMs),
      enqueue: (notifications) => enqueueNotifications(shards.main, notifications, nowMs),
    },
    isOneStep,
  );
}
