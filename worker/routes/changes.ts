import { createRoute, z } from '@hono/zod-openapi';
import type { App } from '../http/app.ts';
import { requireScope } from '../http/guard.ts';
import { nextCursorOutput, pageOf, pageQuery } from '../http/paging.ts';
import { problemResponse } from '../http/problem.ts';
import { problems } from '../http/problem-schema.ts';
import { instantInput } from '../http/schemas.ts';
import { rangeProblem } from '../http/time-range.ts';
import { type RecordedChange, readChanges } from '../storage/changes.ts';
import { changeReply, changeSchema } from './change-schema.ts';

const route = createRoute({
  method: 'get',
  path: '/v1/changes',
  tags: ['Audit'],
  summary: 'Everything that changed figures of the past, newest first',
  description:
    'Settings of sites and nodes, intensity that came late or was revised, energy that was booked after its hour had settled, releases from quarantine, retirements. `asOf` an instant before `recordedAt`, emissions are answered without the change.',
  ...requireScope('admin'),
  request: {
    query: z.strictObject({
      ...pageQuery,
      subject: z
        .string()
        .max(160)
        .optional()
        .openapi({ description: '`site:<id>`, `node:<id>` or `grid:<zone>`.', example: 'site:berlin' }),
      what: z
        .string()
        .max(80)
        .optional()
        .openapi({ description: 'What of it changed.', example: 'pueRatio' }),
      from: instantInput.optional().openapi({ description: 'Recorded then or later.' }),
      to: instantInput.optional().openapi({ description: 'Recorded before.' }),
    }),
  },
  responses: {
    200: {
      description: 'A page of changes',
      content: {
        'application/json': {
          schema: z.object({ changes: z.array(changeSchema), nextCursor: nextCursorOutput }),
        },
      },
    },
    ...problems('invalid_parameter'),
  },
});

export function registerChanges(app: App): void {
  app.openapi(route, async (context) => {
    const { limit, cursor, subject, what, from: fromMs, to: toMs } = context.req.valid('query');
    const backwards = fromMs === undefined || toMs === undefined ? null : rangeProblem(fromMs, toMs);
    if (backwards !== null) return problemResponse(context, backwards);
    const rows = await readChanges(context.var.shards, {
      limit: limit + 1,
      before: cursor === undefined ? null : parseKey(cursor),
      subject,
      what,
      fromMs,
      toMs,
    });
    const { items, nextCursor } = pageOf(rows, limit, keyOf);
    return context.json({ changes: items.map(changeReply), nextCursor }, 200);
  });
}

const keyOf = ({ recordedAtMs, id }: RecordedChange) => `${recordedAtMs}/${id}`;

/** A cursor that nobody was given reads as the end of the list. */
function parseKey(key: string): { readonly recordedAtMs: number; readonly id: number } {
  const [recordedAtMs, id] = key.split('/').map((part) => (/^\d{1,16}$/.test(part) ? Number(part) : 0));
  return { recordedAtMs: recordedAtMs ?? 0, id: id ?? 0 };
}
