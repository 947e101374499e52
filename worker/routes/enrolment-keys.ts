import { createRoute, z } from '@hono/zod-openapi';
import { DAY_MS } from '../../shared/time/window.ts';
import type { App } from '../http/app.ts';
import { requireScope } from '../http/guard.ts';
import { nextCursorOutput, pageOf, pageQuery } from '../http/paging.ts';
import { problemResponse } from '../http/problem.ts';
import { problems } from '../http/problem-schema.ts';
import {
  instant,
  instantInput,
  instantOrNull,
  instantOutput,
  labelsInput,
  labelsOutput,
  lineOfText,
  siteIdInput,
} from '../http/schemas.ts';
import { webCrypto } from '../http/web-crypto.ts';
import { openDatabase } from '../storage/database.ts';
import {
  type EnrolmentKeyView,
  endEnrolmentKey,
  getEnrolmentKeys,
  issueEnrolmentKey,
} from '../use-cases/enrolment-keys.ts';

/** Long enough to roll out to a fleet, short enough that a key forgotten in a script is worth nothing. */
const DEFAULT_LIFETIME_MS = DAY_MS;

const keyOutput = z
  .object({
    id: z.string().openapi({ description: 'The public part of the key.', example: 'enroll3kx81mq0ah2z' }),
    label: z.string(),
    site: z.string(),
    labels: labelsOutput,
    maxUses: z.number().int().nullable().openapi({ description: 'Null: unlimited.' }),
    uses: z.number().int(),
    onKnownHost: z.enum(['replace', 'refuse']),
    createdAt: instantOutput,
    expiresAt: instantOutput.nullable(),
    revokedAt: instantOutput.nullable(),
  })
  .openapi('EnrolmentKey');

const tags = ['Enrolment'];

const listRoute = createRoute({
  method: 'get',
  path: '/v1/enrolment-keys',
  tags,
  summary: 'List the enrolment keys, without their secrets',
  ...requireScope('admin'),
  request: { query: z.strictObject(pageQuery) },
  responses: {
    200: {
      description: 'Keys by id, the spent and revoked ones included',
      content: {
        'application/json': {
          schema: z.object({ enrolmentKeys: z.array(keyOutput), nextCursor: nextCursorOutput }),
        },
      },
    },
  },
});

const issueRoute = createRoute({
  method: 'post',
  path: '/v1/enrolment-keys',
  tags,
  summary: 'Create an enrolment key',
  description: 'The answer is the only place where the whole key ever appears.',
  ...requireScope('admin'),
  request: {
    body: {
      required: true,
      content: {
        'application/json': {
          schema: z.strictObject({
            label: lineOfText(80).openapi({ description: 'What it is for.', example: 'rack 7' }),
            site: siteIdInput.openapi({ description: 'Where nodes that enrol with it stand.' }),
            labels: labelsInput.default({}).openapi({ description: 'Given to each of these nodes.' }),
            maxUses: z
              .int('expected a whole number')
              .min(1, 'expected 1 or more, or null for unlimited')
              .max(100_000, 'expected at most 100000, or null for unlimited')
              .nullable()
              .default(1)
              .openapi({ description: 'How often it may be used; null: unlimited.' }),
            onKnownHost: z
              .enum(['replace', 'refuse'], 'expected "replace" or "refuse"')
              .default('replace')
              .openapi({
                description:
                  'A host that is a node already: `replace` gives it a new token and ends the old one, `refuse` answers 409.',
              }),
            expiresAt: instantInput
              .nullable()
              .optional()
              .openapi({
                type: ['string', 'null'],
                format: 'date-time',
                description: 'Default: in 24 hours; null: never.',
              }),
          }),
        },
      },
    },
  },
  responses: {
    201: {
      description: 'Created; keep `key`, it is not shown again',
      content: {
        'application/json': {
          schema: keyOutput.extend({ key: z.string().openapi({ example: 'wsk_<id>_<secret>' }) }),
        },
      },
    },
  },
});

const endRoute = createRoute({
  method: 'delete',
  path: '/v1/enrolment-keys/{id}',
  tags,
  summary: 'Revoke an enrolment key',
  description: 'Takes effect at once; nodes that enrolled with it keep their tokens.',
  ...requireScope('admin'),
  request: { params: z.object({ id: z.string().max(40) }) },
  responses: { 204: { description: 'Revoked, now or before' }, ...problems('not_found') },
});

export function registerEnrolmentKeys(app: App): void {
  app.openapi(listRoute, async (context) => {
    const { limit, cursor } = context.req.valid('query');
    const found = await getEnrolmentKeys(openDatabase(context.var.shards.main), {
      limit: limit + 1,
      after: cursor,
    });
    const page = pageOf(found, limit, (key) => key.id);
    return context.json({ enrolmentKeys: page.items.map(keyReply), nextCursor: page.nextCursor }, 200);
  });

  app.openapi(issueRoute, async (context) => {
    const { site, expiresAt, ...wanted } = context.req.valid('json');
    const { nowMs } = context.var;
    const expiresAtMs = expiresAt === undefined ? nowMs + DEFAULT_LIFETIME_MS : expiresAt;
    const issued = await issueEnrolmentKey(
      openDatabase(context.var.shards.main),
      webCrypto,
      { ...wanted, siteId: site, expiresAtMs },
      nowMs,
    );
    if (!issued.ok) return problemResponse(context, issued.problem);
    const { key, ...view } = issued.value;
    return context.json({ ...keyReply(view), key }, 201);
  });

  app.openapi(endRoute, async (context) => {
    const ended = await endEnrolmentKey(
      openDatabase(context.var.shards.main),
      context.req.valid('param').id,
      context.var.nowMs,
    );
    return ended.ok ? context.body(null, 204) : problemResponse(context, ended.problem);
  });
}

function keyReply({ siteId, createdAtMs, expiresAtMs, revokedAtMs, ...view }: EnrolmentKeyView) {
  return {
    ...view,
    site: siteId,
    createdAt: instant(createdAtMs),
    expiresAt: instantOrNull(expiresAtMs),
    revokedAt: instantOrNull(revokedAtMs),
  };
}
