/** Wires routes and scheduled jobs to one clock. The entry point brings the real one, tests bring their own. */
import { OpenAPIHono } from '@hono/zod-openapi';
import { epochMs } from '../shared/units.ts';
import type { Env } from './env.ts';
import type { AppEnv } from './http/app.ts';
import { routeModules } from './routes/register.ts';

export interface WorkerDependencies {
  /** UTC milliseconds. */
  readonly now: () => number;
}

export function createWorker({ now }: WorkerDependencies): ExportedHandler<Env> {
  const app = new OpenAPIHono<AppEnv>();
  app.use(async (context, next) => {
    context.set('nowMs', epochMs(now()));
    await next();
  });
  for (const register of routeModules) register(app);
  return {
    fetch: (request, env, executionContext) => app.fetch(request, env, executionContext),
  };
}
