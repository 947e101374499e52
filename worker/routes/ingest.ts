import { createRoute, z } from '@hono/zod-openapi';
import { reportEverySeconds } from '../env.ts';
import type { App } from '../http/app.ts';
import { requireScope } from '../http/guard.ts';
import { problemResponse } from '../http/problem.ts';
import { problemAnswer, problemSchema, problems } from '../http/problem-schema.ts';
import { unpackBody } from '../http/request-body.ts';
import { ingest } from '../use-cases/ingest.ts';
import { ingestBody, ingestReply } from './ingest-schema.ts';

const MAX_COMPRESSED_BYTES = 256 * 1024;
const MAX_PLAIN_BYTES = 4 * 1024 * 1024;

const { security, middleware } = requireScope('ingest');

const route = createRoute({
  method: 'post',
  path: '/v1/ingest',
  tags: ['Agents'],
  summary: 'Report windows of one node',
  description:
    'Reports are absolute: per window and epoch the highest revision stands, so sending again, late or in any order adds nothing twice. A report that cannot be true is quarantined whole and told with a code. A report that contradicts an equal revision is a conflict: it is kept in quarantine, the other reports of the body are booked, and the answer is 409 with the same counts.',
  security,
  middleware: [
    middleware,
    unpackBody({ compressedBytes: MAX_COMPRESSED_BYTES, plainBytes: MAX_PLAIN_BYTES }),
  ] as const,
  request: {
    headers: z.object({
      'Content-Encoding': z
        .enum(['gzip', 'identity'])
        .optional()
        .openapi({
          description: `At most ${MAX_COMPRESSED_BYTES} bytes as sent and ${MAX_PLAIN_BYTES} unpacked.`,
        }),
    }),
    body: { required: true, content: { 'application/json': { schema: ingestBody } } },
  },
  responses: {
    200: { description: 'Booked and committed', content: { 'application/json': { schema: ingestReply } } },
    ...problems('body_too_large', 'unsupported_encoding', 'malformed_body', 'overloaded'),
    409: {
      ...problemAnswer(['revision_conflict']),
      content: {
        'application/problem+json': {
          schema: z.object({ ...problemSchema.shape, ...ingestReply.shape }).openapi('IngestConflict'),
        },
      },
    } as object,
  },
});

export function registerIngest(app: App): void {
  app.openapi(route, async (context) => {
    const { nodeNumber } = context.var.caller;
    if (nodeNumber === null) throw new Error('an ingest token without a node');
    const outcome = await ingest(
      context.var.shards.main,
      nodeNumber,
      context.req.valid('json'),
      context.var.nowMs,
    );
    if (!outcome.ok) return problemResponse(context, outcome.problem);
    const { conflicts, ...counts } = outcome.value;
    const reply = {
      ...counts,
      serverTimeMs: context.var.nowMs,
      reportEverySeconds: reportEverySeconds(context.env),
    };
    if (conflicts === 0) return context.json(reply, 200);
    return problemResponse(
      context,
      {
        code: 'revision_conflict',
        detail: `${conflicts} of the reports contradict${conflicts === 1 ? 's' : ''} what this node said before under the same epoch and revision: two agents run on one identity. Stop one, or enrol it as a host of its own.`,
      },
      {},
      reply,
    );
  });
}
