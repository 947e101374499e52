import { createRoute, z } from '@hono/zod-openapi';
import { silentAfterMs } from '../../shared/pace/silence.ts';
import type { EnrollBody } from '../../shared/wire/ingest.ts';
import { closedShards } from '../env.ts';
import type { App } from '../http/app.ts';
import { bearerToken, requireEnrolmentKey, unauthenticatedResponse } from '../http/guard.ts';
import { problemResponse } from '../http/problem.ts';
import { problems } from '../http/problem-schema.ts';
import { lineOfText, withAbsentFields } from '../http/schemas.ts';
import { webCrypto } from '../http/web-crypto.ts';
import { enrolHost } from '../use-cases/enrol.ts';
import { fleetPace } from './fleet-pace.ts';

const digest = z.string().regex(/^[0-9a-f]{64}$/, 'expected a SHA-256 as 64 lowercase hex digits');

const enrollBody = withAbsentFields(
  z.strictObject({
    hostname: lineOfText(253),
    fingerprint: digest.openapi({
      description: 'SHA-256 of DMI UUID and sorted GPU UUIDs, or of the machine id where neither exists.',
    }),
    machineFingerprint: digest.openapi({
      description:
        'SHA-256 of the DMI UUID alone, or of the machine id: recognises a host whose GPUs were changed.',
    }),
    agentVersion: lineOfText(40).openapi({ example: '1.0.0' }),
    gpuIds: z.array(lineOfText(128)).max(64).exactOptional().openapi({
      description:
        'Ids of its GPUs as its reports name them: a host that shares none of them with a node of the same machine which reports at this moment is a host of its own.',
    }),
  }),
).openapi('EnrollBody') satisfies z.ZodType<EnrollBody>;

const route = createRoute({
  method: 'post',
  path: '/v1/enroll',
  tags: ['Enrolment'],
  summary: 'Become a node, with an enrolment key as the bearer token',
  description:
    'A known host keeps its node and its history; what else happens to it, the key says (`onKnownHost`). A copy of a machine (one id, other GPUs or another name, and the first one reports at this moment) becomes a node of its own. The answer is the only place where the whole token ever appears.',
  ...requireEnrolmentKey(),
  request: { body: { required: true, content: { 'application/json': { schema: enrollBody } } } },
  responses: {
    200: {
      description: 'Enrolled',
      content: {
        'application/json': {
          schema: z
            .object({
              nodeId: z.string().openapi({ example: 'gpu-07' }),
              token: z.string().openapi({ description: 'Scope `ingest`, for this node only.' }),
              gridZone: z.string(),
              site: z.string(),
            })
            .openapi('EnrollReply'),
        },
      },
    },
    ...problems('unauthenticated', 'enrolment_key_exhausted', 'host_already_enrolled'),
  },
});

export function registerEnroll(app: App): void {
  app.openapi(route, async (context) => {
    const bearer = bearerToken(context);
    if (!bearer.ok) return unauthenticatedResponse(context, bearer.problem.detail);
    const enrolled = await enrolHost(
      {
        shards: context.var.shards,
        closed: closedShards(context.env),
        silentAfterMs: silentAfterMs((await fleetPace(context)).silentEverySeconds),
      },
      webCrypto,
      bearer.value,
      context.req.valid('json'),
      context.var.nowMs,
    );
    if (enrolled.ok) {
      context.var.tokenCache.deleteOfNode(enrolled.value.nodeId);
      return context.json(enrolled.value, 200);
    }
    return enrolled.problem.code === 'unauthenticated'
      ? unauthenticatedResponse(context, enrolled.problem.detail)
      : problemResponse(context, enrolled.problem);
  });
}
