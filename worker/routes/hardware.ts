import { createRoute, z } from '@hono/zod-openapi';
import { catalog, PROVENANCES, PUBLISHED, sourceOf, yearOf } from '../../shared/embodied/catalog.ts';
import { ALWAYS_MS } from '../../shared/embodied/own-figures.ts';
import type { App } from '../http/app.ts';
import { requireReadOfProjects, requireReason } from '../http/guard.ts';
import { nextCursorOutput, pageOf, pageQuery } from '../http/paging.ts';
import { problemResponse } from '../http/problem.ts';
import { problems } from '../http/problem-schema.ts';
import { instant, instantInput, instantOutput, lineOfText, whyInput } from '../http/schemas.ts';
import {
  type EntryWithHistory,
  getHardware,
  listHardware,
  matchHardware,
  setFigure,
  takeFigureBack,
} from '../use-cases/hardware.ts';
import { followEverywhere } from '../use-cases/rollup/follow.ts';
import { impactOutputs, impactReply } from './impacts-schema.ts';

const TYPES = [...new Set(catalog.entries.map(({ kind }) => kind))] as [string, ...string[]];
const NAMED = ['gpu', 'cpu'] as const;

const figureSchema = z.object({ kgCo2eq: z.number(), low: z.number(), high: z.number() });

const entrySchema = figureSchema
  .extend({
    id: z.string().openapi({ example: 'h100-sxm5-80gb' }),
    type: z.string().openapi({ description: 'What it is.', example: 'gpu' }),
    name: z.string(),
    names: z.array(z.string()).openapi({ description: 'Under which drivers and firmware report it.' }),
    unit: z.enum(['piece', 'gigabyte', 'kilogram']).openapi({ description: 'What the figures are for.' }),
    ...impactOutputs,
    kind: z.enum(PROVENANCES).openapi({
      description:
        'Of `kgCo2eq`: `operator` your own; `manufacturer` its product carbon footprint; `lca` a published study; `derived` from those; `model` our formula or an estimate.',
    }),
    method: z.string(),
    formula: z.string().nullable().openapi({ description: 'Of a `model` that has one.' }),
    otherImpactsModel: z.string().nullable().openapi({
      description: 'Formula of ADPe, primary energy and water where `kgCo2eq` is from elsewhere.',
    }),
    boundary: z.string(),
    year: z.number().int().nullable().openapi({ description: 'Of the newest source; null: not said.' }),
    sources: z.array(z.string()),
    confidence: z.enum(['high', 'medium', 'low']),
    memoryGigabytes: z.number().nullable(),
    tdpWatts: z.number().nullable(),
    gpuCount: z.number().int().nullable().openapi({ description: 'Servers: their GPUs.' }),
    hostKgCo2eq: z.number().nullable().openapi({ description: 'Servers: without their GPUs.' }),
    note: z.string().nullable(),
    published: figureSchema.nullable().openapi({
      description: 'What stands in the catalog where your own figure is used; null otherwise.',
    }),
    ownFigures: z
      .array(
        z.object({
          effectiveFrom: instantOutput.nullable().openapi({ description: 'Null: from the beginning.' }),
          figure: figureSchema
            .extend({ source: z.string() })
            .nullable()
            .openapi({ description: 'Null: the published figure holds again.' }),
        }),
      )
      .openapi({ description: 'Every figure of yours in the order in which they take effect.' }),
  })
  .openapi('HardwareEntry');

const tags = ['Hardware'];
const entryParams = z.object({
  entryId: z
    .string()
    .regex(/^[a-z0-9][a-z0-9.-]{0,63}$/, 'expected 1 to 64 of a-z, 0-9, "." and "-"')
    .openapi({ example: 'h100-sxm5-80gb' }),
});

