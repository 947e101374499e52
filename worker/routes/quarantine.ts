import { createRoute, z } from '@hono/zod-openapi';
import type { App } from '../http/app.ts';
import { requireReason, requireScope } from '../http/guard.ts';
import { nextCursorOutput, pageOf, pageOfPlacesQuery, placesKey } from '../http/paging.ts';
import { problemResponse } from '../http/problem.ts';
import { problems } from '../http/problem-schema.ts';
import { instant, instantOrNull, instantOutput, whyInput } from '../http/schemas.ts';
import { listQuarantine, resolveQuarantined } from '../storage/quarantine.ts';
import { releaseQuarantined } from '../use-cases/quarantine-release.ts';

const tags = ['Quarantine'];

const listRoute = createRoute({
  method: 'get',
  path: '/v1/quarantine',
  tags,
  summary: 'What could not be booked, newest first',
  description:
    'A report that cannot be true is kept here whole; no total contains it. Of one with the code `series_disagrees` the energies are booked, and only the power series waits.',
  ...requireScope('admin'),
  request: {
    query: z.strictObject({
      ...pageOfPlacesQuery,
      resolution: z
        .enum(['open', 'all'])
        .default('open')
        .openapi({ description: '`all` lists what was released or discarded as well.' }),
    }),
  },
  responses: {
    200: {
      description: 'A page of quarantined reports',
      content: {
        'application/json': {
          schema: z.object({
            quarantine: z.array(
              z
                .object({
                  id: z.number().int(),
                  nodeId: z.string(),
                  windowStart: instantOutput,
                  epoch: z.string(),
                  revision: z.number().int(),
                  deviceId: z.string().nullable(),
                  code: z.string().openapi({ example: 'power_implausible' }),
                  detail: z.string(),
                  receivedAt: instantOutput,
                  resolution: z.enum(['released', 'discarded']).nullable(),
                  resolvedAt: instantOutput.nullable(),
                  resolvedBy: z.string().nullable().openapi({ description: 'Id of the token.' }),
                })
                .openapi('QuarantinedReport'),
            ),
            nextCursor: nextCursorOutput,
          }),
        },
      },
    },
  },
});

const discardRoute = createRoute({
  method: 'post',
  path: '/v1/quarantine/{id}/discard',
  tags,
  summary: 'Discard a quarantined report for good',
  description: 'It stays listed under `resolution=all`, with who discarded it and when.',
  ...requireReason('admin'),
  request: {
    params: z.object({ id: z.coerce.number().int().min(1) }),
    query: z.strictObject({ why: whyInput }),
  },
  responses: { 204: { description: 'Discarded' }, ...problems('not_found') },
});

const releaseRoute = createRoute({
  method: 'post',
  path: '/v1/quarantine/{id}/release',
  tags,
  summary: 'Book a quarantined report after all',
  description:
    'The operator vouches for it: bounds of power and age and the seal of old windows are waived; a power series that disagreed is stored with its window, as long as that keeps series. A device still never has more time than its window, one revision never two contents, and jobs and idle never more than their device: then 409, and it stays in quarantine.',
  ...requireReason('admin'),
  request: {
    params: z.object({ id: z.coerce.number().int().min(1) }),
    query: z.strictObject({ why: whyInput }),
  },
  responses: { 204: { description: 'Booked' }, ...problems('not_found', 'revision_conflict', 'overloaded') },
});

export function registerQuarantine(app: App): void {
  app.openapi(listRoute, async (context) => {
    const { limit, cursor, resolution } = context.req.valid('query');
    const rows = await listQuarantine(context.var.shards, {
      limit: limit + 1,
      before: cursor ?? [],
      unresolvedOnly: resolution === 'open',
    });
    const { items, nextCursor } = pageOf(rows, limit, ({ next }) => placesKey(next));
    const quarantine = items.map(({ item: { windowStartMs, receivedAtMs, resolvedAtMs, ...item } }) => ({
      ...item,
      windowStart: instant(windowStartMs),
      receivedAt: instant(receivedAtMs),
      resolvedAt: instantOrNull(resolvedAtMs),
    }));
    return context.json({ quarantine, nextCursor }, 200);
  });
  app.openapi(discardRoute, async (context) => {
    const { id } = context.req.valid('param');
    const { caller, nowMs } = context.var;
    const author = { who: caller.tokenId, why: context.req.valid('query').why ?? null };
    const discarded = await resolveQuarantined(context.var.shards, id, 'discarded', author, nowMs);
    if (discarded) return context.body(null, 204);
    return problemResponse(context, {
      code: 'not_found',
      detail: `No open quarantined report has the id ${id}.`,
      field: 'id',
    });
  });
  app.openapi(releaseRoute, async (context) => {
    const { id } = context.req.valid('param');
    const { caller, nowMs } = context.var;
    const author = { who: caller.tokenId, why: context.req.valid('query').why ?? null };
    const outcome = await releaseQuarantined(context.var.shards, id, author, nowMs);
    return outcome.ok ? context.body(null, 204) : problemResponse(context, outcome.problem);
  });
}
