import { alertTargetsAllowLoopback, publicUrl } from '../env.ts';
import { deliverNotifications } from '../use-cases/channels/deliver.ts';
import type { ScheduledJob } from './register.ts';

/** Due at every turn, a minute after the evaluation. */
export const alertDelivery: ScheduledJob = async ({ env, shards, now, fetch }) => {
  await deliverNotifications({
    db: shards.main,
    now,
    fetch,
    email: env.EMAIL,
    allowLoopback: alertTargetsAllowLoopback(env),
    publicUrl: publicUrl(env),
  });
};
