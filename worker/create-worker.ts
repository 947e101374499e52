/** Wires routes and scheduled jobs to one clock. The entry point brings the real one, tests bring their own. */
import { OpenAPIHono } from '@hono/zod-openapi';
import { bodyLimit } from 'hono/body-limit';
import { HTTPException } from 'hono/http-exception';
import { epochMs } from '../shared/units.ts';
import type { Env } from './env.ts';
import type { App, AppEnv } from './http/app.ts';
import { readSessions } from './http/bookmark.ts';
import { answerError, answerNotFound } from './http/errors.ts';
import { backPressure, Pressure } from './http/pressure.ts';
import { Remembered } from './http/remembered.ts';
import { securityHeaders } from './http/security-headers.ts';
import { TokenCache } from './http/token-cache.ts';
import { answerInvalid } from './http/validation.ts';
import { runDueJobs } from './jobs/dispatch.ts';
import { routeModules } from './routes/register.ts';
import type { StoredPace } from './storage/pace.ts';
import { createShards } from './storage/shards.ts';

export interface WorkerDependencies {
  /** UTC milliseconds. */
  readonly now: () => number;
  /** What scheduled jobs reach the outside world with; default: the platform's. */
  readonly fetch?: typeof fetch;
}

/** As sent; ingest has a tighter bound of its own, and one for what it unpacks to. */
const MAX_BODY_BYTES = 1024 * 1024;

export function createWorker({
  now,
  fetch: outbound = (input, init) => fetch(input, init),
}: WorkerDependencies): ExportedHandler<Env> {
  const app = createApp(now);
  return {
    fetch: (request, env, executionContext) => app.fetch(request, env, executionContext),
    scheduled: (controller, env) =>
      runDueJobs({ env, shards: createShards(env), now, fetch: outbound }, controller),
  };
}

/** The routes without the platform around them; what the document and its tests are made from. */
export function createApp(now: () => number): App {
  const app: App = new OpenAPIHono<AppEnv>({ defaultHook: answerInvalid });
  const tokenCache = new TokenCache();
  const pace = new Remembered<StoredPace>();
  const pressure = new Pressure();
  app.use(securityHeaders);
  app.use(async (context, next) => {
    context.set('nowMs', epochMs(now()));
    context.set('tokenCache', tokenCache);
    context.set('pace', pace);
    context.set('pressure', pressure);
    context.set('shards', createShards(context.env));
    await next();
  });
  app.use(readSessions);
  app.use(backPressure);
  app.use(
    bodyLimit({
      maxSize: MAX_BODY_BYTES,
      onError: () => {
        throw new HTTPException(413, {
          message: `A body may have ${MAX_BODY_BYTES} bytes at most; split it.`,
        });
      },
    }),
  );
  for (const register of routeModules) register(app);
  app.onError(answerError);
  app.notFound(answerNotFound(app));
  return app;
}