const listRoute = createRoute({
  method: 'get',
  path: '/v1/hardware',
  tags,
  summary: 'What making hardware emitted, and how that is known',
  description:
    'The catalog by id, with your own figures in front. With `name` and `type` it answers which entry stands for a GPU or CPU that its driver calls so.',
  ...requireReadOfProjects(),
  request: {
    query: z
      .strictObject({
        ...pageQuery,
        type: z.enum(TYPES).optional(),
        kind: z.enum(PROVENANCES).optional(),
        text: lineOfText(100).optional().openapi({ description: 'In the id, the name or one of the names.' }),
        name: lineOfText(256).optional().openapi({
          description: 'As the driver says it; with `type=gpu` or `type=cpu`.',
          example: 'NVIDIA H100 80GB HBM3',
        }),
      })
      .refine(({ name, type }) => name === undefined || type === 'gpu' || type === 'cpu', {
        message: 'expected gpu or cpu beside name',
        path: ['type'],
      })
      .refine(({ name, text }) => name === undefined || text === undefined, {
        message: 'expected either name or text',
        path: ['text'],
      }),
  },
  responses: {
    200: {
      description: 'Entries by id',
      content: {
        'application/json': {
          schema: z.object({
            hardware: z.array(entrySchema),
            match: z
              .object({
                matched: z.boolean().openapi({ description: 'An entry has exactly this name.' }),
                by: z.enum(['exact', 'similar', 'modelled']).openapi({
                  description:
                    '`similar`: the name begins like that of the entry, whose bounds are halved and doubled; `modelled`: nothing is like it, and a formula gives its figure, with wide bounds.',
                }),
              })
              .nullable()
              .openapi({ description: 'Null without `name`.' }),
            nextCursor: nextCursorOutput,
          }),
        },
      },
    },
  },
});

const getRoute = createRoute({
  method: 'get',
  path: '/v1/hardware/{entryId}',
  tags,
  summary: 'One entry of the hardware catalog',
  ...requireReadOfProjects(),
  request: { params: entryParams },
  responses: {
    200: { description: 'The entry', content: { 'application/json': { schema: entrySchema } } },
    ...problems('not_found'),
  },
});

const kilograms = z.number().min(0).max(1e6);
const impact = z.number().min(0).max(1e9).optional();

const putRoute = createRoute({
  method: 'put',
  path: '/v1/hardware/{entryId}',
  tags,
  summary: 'Use your own figure for a part',
  description:
    'Replaces the figure of an entry, or adds a GPU or CPU that the catalog lacks (with `type` and `names`). It holds from `effectiveFrom`, or for all time, restates the figures since then and is logged; `asOf` still answers as before.',
  ...requireReason('admin'),
  request: {
    params: entryParams,
    body: {
      required: true,
      content: {
        'application/json': {
          schema: z.strictObject({
            kgCo2eq: kilograms.openapi({ description: 'For one unit of the entry.' }),
            low: kilograms.optional().openapi({ description: 'Default: `kgCo2eq`.' }),
            high: kilograms.optional().openapi({ description: 'Default: `kgCo2eq`.' }),
            adpeKgSbeq: impact.openapi({ description: 'Default: as published.' }),
            primaryEnergyMegajoules: impact.openapi({ description: 'Default: as published.' }),
            waterCubicMetresEq: impact.openapi({ description: 'Default: as published.' }),
            source: lineOfText(500).openapi({ example: 'Supplier footprint of 2026, order 4711' }),
            type: z.enum(NAMED).optional().openapi({ description: 'Of a part that the catalog lacks.' }),
            name: lineOfText(128).optional().openapi({ description: 'Default: the first of `names`.' }),
            names: z.array(lineOfText(256)).min(1).max(20).optional().openapi({
              description:
                'Under which its driver reports it. Whole words are compared; a longer name that begins like it is `similar`.',
            }),
            effectiveFrom: instantInput.optional().openapi({
              type: 'string',
              format: 'date-time',
              description:
                'From then on each share of a part’s life has this figure; what accrued before keeps its own. Default: for all time, in place of every figure given before.',
            }),
            why: whyInput,
          }),
        },
      },
    },
  },
  responses: {
    200: {
      description: 'The entry with your figure',
      content: { 'application/json': { schema: entrySchema } },
    },
    ...problems('invalid_body'),
  },
});

