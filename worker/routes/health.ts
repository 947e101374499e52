import { createRoute, z } from '@hono/zod-openapi';
import type { App } from '../http/app.ts';
import { createShards } from '../storage/shards.ts';

const route = createRoute({
  method: 'get',
  path: '/healthz',
  tags: ['Service'],
  summary: 'Whether the Worker and its databases answer',
  security: [],
  responses: {
    200: {
      description: 'All answer',
      content: { 'application/json': { schema: z.object({ status: z.literal('ok') }) } },
    },
  },
});

export function registerHealth(app: App): void {
  app.openapi(route, async (context) => {
    // The primaries: a copy that answers says nothing of them.
    await createShards(context.env).each((db) => db.prepare('SELECT 1').first());
    return context.json({ status: 'ok' as const }, 200);
  });
}
