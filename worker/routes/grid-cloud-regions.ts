import { createRoute, z } from '@hono/zod-openapi';
import type { CloudRegion } from '../../shared/grid/regions.ts';
import type { App } from '../http/app.ts';
import { requireScope } from '../http/guard.ts';
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
    'For sites that name the region from now on. A site that is there keeps its zone: change it with PATCH /v1/sites/{id}, from the date you choose.',
  ...requireScope('admin'),
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
      description: 'The region as it is placed now',
      content: { 'application/json': { schema: cloudRegion } },
    },
    ...problems('not_found', 'unknown_grid_zone'),
  },
});

export function registerGridCloudRegions(app: App): void {
  app.openapi(listRoute, async (context) => {
    const regions = await cloudRegions(openDatabase(context.env.DB), context.var.nowMs);
    return context.json({ cloudRegions: regions.map(answer) }, 200);
  });

  app.openapi(putRoute, async (context) => {
    const { cloudRegion: key } = context.req.valid('param');
    const { gridZone, why = null } = context.req.valid('json');
    const recorder = { nowMs: context.var.nowMs, by: context.var.caller.tokenId, why };
    const region = await placeRegion(openDatabase(context.env.DB), { key, gridZone }, recorder);
    return region.ok ? context.json(answer(region.value), 200) : problemResponse(context, region.problem);
  });
}

const answer = ({ sources, otherZones, ...region }: CloudRegion) => ({
  ...region,
  sources: [...sources],
  otherZones: [...otherZones],
});
