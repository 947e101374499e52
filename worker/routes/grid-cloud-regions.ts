import { createRoute, z } from '@hono/zod-openapi';
import type { CloudRegion } from '../../shared/grid/regions.ts';
import type { App } from '../http/app.ts';
import { requireReason, requireScope } from '../http/guard.ts';
import { problemResponse } from '../http/problem.ts';
import { problems } from '../http/problem-schema.ts';
import { whyInput } from '../http/schemas.ts';
import { openDatabase } from '../storage/database.ts';
import { cloudRegions, placeRegion } from '../use-cases/cloud-regions.ts';

const tags = ['Grid'];

const cloudRegion = z
  .object({
    key: z.string().openapi({ example: 'aws:us-west-2' }),
    gridZone: z.string().openapi({ description: 'What a site that names the region gets.' }),
    sources: z.array(z.string()).openapi({
      description: 'Who says so: `electricitymaps`, `ccf`, `gsf`; `operator` where you have placed it.',
    }),
    otherZones: z.array(z.string()).openapi({ description: 'Where other tables place it.' }),
  })
  .openapi('CloudRegion');

const sitesInFormerZone = z.array(z.string()).openapi({
  description:
    'Ids of the sites that are in the zone that the region was placed in until now, whether they named the region or the zone; none was changed. Empty where the region did not move.',
  example: ['oregon'],
});

const listRoute = createRoute({
  method: 'get',
  path: '/v1/grid/cloud-regions',
  tags,
  summary: 'Cloud regions, with the zones that they lie in',
  ...requireScope('read'),
  responses: {
    200: {
      description: 'Every region known here, by key',
      content: { 'application/json': { schema: z.object({ cloudRegions: z.array(cloudRegion) }) } },
    },
  },
});

const putRoute = createRoute({
  method: 'put',
  path: '/v1/grid/cloud-regions/{cloudRegion}',
  tags,
  summary: 'Place a cloud region in another zone',
  description:
    'For sites that name the region from now on. It changes no site that is there, and no figure: `sitesInFormerZone` names those that are in the zone that the region was placed in until now. Move those of them that stand in the region, each from the date you choose, with PATCH /v1/sites/{id}.',
  ...requireReason('admin'),
  request: {
    params: z.object({ cloudRegion: z.string().max(60).openapi({ example: 'aws:us-west-2' }) }),
    body: {
      required: true,
      content: {
        'application/json': {
          schema: z.strictObject({
            gridZone: z
              .string()
              .max(40)
              .nullable()
              .openapi({ description: 'Null: as the tables have it.', example: 'US-NW-BPAT' }),
            why: whyInput,
          }),
        },
      },
    },
  },
  responses: {
    200: {
      description: 'The region as it is placed now, and the sites that were left where they are',
      content: {
        'application/json': {
          schema: cloudRegion.extend({ sitesInFormerZone }).openapi('PlacedCloudRegion'),
        },
      },
    },
    ...problems('not_found', 'unknown_grid_zone'),
  },
});

export function registerGridCloudRegions(app: App): void {
  app.openapi(listRoute, async (context) => {
    const regions = await cloudRegions(openDatabase(context.var.shards.main), context.var.nowMs);
    return context.json({ cloudRegions: regions.map(answer) }, 200);
  });

  app.openapi(putRoute, async (context) => {
    const { cloudRegion: key } = context.req.valid('param');
    const { gridZone, why = null } = context.req.valid('json');
    const recorder = { nowMs: context.var.nowMs, by: context.var.caller.tokenId, why };
    const moved = await placeRegion(openDatabase(context.var.shards.main), { key, gridZone }, recorder);
    if (!moved.ok) return problemResponse(context, moved.problem);
    const { region, sitesInFormerZone: sites } = moved.value;
    return context.json({ ...answer(region), sitesInFormerZone: [...sites] }, 200);
  });
}

const answer = ({ sources, otherZones, ...region }: CloudRegion) => ({
  ...region,
  sources: [...sources],
  otherZones: [...otherZones],
});
