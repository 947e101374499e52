import { createRoute, z } from '@hono/zod-openapi';
import type { App } from '../http/app.ts';
import { requireReason, requireScope } from '../http/guard.ts';
import { whyInput } from '../http/schemas.ts';
import { openDatabase } from '../storage/database.ts';
import { readFleetSettings, writeFleetSettings } from '../storage/fleet-settings.ts';

const requireWhy = z.boolean('expected true or false').openapi({
  description:
    'Whether whoever changes what the log tells of (sites, nodes, intensities, parts, figures, jobs, quarantine, periods) must give `why`; without it such a request is refused. Default: false.',
});
const settingsOutput = z.object({ requireWhy }).openapi('FleetSettings');
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
  ...requireReason('admin'),
  request: {
    body: {
      required: true,
      content: { 'application/json': { schema: z.strictObject({ requireWhy, why: whyInput }) } },
    },
  },
  responses: { 200: answer('The settings after it') },
});

export function registerSettings(app: App): void {
  app.openapi(getRoute, async (context) =>
    context.json(await readFleetSettings(openDatabase(context.var.shards.main), context.var.nowMs), 200),
  );

  app.openapi(changeRoute, async (context) => {
    const { why, ...settings } = context.req.valid('json');
    const { nowMs, caller } = context.var;
    const db = openDatabase(context.var.shards.main);
    await writeFleetSettings(db, settings, { nowMs, by: caller.tokenId, why });
    return context.json(await readFleetSettings(db, nowMs), 200);
  });
}
