import { createRoute, z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { App, AppEnv } from '../http/app.ts';
import { requireReadOfProjects, requireScope } from '../http/guard.ts';
import { problemResponse } from '../http/problem.ts';
import { problems } from '../http/problem-schema.ts';
import { emissions } from '../use-cases/emissions.ts';
import {
  type EmissionsQueryInput,
  emissionsQuery,
  emissionsSchema,
  toEmissionsAnswer,
} from './emissions-schema.ts';

const description =
  'Energy of each five-minute window x PUE x the intensity of the grid in that window, plus the straight-line share of what making the hardware emitted (docs/method.md). A window counts where its start lies in [from, to), so ranges that touch add up.';

const answer = {
  description: 'Totals, and the series and groups asked for',
  content: { 'application/json': { schema: emissionsSchema } },
};

const fleetRoute = createRoute({
  method: 'get',
  path: '/v1/fleet/emissions',
  tags: ['Emissions'],
  summary: 'What the fleet emitted',
  description: `${description} A token of named projects gets what jobs of those projects had, without contracts.`,
  ...requireReadOfProjects(),
  request: { query: emissionsQuery },
  responses: { 200: answer, ...problems('invalid_parameter', 'range_too_long') },
});

const nodeRoute = createRoute({
  method: 'get',
  path: '/v1/nodes/{id}/emissions',
  tags: ['Emissions'],
  summary: 'What one node emitted',
  description,
  ...requireScope('read'),
  request: { params: z.object({ id: z.string().max(128) }), query: emissionsQuery },
  responses: { 200: answer, ...problems('invalid_parameter', 'range_too_long', 'not_found') },
});

export function registerEmissions(app: App): void {
  app.openapi(fleetRoute, (context) => reply(context, null, context.req.valid('query')));
  app.openapi(nodeRoute, (context) =>
    reply(context, context.req.valid('param').id, context.req.valid('query')),
  );
}

async function reply(context: Context<AppEnv>, nodeId: string | null, query: EmissionsQueryInput) {
  const {
    nowMs,
    caller: { projects },
  } = context.var;
  const { from: fromMs, to: toMs, asOf: asOfMs, ...rest } = query;
  const result = await emissions(
    context.var.shards,
    { nodeId, fromMs, toMs, asOfMs, withinProjects: projects, ...rest },
    nowMs,
  );
  if (!result.ok) return problemResponse(context, result.problem);
  return context.json(toEmissionsAnswer(result.value, query), 200);
}