const deleteRoute = createRoute({
  method: 'delete',
  path: '/v1/hardware/{entryId}',
  tags,
  summary: 'Take your own figure back',
  description:
    'The published figure holds again, from `effectiveFrom` on or for all time; an entry that you added is gone.',
  ...requireReason('admin'),
  request: {
    params: entryParams,
    query: z.strictObject({
      effectiveFrom: instantInput
        .optional()
        .openapi({ type: 'string', format: 'date-time', description: 'Default: for all time.' }),
      why: whyInput,
    }),
  },
  responses: { 204: { description: 'Taken back' }, ...problems('not_found', 'invalid_parameter') },
});

export function registerHardware(app: App): void {
  app.openapi(listRoute, async (context) => {
    const { limit, cursor, type, kind, text, name } = context.req.valid('query');
    const { nowMs } = context.var;
    if (name !== undefined) {
      const { entry, by } = await matchHardware(context.var.shards.main, type as 'gpu' | 'cpu', name, nowMs);
      return context.json(
        { hardware: [reply(entry)], match: { matched: by === 'exact', by }, nextCursor: null },
        200,
      );
    }
    const query = { limit, after: cursor, type, kind, text };
    const found = await listHardware(context.var.shards.main, query, nowMs);
    const page = pageOf(found, limit, ({ id }) => id);
    return context.json({ hardware: page.items.map(reply), match: null, nextCursor: page.nextCursor }, 200);
  });

  app.openapi(getRoute, async (context) => {
    const { entryId } = context.req.valid('param');
    const found = await getHardware(context.var.shards.main, entryId, context.var.nowMs);
    return found.ok ? context.json(reply(found.value), 200) : problemResponse(context, found.problem);
  });

  app.openapi(putRoute, async (context) => {
    const { why, effectiveFrom, ...given } = context.req.valid('json');
    const { nowMs, caller } = context.var;
    const figure = { ...given, effectiveFromMs: effectiveFrom };
    const set = await setFigure(context.var.shards.main, context.req.valid('param').entryId, figure, {
      nowMs,
      by: caller.tokenId,
      why,
    });
    if (set.ok) await followEverywhere(context.var.shards);
    return set.ok ? context.json(reply(set.value), 200) : problemResponse(context, set.problem);
  });

  app.openapi(deleteRoute, async (context) => {
    const { nowMs, caller } = context.var;
    const { why, effectiveFrom } = context.req.valid('query');
    const { entryId } = context.req.valid('param');
    const recorder = { nowMs, by: caller.tokenId, why };
    const done = await takeFigureBack(context.var.shards.main, entryId, effectiveFrom, recorder);
    if (done.ok) await followEverywhere(context.var.shards);
    return done.ok ? context.body(null, 204) : problemResponse(context, done.problem);
  });
}

const formulaOf = (model: string | undefined) =>
  model === undefined ? null : catalog.models[model]!.formula;

function reply(entry: EntryWithHistory) {
  const { kgCo2eq, low, high, provenance } = entry;
  const published = provenance === 'operator' && PUBLISHED.has(entry.id) ? PUBLISHED.entry(entry.id) : null;
  return {
    id: entry.id,
    type: entry.kind,
    name: entry.name,
    names: [...(entry.aliases ?? [])],
    unit: entry.unit,
    kgCo2eq,
    low,
    high,
    ...impactReply(entry),
    kind: provenance,
    method: entry.method,
    formula: formulaOf(entry.model),
    otherImpactsModel: formulaOf(entry.otherImpactsModel),
    boundary: entry.boundary,
    year: yearOf(entry),
    sources: entry.sources.map(sourceOf),
    confidence: entry.confidence,
    memoryGigabytes: entry.memoryGigabytes ?? null,
    tdpWatts: entry.tdpWatts ?? null,
    gpuCount: entry.gpuCount ?? null,
    hostKgCo2eq: entry.hostKgCo2eq ?? null,
    note: entry.note ?? null,
    published: published && { kgCo2eq: published.kgCo2eq, low: published.low, high: published.high },
    ownFigures: entry.ownHistory.map(({ fromMs, value }) => ({
      effectiveFrom: fromMs === ALWAYS_MS ? null : instant(fromMs),
      figure: value && { kgCo2eq: value.kgCo2eq, low: value.low, high: value.high, source: value.source },
    })),
  };
}
