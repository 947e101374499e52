import { createRoute, z } from '@hono/zod-openapi';
import { HOUR_MS } from '../../shared/time/window.ts';
import { DEVICE_TYPES } from '../../shared/wire/ingest.ts';
import type { App } from '../http/app.ts';
import { requireScope } from '../http/guard.ts';
import { problemResponse } from '../http/problem.ts';
import { problems } from '../http/problem-schema.ts';
import { instant, instantInput, instantOutput } from '../http/schemas.ts';
import { rangeProblem } from '../http/time-range.ts';
import { findNode } from '../storage/nodes.ts';
import { nodePower } from '../use-cases/power.ts';

/** Windows read and decoded per request at most, whatever the step. */
const LONGEST = { ms: 31 * HOUR_MS, text: '31 hours' };
/** A day at 10 s, or two hours and a half at 1 s. */
const MAX_STEPS = 9_000;

const route = createRoute({
  method: 'get',
  path: '/v1/nodes/{id}/power',
  tags: ['Nodes'],
  summary: 'Power of each device over time',
  description:
    'From the stored power series (in the database, then in the archive where there is one), averaged to the step asked for; where a window has no stored series, the mean of its energy stands for it (`windowsFromEnergy` counts those). Null means that nothing is known of that step.',
  ...requireScope('read'),
  request: {
    params: z.object({ id: z.string().max(128) }),
    query: z.strictObject({
      from: instantInput.optional().openapi({ description: 'Default: one hour before `to`.' }),
      to: instantInput.optional().openapi({ description: 'Default: now.' }),
      stepSeconds: z.coerce.number().int().min(1).max(3_600).default(60),
      device: z.string().max(128).optional().openapi({ description: 'Only this device.' }),
    }),
  },
  responses: {
    200: {
      description: 'Series per device',
      content: {
        'application/json': {
          schema: z
            .object({
              node: z.string(),
              from: instantOutput,
              to: instantOutput,
              stepSeconds: z.number().int(),
              devices: z.array(
                z.object({
                  id: z.string(),
                  type: z.enum(DEVICE_TYPES),
                  name: z.string(),
                  powerWatts: z.array(z.number().nullable()),
                  windowsFromEnergy: z.number().int(),
                }),
              ),
            })
            .openapi('NodePower'),
        },
      },
    },
    ...problems('not_found', 'range_too_long', 'invalid_parameter'),
  },
});

export function registerPower(app: App): void {
  app.openapi(route, async (context) => {
    const { nowMs } = context.var;
    const query = context.req.valid('query');
    const toMs = query.to ?? nowMs;
    const fromMs = query.from ?? toMs - HOUR_MS;
    const { stepSeconds } = query;
    const problem = rangeProblem(fromMs, toMs, LONGEST);
    if (problem !== null) return problemResponse(context, problem);
    if ((toMs - fromMs) / (stepSeconds * 1_000) > MAX_STEPS) {
      return problemResponse(context, {
        code: 'range_too_long',
        detail: `That would be over ${MAX_STEPS} steps; ask for a shorter range or a larger stepSeconds.`,
        field: 'stepSeconds',
      });
    }
    const { id } = context.req.valid('param');
    const node = await findNode(context.var.shards, id, nowMs);
    if (node === null)
      return problemResponse(context, {
        code: 'not_found',
        detail: `No node has the id "${id}".`,
        field: 'id',
      });
    const devices = await nodePower(
      context.var.shards.ofNode(node.number),
      {
        nodeNumber: node.number,
        fromMs,
        toMs,
        stepMs: stepSeconds * 1_000,
        deviceId: query.device ?? null,
      },
      nowMs,
    );
    return context.json(
      {
        node: id,
        from: instant(fromMs),
        to: instant(toMs),
        stepSeconds,
        devices: devices.map(({ watts, ...device }) => ({ ...device, powerWatts: watts })),
      },
      200,
    );
  });
}
