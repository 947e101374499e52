import { createRoute, z } from '@hono/zod-openapi';
import { DEFAULT_LIFETIME_YEARS } from '../../shared/embodied/amortization.ts';
import type { App } from '../http/app.ts';
import { requireReason, requireScope } from '../http/guard.ts';
import { nextCursorOutput, pageOf, pageQuery } from '../http/paging.ts';
import { problemResponse } from '../http/problem.ts';
import { problems } from '../http/problem-schema.ts';
import { instant, instantInput, instantOutput, lineOfText, siteIdInput, whyInput } from '../http/schemas.ts';
import { openDatabase } from '../storage/database.ts';
import { followEverywhere } from '../use-cases/rollup/follow.ts';
import { changeSite, createSite, getSite, getSites, removeSite, type Site } from '../use-cases/sites.ts';
import {
  factorInputs,
  factorOutputs,
  factorsReply,
  missingSource,
  pueRatioInput,
  toFactorInput,
} from './site-factors-schema.ts';

const gridZoneInput = z
  .string()
  .min(1)
  .max(40)
  .openapi({ description: 'Zone key of Electricity Maps, or WORLD.', example: 'DE' });
const cloudRegionInput = z.string().min(1).max(60).openapi({
  description:
    'In place of `gridZone`: the zone that this cloud region lies in. `GET /v1/grid/zones` shows the table, and where others place a region.',
  example: 'aws:eu-north-1',
});
const lifetimeInput = z
  .number('expected a number of years')
  .min(0.5, 'expected 0.5 to 30 years')
  .max(30, 'expected 0.5 to 30 years')
  .openapi({ description: 'Years over which embodied emissions are spread.', example: 5 });

const siteOutput = z
  .object({
    id: z.string(),
    name: z.string(),
    createdAt: instantOutput,
    gridZone: z.string().nullable(),
    pueRatio: z.number().nullable(),
    embodiedLifetimeYears: z.number().nullable(),
    ...factorOutputs,
    history: z
      .array(
        z.object({
          key: z.string(),
          value: z.string(),
          effectiveFrom: instantOutput,
          recordedAt: instantOutput,
          recordedBy: z.string().openapi({ description: 'Id of the token that set it.' }),
        }),
      )
      .openapi({
        description:
          'Every value ever set, in the order in which it was recorded. Of one key, the one with the latest `effectiveFrom` not after an instant holds there; on a tie the last recorded.',
      }),
  })
  .openapi('Site', { description: 'Values at the top level hold now; null where none was set.' });

const requireSource = (input: Parameters<typeof missingSource>[0], context: z.RefinementCtx) => {
  const field = missingSource(input);
  if (field !== null)
    context.addIssue({ code: 'custom', path: [field], message: 'missing; say where the ratio comes from' });
};

const siteAnswer = (description: string) => ({
  description,
  content: { 'application/json': { schema: siteOutput } },
});
const params = z.object({ id: siteIdInput });
const tags = ['Sites'];

const listRoute = createRoute({
  method: 'get',
  path: '/v1/sites',
  tags,
  summary: 'List the sites, with the history of their values',
  ...requireScope('read'),
  request: { query: z.strictObject(pageQuery) },
  responses: {
    200: {
      description: 'Sites by id',
      content: {
        'application/json': {
          schema: z.object({ sites: z.array(siteOutput), nextCursor: nextCursorOutput }),
        },
      },
    },
  },
});

const getRoute = createRoute({
  method: 'get',
  path: '/v1/sites/{id}',
  tags,
  summary: 'One site, with the history of its values',
  ...requireScope('read'),
  request: { params },
  responses: { 200: siteAnswer('The site'), ...problems('not_found') },
});

const createSiteRoute = createRoute({
  method: 'post',
  path: '/v1/sites',
  tags,
  summary: 'Create a site',
  description: 'The first values hold for all time before; later ones are added with PATCH.',
  ...requireReason('admin'),
  request: {
    body: {
      required: true,
      content: {
        'application/json': {
          schema: z
            .strictObject({
              id: siteIdInput,
              name: lineOfText(80).optional().openapi({ description: 'For people; default: the id.' }),
              gridZone: gridZoneInput.optional(),
              cloudRegion: cloudRegionInput.optional(),
              pueRatio: pueRatioInput,
              embodiedLifetimeYears: lifetimeInput.default(DEFAULT_LIFETIME_YEARS),
              ...factorInputs,
              why: whyInput,
            })
            .superRefine(requireSource)
            .refine(({ gridZone, cloudRegion }) => (gridZone === undefined) !== (cloudRegion === undefined), {
              path: ['gridZone'],
              message: 'expected either gridZone or cloudRegion',
            }),
        },
      },
    },
  },
  responses: { 201: siteAnswer('Created'), ...problems('already_exists', 'unknown_grid_zone') },
});

