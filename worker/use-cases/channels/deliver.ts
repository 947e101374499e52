/**
 * Empties the outbox: claims what is due, sends, writes what came of it. At least once, under the notification's own id:
 * a run that dies between a receiver's answer and our writing it down sends again when its lease is over.
 */
import type { SendOutcome } from '../../channels/send.ts';
import { disableChannel, listChannels, type StoredChannel } from '../../storage/alert-channels.ts';
import {
  type AttemptResult,
  buryUndeliverable,
  type ClaimedDelivery,
  claimDeliveries,
  finishAttempts,
  pruneDeliveries,
} from '../../storage/alert-outbox.ts';
import { openDatabase } from '../../storage/database.ts';
import { MAX_ATTEMPTS, retryDelayMs } from './retry-schedule.ts';
import { type NotificationSender, sendNotification } from './send-notification.ts';

/** Of the 50 requests that a run of the free plan may make; the grid job needs its own. */
const MAX_PER_RUN = 20;
const MAX_PER_CHANNEL = 5;
/** The platform has six connections at once; a message that waits for one would lose its time before it is sent. */
const CHANNELS_AT_ONCE = 5;
/** Twenty messages of 15 seconds, even one after the other. */
const LEASE_MS = 300_000;
/** No evaluation tells an episode of so long ago again. */
const KEPT_MS = 90 * 86_400_000;

/** Runs that are killed before they write anything down must end as well. */
const NEVER_ENDED: SendOutcome = {
  kind: 'noAnswer',
  status: null,
  outcome: 'given up: the last runs ended before an answer came',
  retryAfterMs: null,
  answer: null,
};

export interface DeliverDependencies
  extends Pick<NotificationSender, 'fetch' | 'email' | 'allowLoopback' | 'publicUrl'> {
  readonly db: D1Database;
  /** UTC milliseconds. */
  readonly now: () => number;
}

/** Throws only where the database fails, after every channel had its turn. */
export async function deliverNotifications(dependencies: DeliverDependencies): Promise<void> {
  const { db, now } = dependencies;
  const nowMs = now();
  const claimed = await claimDeliveries(db, {
    nowMs,
    leaseUntilMs: nowMs + LEASE_MS,
    perChannel: MAX_PER_CHANNEL,
    total: MAX_PER_RUN,
  });
  if (claimed.length > 0) {
    const channels = await listChannels(openDatabase(db));
    const queue = channels.flatMap((channel) => {
      const mine = claimed.filter(({ channelId }) => channelId === channel.id);
      return mine.length === 0 ? [] : [() => deliverTo(channel, mine, dependencies)];
    });
    await runAll(queue);
  }
  await buryUndeliverable(db, now());
  await pruneDeliveries(db, nowMs - KEPT_MS);
}

/** One channel's messages one after the other: their order is kept, and a receiver that is down costs one time-out. */
async function deliverTo(
  channel: StoredChannel,
  claimed: readonly ClaimedDelivery[],
  { db, now, fetch, email, allowLoopback, publicUrl }: DeliverDependencies,
): Promise<void> {
  const results: AttemptResult[] = [];
  let stopped: SendOutcome | null = null;
  for (const delivery of claimed) {
    if (stopped !== null) {
      results.push(givenBack(delivery, stopped, now()));
      continue;
    }
    if (delivery.attempts > MAX_ATTEMPTS) {
      results.push(resultOf(delivery, NEVER_ENDED, now()));
      continue;
    }
    const sender = { fetch, email, allowLoopback, publicUrl, nowMs: now(), readAnswer: false };
    const sent = await sendNotification(channel, delivery.notification, sender);
    results.push(resultOf(delivery, sent, now()));
    if (sent.kind === 'noAnswer' || sent.kind === 'gone' || sent.retryAfterMs !== null) stopped = sent;
  }
  await finishAttempts(db, results);
  if (stopped?.kind === 'gone') {
    await disableChannel(db, channel.id, 'the receiver answered 410 Gone', now());
  }
}

function resultOf(
  { number, attempts }: ClaimedDelivery,
  { kind, status, outcome, retryAfterMs }: SendOutcome,
  nowMs: number,
): AttemptResult {
  const delayMs = kind === 'gone' || kind === 'refused' ? null : retryDelayMs(attempts, retryAfterMs);
  const attempted = { number, attempts, attemptsAfter: Math.min(attempts, MAX_ATTEMPTS), status, outcome };
  if (kind === 'delivered' || delayMs === null) {
    const state = kind === 'delivered' ? 'delivered' : 'dead';
    return { ...attempted, state, nextAttemptAtMs: nowMs, finishedAtMs: nowMs };
  }
  return { ...attempted, state: 'pending', nextAttemptAtMs: nowMs + delayMs, finishedAtMs: null };
}

/** Not begun, because the receiver just showed that it takes nothing now; costs no attempt. */
function givenBack(
  { number, attempts }: ClaimedDelivery,
  { retryAfterMs }: SendOutcome,
  nowMs: number,
): AttemptResult {
  return {
    number,
    attempts,
    attemptsAfter: attempts - 1,
    state: 'pending',
    nextAttemptAtMs: nowMs + (retryDelayMs(1, retryAfterMs) ?? 0),
    status: null,
    outcome: 'not tried: the receiver took none of the messages before it',
    finishedAtMs: null,
  };
}

async function runAll(queue: (() => Promise<void>)[]): Promise<void> {
  const errors: unknown[] = [];
  const lane = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      await next().catch((error: unknown) => errors.push(error));
    }
  };
  await Promise.all(Array.from({ length: CHANNELS_AT_ONCE }, lane));
  if (errors.length > 0) throw errors[0];
}
