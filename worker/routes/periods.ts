import { createRoute, z } from '@hono/zod-openapi';
import type { App } from '../http/app.ts';
import { requireReason, requireScope } from '../http/guard.ts';
import { nextCursorOutput, pageOf, pageQuery } from '../http/paging.ts';
import { problemResponse } from '../http/problem.ts';
import { problems } from '../http/problem-schema.ts';
import { listPeriods } from '../storage/periods.ts';
import { closePeriod, openPeriod, periodNow } from '../use-cases/periods.ts';
import {
  closeBody,
  openPeriodReply,
  openPeriodSchema,
  periodNowReply,
  periodNowSchema,
  periodReply,
  periodSchema,
  scopeQuery,
} from './periods-schema.ts';

const tags = ['Audit'];
const json = <T extends z.ZodType>(description: string, schema: T) => ({
  description,
  content: { 'application/json': { schema } },
});

const closeRoute = createRoute({
  method: 'post',
  path: '/v1/periods',
  tags,
  summary: 'Close a period: freeze its figure',
  description:
    'The totals of `[from, to)` are kept with all that they were made from. Later changes restate answers as ever, and appear as adjustments of this period, never inside the sum of another. Closing the same again answers what is closed; a closed period cannot be opened or closed anew.',
  ...requireReason('admin'),
  request: { body: { required: true, content: { 'application/json': { schema: closeBody } } } },
  responses: {
    200: json('Closed, now or before', periodSchema),
    ...problems('invalid_parameter', 'range_too_long', 'period_not_over', 'period_overlaps', 'overloaded'),
  },
});

const listRoute = createRoute({
  method: 'get',
  path: '/v1/periods',
  tags,
  summary: 'Closed periods, the last closed first',
  ...requireScope('read'),
  request: { query: z.strictObject(pageQuery) },
  responses: {
    200: json(
      'A page of periods',
      z.object({ periods: z.array(periodSchema), nextCursor: nextCursorOutput }),
    ),
  },
});

const openRoute = createRoute({
  method: 'get',
  path: '/v1/periods/open',
  tags,
  summary: 'The period that runs, and what has come to closed ones',
  description:
    'From the end of the last period closed in this scope until now. Adjustments of closed periods stand beside its own sum.',
  ...requireScope('read'),
  request: { query: scopeQuery },
  responses: {
    200: json('The open period', openPeriodSchema),
    ...problems('invalid_parameter', 'range_too_long', 'not_found'),
  },
});

const getRoute = createRoute({
  method: 'get',
  path: '/v1/periods/{id}',
  tags,
  summary: 'A closed period: its frozen figure, the figure now, and why they differ',
  ...requireScope('read'),
  request: { params: z.object({ id: z.coerce.number().int().min(1) }) },
  responses: {
    200: json('The period', periodNowSchema),
    ...problems('not_found', 'invalid_parameter', 'range_too_long'),
  },
});

export function registerPeriods(app: App): void {
  app.openapi(closeRoute, async (context) => {
    const { from: fromMs, to: toMs, why, ...scope } = context.req.valid('json');
    const { nowMs, caller } = context.var;
    const closed = await closePeriod(
      context.var.shards,
      { fromMs, toMs, ...scope },
      { nowMs, by: caller.tokenId, why },
    );
    return closed.ok
      ? context.json(periodReply(closed.value), 200)
      : problemResponse(context, closed.problem);
  });

  app.openapi(listRoute, async (context) => {
    const { limit, cursor } = context.req.valid('query');
    const rows = await listPeriods(context.var.shards.main, {
      limit: limit + 1,
      beforeId: cursor === undefined ? null : Number(cursor),
    });
    const { items, nextCursor } = pageOf(rows, limit, ({ id }) => id);
    return context.json({ periods: items.map(periodReply), nextCursor }, 200);
  });

  app.openapi(openRoute, async (context) => {
    const open = await openPeriod(context.var.shards, context.req.valid('query'), context.var.nowMs);
    return open.ok ? context.json(openPeriodReply(open.value), 200) : problemResponse(context, open.problem);
  });

  app.openapi(getRoute, async (context) => {
    const found = await periodNow(context.var.shards, context.req.valid('param').id, context.var.nowMs);
    return found.ok
      ? context.json(periodNowReply(found.value), 200)
      : problemResponse(context, found.problem);
  });
}
