import { createRoute, z } from '@hono/zod-openapi';
import { backlogPace } from '../../shared/pace/backlog.ts';
import { phaseOfNumber } from '../../shared/pace/phase.ts';
import type { App } from '../http/app.ts';
import { withOneRetry } from '../http/errors.ts';
import { requireReporter, unauthenticatedResponse } from '../http/guard.ts';
import { problemResponse } from '../http/problem.ts';
import { problemAnswer, problemSchema, problems } from '../http/problem-schema.ts';
import { unpackBody } from '../http/request-body.ts';
import { ingest } from '../use-cases/ingest.ts';
import { IngestMemory } from '../use-cases/ingest-memory.ts';
import { fleetPace } from './fleet-pace.ts';
import { ingestBody, ingestReply } from './ingest-schema.ts';

const MAX_COMPRESSED_BYTES = 256 * 1024;
const MAX_PLAIN_BYTES = 4 * 1024 * 1024;

const { security, middleware } = requireReporter();

const route = createRoute({
  method: 'post',
  path: '/v1/ingest',
  tags: ['Agents'],
  summary: 'Report windows of one node',
  description:
    'Reports are absolute: per window and epoch the highest revision stands, so sending again, late or in any order adds nothing twice. A report that cannot be true is quarantined whole and told with a code; of one whose power series disagrees with its energy the energies are booked, and the series alone is set aside. A report that contradicts an equal revision is a conflict: it is kept in quarantine, the other reports of the body are booked, and the answer is 409 with the same counts.',
  security,
  middleware: [
    middleware,
    unpackBody({ compressedBytes: MAX_COMPRESSED_BYTES, plainBytes: MAX_PLAIN_BYTES }),
  ] as const,
  request: {
    headers: z.object({
      // Checked where it is unpacked.
      'Content-Encoding': z
        .string()
        .optional()
        .openapi({
          enum: ['gzip', 'identity'],
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
  const memory = new IngestMemory();
  app.openapi(route, async (context) => {
    const { caller, shards, nowMs, pressure, tokenCache } = context.var;
    const { nodeNumber, tokenId, isStale } = caller;
    if (nodeNumber === null) throw new Error('an ingest token without a node');
    const body = context.req.valid('json');
    // Reports are absolute: what was booked before the connection broke is found unchanged.
    const reporter = { nodeNumber, staleTokenId: isStale ? tokenId : null };
    const outcome = await withOneRetry(() => ingest(shards, reporter, body, nowMs, memory));
    if (!outcome.ok) {
      const { code, detail } = outcome.problem;
      if (code === 'unauthenticated') return unauthenticatedResponse(context, detail);
      return problemResponse(context, outcome.problem);
    }
    if (isStale) tokenCache.renew(tokenId, nowMs);
    const { conflicts, ...counts } = outcome.value;
    const pace = await fleetPace(context);
    const reply = {
      ...counts,
      serverTimeMs: nowMs,
      reportEverySeconds: pace.reportEverySeconds,
      reportPhaseRatio: phaseOfNumber(nodeNumber),
      backlog: backlogPace(pace.load, pressure.refusedRatio(nowMs)),
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
