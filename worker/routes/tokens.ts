import { createRoute, z } from '@hono/zod-openapi';
import type { App } from '../http/app.ts';
import { requireScope } from '../http/guard.ts';
import { nextCursorOutput, pageOf, pageQuery } from '../http/paging.ts';
import { problemResponse } from '../http/problem.ts';
import { problems } from '../http/problem-schema.ts';
import { instant, instantOrNull, instantOutput, lineOfText } from '../http/schemas.ts';
import { webCrypto } from '../http/web-crypto.ts';
import { openDatabase } from '../storage/database.ts';
import { endToken, getTokens, issueToken, type TokenView } from '../use-cases/tokens.ts';

const tokenOutput = z
  .object({
    id: z.string().openapi({ description: 'The public part of the token.', example: '3kx81mq0ah2z' }),
    label: z.string(),
    scope: z.enum(['ingest', 'read', 'admin']),
    nodeId: z.string().nullable().openapi({ description: 'Scope `ingest`: the node it may write.' }),
    projects: z.array(z.string()).nullable().openapi({
      description: 'Scope `read`: the only projects whose jobs it sees; null: the whole fleet.',
    }),
    createdAt: instantOutput,
    revokedAt: instantOutput.nullable(),
  })
  .openapi('Token');

const tags = ['Tokens'];
/** Looked through for every job of an answer. */
const MAX_PROJECTS = 50;

const listRoute = createRoute({
  method: 'get',
  path: '/v1/tokens',
  tags,
  summary: 'List the tokens, without their secrets',
  ...requireScope('admin'),
  request: { query: z.strictObject(pageQuery) },
  responses: {
    200: {
      description: 'Tokens by id, those of nodes and the revoked ones included',
      content: {
        'application/json': {
          schema: z.object({ tokens: z.array(tokenOutput), nextCursor: nextCursorOutput }),
        },
      },
    },
  },
});

const issueRoute = createRoute({
  method: 'post',
  path: '/v1/tokens',
  tags,
  summary: 'Create a token',
  description:
    'The answer is the only place where the whole token ever appears. Nodes get theirs by enrolment.',
  ...requireScope('admin'),
  request: {
    body: {
      required: true,
      content: {
        'application/json': {
          schema: z
            .strictObject({
              label: lineOfText(80).openapi({ description: 'Who or what uses it.', example: 'grafana' }),
              scope: z
                .enum(['read', 'admin'], 'expected "read" or "admin"; a node gets its token by enrolment')
                .openapi({ description: '`admin` may read as well.' }),
              projects: z
                .array(lineOfText(256))
                .min(1, `expected 1 to ${MAX_PROJECTS} projects`)
                .max(MAX_PROJECTS, `expected 1 to ${MAX_PROJECTS} projects`)
                .optional()
                .openapi({
                  description:
                    'With scope `read`: the only projects whose jobs it may see. It may ask for jobs, statements, `/v1/fleet/emissions` (and gets what those projects had), estimates, hardware, and the intensity and forecast of grid zones; all else is refused.',
                  example: ['llm'],
                }),
            })
            .refine(({ scope, projects }) => scope === 'read' || projects === undefined, {
              path: ['projects'],
              message: 'expected scope "read" beside it: an admin sees everything',
            }),
        },
      },
    },
  },
  responses: {
    201: {
      description: 'Created; keep `token`, it is not shown again',
      content: {
        'application/json': {
          schema: tokenOutput.extend({ token: z.string().openapi({ example: 'wsk_<id>_<secret>' }) }),
        },
      },
    },
  },
});

const endRoute = createRoute({
  method: 'delete',
  path: '/v1/tokens/{id}',
  tags,
  summary: 'Revoke a token',
  description: 'Takes effect everywhere within 60 seconds.',
  ...requireScope('admin'),
  request: { params: z.object({ id: z.string().max(40) }) },
  responses: { 204: { description: 'Revoked, now or before' }, ...problems('not_found') },
});

export function registerTokens(app: App): void {
  app.openapi(listRoute, async (context) => {
    const { limit, cursor } = context.req.valid('query');
    const found = await getTokens(context.var.shards, { limit: limit + 1, after: cursor });
    const page = pageOf(found, limit, (token) => token.id);
    return context.json({ tokens: page.items.map(tokenReply), nextCursor: page.nextCursor }, 200);
  });

  app.openapi(issueRoute, async (context) => {
    const { projects = null, ...wanted } = context.req.valid('json');
    const { token, ...view } = await issueToken(
      openDatabase(context.var.shards.main),
      webCrypto,
      { ...wanted, projects },
      context.var.nowMs,
    );
    return context.json({ ...tokenReply(view), token }, 201);
  });

  app.openapi(endRoute, async (context) => {
    const { id } = context.req.valid('param');
    const ended = await endToken(context.var.shards, id, context.var.nowMs);
    if (!ended.ok) return problemResponse(context, ended.problem);
    context.var.tokenCache.delete(id);
    return context.body(null, 204);
  });
}

function tokenReply({ createdAtMs, revokedAtMs, ...view }: TokenView) {
  return {
    ...view,
    projects: view.projects && [...view.projects],
    createdAt: instant(createdAtMs),
    revokedAt: instantOrNull(revokedAtMs),
  };
}
