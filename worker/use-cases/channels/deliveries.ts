/** What became of a channel's messages, and another try for what was given up. */
import type { PageRequest } from '../../http/paging.ts';
import { fail, ok, type Result } from '../../http/problem.ts';
import { findChannel } from '../../storage/alert-channels.ts';
import {
  type DeliveryState,
  listDeliveries,
  reviveDelivery,
  type StoredDelivery,
} from '../../storage/alert-deliveries.ts';
import { openDatabase } from '../../storage/database.ts';
import { noChannel } from './channels.ts';

/** Newest first. Problem: `not_found`. */
export async function getDeliveries(
  binding: D1Database,
  channelId: string,
  state: DeliveryState,
  { limit, after }: PageRequest,
): Promise<Result<StoredDelivery[]>> {
  const db = openDatabase(binding);
  if ((await findChannel(db, channelId)) === null) return noChannel(channelId);
  const before = after === undefined ? Number.MAX_SAFE_INTEGER : Number(after);
  return ok(await listDeliveries(db, channelId, state, limit, Number.isNaN(before) ? 0 : before));
}

/** Problem: `not_found`, also for a delivery that is not dead or that a later one has overtaken. */
export async function retryDelivery(
  binding: D1Database,
  channelId: string,
  number: number,
  nowMs: number,
): Promise<Result<null>> {
  if (await reviveDelivery(openDatabase(binding), channelId, number, nowMs)) return ok(null);
  return fail(
    'not_found',
    `The channel "${channelId}" has no dead letter ${number}, or a later message of the same episode arrived.`,
  );
}
