import { createRoute, z } from '@hono/zod-openapi';
import type { App } from '../http/app.ts';

const route = createRoute({
  method: 'get',
  path: '/healthz',
  tags: ['Service'],
  summary: 'Whether the Worker and its database answer',
  security: [],
  responses: {
    200: {
      description: 'Both answer',
      content: { 'application/json': { schema: z.object({ status: z.literal('ok') }) } },
    },
  },
});

export function registerHealth(app: App): void {
  app.openapi(route, async (context) => {
    await context.var.shards.main.prepare('SELECT 1').first();
    return context.json({ status: 'ok' as const }, 200);
  });
}
