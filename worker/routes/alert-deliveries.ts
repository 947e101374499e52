import { createRoute, z } from '@hono/zod-openapi';
import type { App } from '../http/app.ts';
import { requireScope } from '../http/guard.ts';
import { nextCursorOutput, pageOf, pageQuery } from '../http/paging.ts';
import { problemResponse } from '../http/problem.ts';
import { problems } from '../http/problem-schema.ts';
import { instant, instantOrNull } from '../http/schemas.ts';
import type { StoredDelivery } from '../storage/alert-deliveries.ts';
import { getDeliveries, retryDelivery } from '../use-cases/channels/deliveries.ts';
import { channelIdInput, deliveryOutput, deliveryStateInput } from './alert-channel-schemas.ts';

const tags = ['Alert channels'];

const listRoute = createRoute({
  method: 'get',
  path: '/v1/alert-channels/{id}/deliveries',
  tags,
  summary: 'List the deliveries of a channel that are in one state',
  description: 'Kept for 90 days. What a receiver answers is not stored beyond its status.',
  ...requireScope('admin'),
  request: {
    params: z.object({ id: channelIdInput }),
    query: z.strictObject({ ...pageQuery, state: deliveryStateInput }),
  },
  responses: {
    200: {
      description: 'Deliveries, newest first',
      content: {
        'application/json': {
          schema: z.object({ deliveries: z.array(deliveryOutput), nextCursor: nextCursorOutput }),
        },
      },
    },
    ...problems('not_found'),
  },
});

const retryRoute = createRoute({
  method: 'post',
  path: '/v1/alert-channels/{id}/deliveries/{deliveryId}/retry',
  tags,
  summary: 'Try a dead letter again',
  description: 'It waits for the next run, with all its attempts before it, under the id that it always had.',
  ...requireScope('admin'),
  request: {
    params: z.object({
      id: channelIdInput,
      deliveryId: z.string().regex(/^\d{1,15}$/, 'expected the id of a delivery'),
    }),
  },
  responses: { 204: { description: 'Pending again' }, ...problems('not_found') },
});

export function registerAlertDeliveries(app: App): void {
  app.openapi(listRoute, async (context) => {
    const { limit, cursor, state } = context.req.valid('query');
    const { id } = context.req.valid('param');
    const found = await getDeliveries(context.var.shards.main, id, state, {
      limit: limit + 1,
      after: cursor,
    });
    if (!found.ok) return problemResponse(context, found.problem);
    const page = pageOf(found.value, limit, ({ number }) => number);
    return context.json({ deliveries: page.items.map(deliveryReply), nextCursor: page.nextCursor }, 200);
  });

  app.openapi(retryRoute, async (context) => {
    const { id, deliveryId } = context.req.valid('param');
    const retried = await retryDelivery(context.var.shards.main, id, Number(deliveryId), context.var.nowMs);
    if (!retried.ok) return problemResponse(context, retried.problem);
    return context.body(null, 204);
  });
}

function deliveryReply(delivery: StoredDelivery) {
  const { number, notificationId, episodeId, summary, state, attempts, lastStatus, lastOutcome } = delivery;
  return {
    id: number,
    notificationId,
    episodeId,
    summary,
    state,
    attempts,
    enqueuedAt: instant(delivery.enqueuedAtMs),
    lastAttemptAt: instantOrNull(delivery.lastAttemptAtMs),
    nextAttemptAt: state === 'pending' ? instant(delivery.nextAttemptAtMs) : null,
    finishedAt: instantOrNull(delivery.finishedAtMs),
    lastStatus,
    lastOutcome,
  };
}
