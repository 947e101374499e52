import { createRoute, z } from '@hono/zod-openapi';
import type { App } from '../http/app.ts';
import { requireScope } from '../http/guard.ts';
import { nextCursorOutput, pageOf, pageQuery } from '../http/paging.ts';
import { problemResponse } from '../http/problem.ts';
import { problems } from '../http/problem-schema.ts';
import { instant, instantInput, instantOutput, lineOfText } from '../http/schemas.ts';
import { listSilences, type StoredSilence } from '../storage/alert-silences.ts';
import { changeSilence, createSilence, getSilence, removeSilence } from '../use-cases/alerts/silences.ts';
import { alertFilterInput, ruleNameInput } from './alert-rule-schemas.ts';

const tags = ['Alerts'];
const params = z.object({ id: z.string().max(40) });
const json = <Schema extends z.ZodType>(schema: Schema) => ({ 'application/json': { schema } });

const fields = {
  comment: lineOfText(200).openapi({
    description: 'Why; people read it.',
    example: 'Cooling of hall 2 is replaced',
  }),
  ruleNames: z.array(ruleNameInput).max(100).openapi({ description: 'Rules it holds for; empty: all.' }),
  filter: alertFilterInput.openapi({
    description:
      "Every term must be a term of the rule's own filter, or the grid zone that fires; empty: everything.",
    example: 'site:berlin',
  }),
  startsAt: instantInput,
  endsAt: instantInput,
  repeats: z.enum(['never', 'daily', 'weekly']).openapi({
    description:
      'A maintenance window comes again each day or week at the same UTC time, until it is deleted.',
  }),
};

const silenceInput = z
  .strictObject({
    ...fields,
    ruleNames: fields.ruleNames.default([]),
    startsAt: instantInput
      .optional()
      .openapi({ type: 'string', format: 'date-time', description: 'Default: now.' }),
    repeats: fields.repeats.default('never'),
  })
  .openapi('SilenceInput');

const silenceChangeInput = z
  .strictObject({
    comment: fields.comment.optional(),
    ruleNames: fields.ruleNames.optional(),
    filter: fields.filter.removeDefault().optional(),
    startsAt: instantInput.optional(),
    endsAt: instantInput.optional(),
    repeats: fields.repeats.optional(),
  })
  .refine(
    (change) => Object.values(change).some((value) => value !== undefined),
    'expected at least one field',
  )
  .openapi('SilenceChange');

const silenceOutput = z
  .object({
    id: z.string(),
    comment: z.string(),
    ruleNames: z.array(z.string()),
    filter: z.string(),
    startsAt: instantOutput,
    endsAt: instantOutput,
    repeats: z.enum(['never', 'daily', 'weekly']),
    createdAt: instantOutput,
    createdBy: z.string().openapi({ description: 'Id of a token.' }),
  })
  .openapi('Silence');

const listRoute = createRoute({
  method: 'get',
  path: '/v1/silences',
  tags,
  summary: 'List the silences and maintenance windows, those that are over as well',
  ...requireScope('read'),
  request: { query: z.strictObject(pageQuery) },
  responses: {
    200: {
      description: 'Silences, by id',
      content: json(z.object({ silences: z.array(silenceOutput), nextCursor: nextCursorOutput })),
    },
  },
});

const getRoute = createRoute({
  method: 'get',
  path: '/v1/silences/{id}',
  tags,
  summary: 'One silence',
  ...requireScope('read'),
  request: { params },
  responses: { 200: { description: 'The silence', content: json(silenceOutput) }, ...problems('not_found') },
});

const createSilenceRoute = createRoute({
  method: 'post',
  path: '/v1/silences',
  tags,
  summary: 'Silence alerts for a time',
  description:
    'Rules go on to be evaluated and episodes are listed, only nothing is sent. What still fires when the last silence over it ends is told then; what ended meanwhile is not.',
  ...requireScope('admin'),
  request: { body: { required: true, content: json(silenceInput) } },
  responses: { 201: { description: 'Created', content: json(silenceOutput) }, ...problems('in_use') },
});

const changeRoute = createRoute({
  method: 'patch',
  path: '/v1/silences/{id}',
  tags,
  summary: 'Change a silence',
  description: 'To end it now, set `endsAt`. What was sent or kept back before stays so.',
  ...requireScope('admin'),
  request: { params, body: { required: true, content: json(silenceChangeInput) } },
  responses: { 200: { description: 'As it is now', content: json(silenceOutput) }, ...problems('not_found') },
});

const deleteRoute = createRoute({
  method: 'delete',
  path: '/v1/silences/{id}',
  tags,
  summary: 'Delete a silence',
  ...requireScope('admin'),
  request: { params },
  responses: { 204: { description: 'Deleted' }, ...problems('not_found') },
});

export function registerSilences(app: App): void {
  app.openapi(listRoute, async (context) => {
    const { limit, cursor } = context.req.valid('query');
    const found = await listSilences(context.var.shards.main, limit + 1, cursor ?? '');
    const { items, nextCursor } = pageOf(found, limit, ({ id }) => id);
    return context.json({ silences: items.map(silenceReply), nextCursor }, 200);
  });

  app.openapi(getRoute, async (context) => {
    const found = await getSilence(context.var.shards.main, context.req.valid('param').id);
    return found.ok ? context.json(silenceReply(found.value), 200) : problemResponse(context, found.problem);
  });

  app.openapi(createSilenceRoute, async (context) => {
    const { nowMs, caller } = context.var;
    const { startsAt = nowMs, endsAt, ...input } = context.req.valid('json');
    const made = await createSilence(
      context.var.shards.main,
      { ...input, startsAtMs: startsAt, endsAtMs: endsAt },
      { nowMs, tokenId: caller.tokenId },
    );
    return made.ok ? context.json(silenceReply(made.value), 201) : problemResponse(context, made.problem);
  });

  app.openapi(changeRoute, async (context) => {
    const { startsAt, endsAt, ...input } = context.req.valid('json');
    const given = { ...input, startsAtMs: startsAt, endsAtMs: endsAt };
    const changed = await changeSilence(context.var.shards.main, context.req.valid('param').id, given);
    return changed.ok
      ? context.json(silenceReply(changed.value), 200)
      : problemResponse(context, changed.problem);
  });

  app.openapi(deleteRoute, async (context) => {
    const removed = await removeSilence(context.var.shards.main, context.req.valid('param').id);
    return removed.ok ? context.body(null, 204) : problemResponse(context, removed.problem);
  });
}

function silenceReply({ startsAtMs, endsAtMs, createdAtMs, ruleNames, ...silence }: StoredSilence) {
  return {
    ...silence,
    ruleNames: [...ruleNames],
    startsAt: instant(startsAtMs),
    endsAt: instant(endsAtMs),
    createdAt: instant(createdAtMs),
  };
}
