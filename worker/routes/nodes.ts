import { createRoute, z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { silentAfterMs } from '../../shared/pace/silence.ts';
import type { AgentHealth, Inventory } from '../../shared/wire/ingest.ts';
import type { App, AppEnv } from '../http/app.ts';
import { requireReason, requireScope } from '../http/guard.ts';
import { nextCursorOutput, pageOf, pageQuery } from '../http/paging.ts';
import { problemResponse } from '../http/problem.ts';
import { problems } from '../http/problem-schema.ts';
import {
  instant,
  instantInput,
  instantOrNull,
  labelsPatchInput,
  siteIdInput,
  whyInput,
} from '../http/schemas.ts';
import type { NodeSummary } from '../storage/nodes.ts';
import {
  changeNode,
  changeNodes,
  getNode,
  getNodes,
  type NodeDetails,
  nodeState,
  retire,
} from '../use-cases/nodes.ts';
import { fleetPace } from './fleet-pace.ts';
import { nodeOutput, nodeSummaryOutput } from './node-schemas.ts';

const params = z.object({ id: z.string().min(1).max(64).openapi({ example: 'gpu-07' }) });
const tags = ['Nodes'];

const filterInput = z.string().max(2000).openapi({
  description: 'Terms of `site`, `gridZone`, `node` and `label.<name>`; all must hold.',
  example: 'site:berlin,label.team:nlp',
});

const changeBody = z
  .strictObject({
    labels: labelsPatchInput.optional(),
    site: siteIdInput.optional(),
    effectiveFrom: instantInput.optional().openapi({
      type: 'string',
      format: 'date-time',
      description: 'From when the site holds; default: now.',
    }),
    why: whyInput,
  })
  .refine(({ labels, site }) => labels !== undefined || site !== undefined, 'expected labels, site or both')
  .refine(({ site, effectiveFrom }) => site !== undefined || effectiveFrom === undefined, {
    message: 'expected a site beside it: labels have no date',
    path: ['effectiveFrom'],
  });

const listRoute = createRoute({
  method: 'get',
  path: '/v1/nodes',
  tags,
  summary: 'List the nodes, with how each stands now',
  ...requireScope('read'),
  request: {
    query: z.strictObject({
      ...pageQuery,
      filter: filterInput.optional(),
      includeRetired: z
        .enum(['true', 'false'], 'expected true or false')
        .default('false')
        .openapi({ description: 'Whether retired nodes are listed too.' }),
    }),
  },
  responses: {
    200: {
      description: 'Nodes in the order of their enrolment',
      content: {
        'application/json': {
          schema: z.object({ nodes: z.array(nodeSummaryOutput), nextCursor: nextCursorOutput }),
        },
      },
    },
  },
});

const getRoute = createRoute({
  method: 'get',
  path: '/v1/nodes/{id}',
  tags,
  summary: 'One node: labels, site, hardware, sensors and their state',
  ...requireScope('read'),
  request: { params },
  responses: {
    200: { description: 'The node', content: { 'application/json': { schema: nodeOutput } } },
    ...problems('not_found'),
  },
});

const changeRoute = createRoute({
  method: 'patch',
  path: '/v1/nodes/{id}',
  tags,
  summary: 'Change the labels or the site of a node',
  description:
    'Labels are merged: what is not named stays, null removes. A site holds from `effectiveFrom` on; a date in the past restates every figure since then.',
  ...requireReason('admin'),
  request: {
    params,
    body: {
      required: true,
      content: {
        'application/json': {
          schema: changeBody,
        },
      },
    },
  },
  responses: {
    200: {
      description: 'The node after the change',
      content: { 'application/json': { schema: nodeOutput } },
    },
    ...problems('not_found'),
  },
});

const changeManyRoute = createRoute({
  method: 'patch',
  path: '/v1/nodes',
  tags,
  summary: 'Change the labels or the site of every node that a filter matches',
  description:
    'As `PATCH /v1/nodes/{id}`, for all of them or none. Retired nodes are left as they are. With `dryRun=true` nothing is changed: see first what it would touch.',
  ...requireReason('admin'),
  request: {
    query: z.strictObject({
      filter: filterInput.min(
        1,
        'expected at least one term, so that a slip does not change the whole fleet',
      ),
      dryRun: z.enum(['true', 'false'], 'expected true or false').default('false'),
    }),
    body: { required: true, content: { 'application/json': { schema: changeBody } } },
  },
  responses: {
    200: {
      description: 'Which nodes it changed, or would change',
      content: {
        'application/json': {
          schema: z.object({
            count: z.number().int(),
            nodes: z.array(z.string()).openapi({ description: 'Ids, in the order of enrolment.' }),
            dryRun: z.boolean(),
          }),
        },
      },
    },
    ...problems('invalid_parameter', 'range_too_long'),
  },
});

const retireRoute = createRoute({
  method: 'delete',
  path: '/v1/nodes/{id}',
  tags,
  summary: 'Retire a node',
  description:
    'Ends its token (within 60 seconds everywhere) and takes it out of the list; its data stay in every figure. Enrolling the host again brings it back; for the time in between nothing is expected of it.',
  ...requireReason('admin'),
  request: { params, query: z.strictObject({ why: whyInput }) },
  responses: { 204: { description: 'Retired, now or before' }, ...problems('not_found') },
});

export function registerNodes(app: App): void {
  app.openapi(listRoute, async (context) => {
    const { limit, cursor, filter, includeRetired } = context.req.valid('query');
    const { nowMs } = context.var;
    const query = { limit, after: cursor, filter, withRetired: includeRetired === 'true' };
    const found = await getNodes(context.var.shards, query, nowMs);
    if (!found.ok) return problemResponse(context, found.problem);
    const page = pageOf(found.value, limit, (node) => node.number);
    const silentMs = await silentAfter(context);
    return context.json(
      { nodes: page.items.map((node) => summaryReply(node, nowMs, silentMs)), nextCursor: page.nextCursor },
      200,
    );
  });

  app.openapi(getRoute, async (context) => {
    const { nowMs } = context.var;
    const node = await getNode(context.var.shards, context.req.valid('param').id, nowMs);
    if (!node.ok) return problemResponse(context, node.problem);
    return context.json(nodeReply(node.value, nowMs, await silentAfter(context)), 200);
  });

  app.openapi(changeRoute, async (context) => {
    const { labels, site, effectiveFrom, why } = context.req.valid('json');
    const { nowMs, caller } = context.var;
    const node = await changeNode(
      context.var.shards,
      context.req.valid('param').id,
      { labels, site, effectiveFromMs: effectiveFrom },
      { nowMs, by: caller.tokenId, why },
    );
    if (!node.ok) return problemResponse(context, node.problem);
    return context.json(nodeReply(node.value, nowMs, await silentAfter(context)), 200);
  });

  app.openapi(changeManyRoute, async (context) => {
    const { effectiveFrom: effectiveFromMs, why, ...change } = context.req.valid('json');
    const { filter, dryRun: asked } = context.req.valid('query');
    const { nowMs, caller } = context.var;
    const dryRun = asked === 'true';
    const nodes = await changeNodes(
      context.var.shards,
      filter,
      { ...change, effectiveFromMs, dryRun },
      { nowMs, by: caller.tokenId, why },
    );
    if (!nodes.ok) return problemResponse(context, nodes.problem);
    return context.json({ count: nodes.value.length, nodes: [...nodes.value], dryRun }, 200);
  });

  app.openapi(retireRoute, async (context) => {
    const { id } = context.req.valid('param');
    const { nowMs, caller } = context.var;
    const { why } = context.req.valid('query');
    const retired = await retire(context.var.shards, id, { nowMs, by: caller.tokenId, why });
    if (!retired.ok) return problemResponse(context, retired.problem);
    context.var.tokenCache.deleteOfNode(id);
    return context.body(null, 204);
  });
}

const silentAfter = async (context: Context<AppEnv>) =>
  silentAfterMs((await fleetPace(context)).silentEverySeconds);

function summaryReply(node: NodeSummary, nowMs: number, silentMs: number) {
  return {
    id: node.id,
    hostname: node.hostname,
    site: node.siteId,
    gridZone: node.gridZone,
    labels: { ...node.labels },
    state: nodeState(node, nowMs, silentMs),
    simulated: node.simulated,
    lastReportAt: instantOrNull(node.lastReportAtMs),
    enrolledAt: instant(node.enrolledAtMs),
    retiredAt: instantOrNull(node.retiredAtMs),
    agentVersion: node.agentVersion,
    sensors: [...(node.health?.sensors ?? [])],
    sensorsAt: instantOrNull(node.healthAtMs),
  };
}

function spoolReply({ sensors: _, ...spool }: AgentHealth) {
  return spool;
}

function inventoryReply({ parts, meters, ...inventory }: Inventory) {
  return { ...inventory, parts: [...parts], ...(meters !== undefined && { meters: [...meters] }) };
}

function nodeReply(node: NodeDetails, nowMs: number, silentMs: number) {
  return {
    ...summaryReply(node, nowMs, silentMs),
    devices: [...node.devices],
    inventory: node.inventory === null ? null : inventoryReply(node.inventory),
    inventoryAt: instantOrNull(node.inventoryAtMs),
    spool: node.health === null ? null : spoolReply(node.health),
    droppedSeries: node.droppedSeries,
    siteHistory: node.siteHistory.map((row) => ({
      site: row.value,
      effectiveFrom: instant(row.effectiveFromMs),
      recordedAt: instant(row.recordedAtMs),
      recordedBy: row.recordedBy,
    })),
  };
}
