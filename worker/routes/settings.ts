import { createRoute, z } from '@hono/zod-openapi';
import {
  LEAST_REPORT_EVERY_SECONDS,
  MOST_REPORT_EVERY_SECONDS,
  PACE_LIMITS,
} from '../../shared/pace/interval.ts';
import { PLANS } from '../../shared/pace/plans.ts';
import type { Env } from '../env.ts';
import type { App } from '../http/app.ts';
import { requireReason, requireScope } from '../http/guard.ts';
import { whyInput } from '../http/schemas.ts';
import { openDatabase } from '../storage/database.ts';
import { readFleetSettings, writeFleetSettings } from '../storage/fleet-settings.ts';
import { readStoredPace } from '../storage/pace.ts';
import { paceOf } from '../use-cases/pace.ts';

const requireWhy = z.boolean('expected true or false').openapi({
  description:
    'Whether whoever changes what the log tells of (sites, nodes, intensities, parts, figures, jobs, quarantine, periods) must give `why`; without it such a request is refused. Default: false.',
});
const WHOLE_SECONDS = `expected a whole number of seconds from ${LEAST_REPORT_EVERY_SECONDS} to ${MOST_REPORT_EVERY_SECONDS}, or "auto"`;
const reportEverySeconds = z
  .union(
    [
      z.literal('auto'),
      z
        .int(WHOLE_SECONDS)
        .min(LEAST_REPORT_EVERY_SECONDS, WHOLE_SECONDS)
        .max(MOST_REPORT_EVERY_SECONDS, WHOLE_SECONDS),
    ],
    WHOLE_SECONDS,
  )
  .openapi({
    description:
      'Least seconds between two reports of a node: most of the bill, and how old figures of now may be. `auto`: as the server was deployed with (`REPORT_EVERY_SECONDS`, default 60). Agents follow with their next report, some within the minute that a server remembers it. Where the fleet would outgrow its plan the server raises it by itself: see `reporting`.',
    example: 300,
  });

const reporting = z
  .object({
    everySeconds: z.number().int().openapi({ description: 'What holds now.' }),
    because: z.enum(['setting', 'default', 'plan']).openapi({
      description: '`setting`: as asked; `default`: as deployed; `plan`: raised by the server.',
    }),
    detail: z.string(),
    plan: z.enum(PLANS).openapi({ description: 'Whose limits hold: as deployed (`--plan`).' }),
    nodes: z.number().int().openapi({
      description: 'Nodes that enrolled or reported within seven days, counted every five minutes.',
    }),
    leastEverySeconds: z.number().int().openapi({
      description: 'What keeps the fleet below 80 % of every limit of the plan and of its databases.',
    }),
    fitsPlan: z.boolean().openapi({ description: 'False: not even the longest interval does.' }),
    usedRatios: z.partialRecord(z.enum(PACE_LIMITS), z.number()).openapi({
      description: 'What the fleet takes of each limit at this pace; one that the plan has not is left out.',
      example: { rowsWritten: 0.62, requests: 0.43, throughput: 0.004 },
    }),
  })
  .openapi('FleetReporting');

const settingsOutput = z.object({ requireWhy, reportEverySeconds, reporting }).openapi('FleetSettings');
const answer = (description: string) => ({
  description,
  content: { 'application/json': { schema: settingsOutput } },
});
const tags = ['Audit'];

const getRoute = createRoute({
  method: 'get',
  path: '/v1/settings',
  tags,
  summary: 'What holds for the whole fleet',
  ...requireScope('admin'),
  responses: { 200: answer('The settings') },
});

const changeRoute = createRoute({
  method: 'patch',
  path: '/v1/settings',
  tags,
  summary: 'Change what holds for the whole fleet, from now on',
  description: 'What is left out stays as it is.',
  ...requireReason('admin'),
  request: {
    body: {
      required: true,
      content: {
        'application/json': {
          schema: z
            .strictObject({
              requireWhy: requireWhy.optional(),
              reportEverySeconds: reportEverySeconds.optional(),
              why: whyInput,
            })
            .refine(
              (said) => said.requireWhy !== undefined || said.reportEverySeconds !== undefined,
              'expected requireWhy or reportEverySeconds',
            ),
        },
      },
    },
  },
  responses: { 200: answer('The settings after it') },
});

export function registerSettings(app: App): void {
  app.openapi(getRoute, async (context) =>
    context.json(await readAll(context.var.shards.main, context.env, context.var.nowMs), 200),
  );

  app.openapi(changeRoute, async (context) => {
    const { why, ...settings } = context.req.valid('json');
    const { nowMs, caller, shards, pace } = context.var;
    await writeFleetSettings(openDatabase(shards.main), settings, { nowMs, by: caller.tokenId, why });
    pace.forget();
    return context.json(await readAll(shards.main, context.env, nowMs), 200);
  });
}

async function readAll(db: D1Database, env: Env, nowMs: number) {
  const [settings, stored] = await Promise.all([
    readFleetSettings(openDatabase(db), nowMs),
    readStoredPace(db, nowMs),
  ]);
  const { reportEverySeconds: everySeconds, because, detail, load, needed, usedRatios } = paceOf(stored, env);
  return {
    ...settings,
    reporting: {
      everySeconds,
      because,
      detail,
      plan: load.plan,
      nodes: load.nodes,
      leastEverySeconds: needed.seconds,
      fitsPlan: needed.fits,
      usedRatios,
    },
  };
}