const changeRoute = createRoute({
  method: 'patch',
  path: '/v1/sites/{id}',
  tags,
  summary: 'Change a site from a date on',
  description:
    'Adds values; what held before `effectiveFrom` stays. A date in the past restates every figure since then.',
  ...requireReason('admin'),
  request: {
    params,
    body: {
      required: true,
      content: {
        'application/json': {
          schema: z
            .strictObject({
              name: lineOfText(80).optional(),
              gridZone: gridZoneInput.optional(),
              cloudRegion: cloudRegionInput.optional(),
              pueRatio: pueRatioInput.optional(),
              embodiedLifetimeYears: lifetimeInput.optional(),
              ...factorInputs,
              effectiveFrom: instantInput
                .optional()
                .openapi({ type: 'string', format: 'date-time', description: 'Default: now.' }),
              why: whyInput,
            })
            .superRefine(requireSource)
            .refine(
              ({ effectiveFrom: _, why: __, ...change }) =>
                Object.values(change).some((value) => value !== undefined),
              'expected at least one value to change',
            )
            .refine(({ gridZone, cloudRegion }) => gridZone === undefined || cloudRegion === undefined, {
              path: ['gridZone'],
              message: 'expected either gridZone or cloudRegion',
            }),
        },
      },
    },
  },
  responses: { 200: siteAnswer('The site after the change'), ...problems('not_found', 'unknown_grid_zone') },
});

const deleteRoute = createRoute({
  method: 'delete',
  path: '/v1/sites/{id}',
  tags,
  summary: 'Delete a site that nothing was ever booked at',
  description:
    'Refused where a node ever stood there, where it ever had a supply contract, or while an enrolment key leads there: figures of the past are made with it.',
  ...requireReason('admin'),
  request: { params, query: z.strictObject({ why: whyInput }) },
  responses: { 204: { description: 'Deleted' }, ...problems('not_found', 'in_use') },
});

export function registerSites(app: App): void {
  app.openapi(deleteRoute, async (context) => {
    const { nowMs, caller } = context.var;
    const recorder = { nowMs, by: caller.tokenId, why: context.req.valid('query').why };
    const { id } = context.req.valid('param');
    const removed = await removeSite(context.var.shards, id, recorder);
    return removed.ok ? context.body(null, 204) : problemResponse(context, removed.problem);
  });

  app.openapi(listRoute, async (context) => {
    const { limit, cursor } = context.req.valid('query');
    const found = await getSites(
      openDatabase(context.var.shards.main),
      { limit: limit + 1, after: cursor },
      context.var.nowMs,
    );
    const page = pageOf(found, limit, (site) => site.id);
    return context.json({ sites: page.items.map(siteReply), nextCursor: page.nextCursor }, 200);
  });

  app.openapi(getRoute, async (context) => {
    const { id } = context.req.valid('param');
    const site = await getSite(openDatabase(context.var.shards.main), id, context.var.nowMs);
    return site.ok ? context.json(siteReply(site.value), 200) : problemResponse(context, site.problem);
  });

  app.openapi(createSiteRoute, async (context) => {
    const {
      why,
      id,
      name = id,
      gridZone,
      cloudRegion,
      pueRatio,
      embodiedLifetimeYears,
      ...factors
    } = context.req.valid('json');
    const recorder = { nowMs: context.var.nowMs, by: context.var.caller.tokenId, why };
    const site = await createSite(
      openDatabase(context.var.shards.main),
      { id, name, gridZone, cloudRegion, pueRatio, embodiedLifetimeYears, ...toFactorInput(factors) },
      recorder,
    );
    return site.ok ? context.json(siteReply(site.value), 201) : problemResponse(context, site.problem);
  });

  app.openapi(changeRoute, async (context) => {
    const { effectiveFrom, why, name, gridZone, cloudRegion, pueRatio, embodiedLifetimeYears, ...factors } =
      context.req.valid('json');
    const change = {
      name,
      gridZone,
      cloudRegion,
      pueRatio,
      embodiedLifetimeYears,
      ...toFactorInput(factors),
    };
    const site = await changeSite(
      openDatabase(context.var.shards.main),
      context.req.valid('param').id,
      { ...change, effectiveFromMs: effectiveFrom },
      { nowMs: context.var.nowMs, by: context.var.caller.tokenId, why },
    );
    if (site.ok && embodiedLifetimeYears !== undefined) await followEverywhere(context.var.shards);
    return site.ok ? context.json(siteReply(site.value), 200) : problemResponse(context, site.problem);
  });
}

function siteReply({ createdAtMs, history, factors, supplyContracts, ...site }: Site) {
  return {
    ...site,
    ...factorsReply({ factors, supplyContracts }),
    createdAt: instant(createdAtMs),
    history: history.map(({ key, value, effectiveFromMs, recordedAtMs, recordedBy }) => ({
      key,
      value,
      effectiveFrom: instant(effectiveFromMs),
      recordedAt: instant(recordedAtMs),
      recordedBy,
    })),
  };
}
