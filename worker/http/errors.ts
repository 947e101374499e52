/** What is answered when no route matches, and when one throws. Never a stack, never a message of the platform. */
import type { Context, ErrorHandler, NotFoundHandler } from 'hono';
import { HTTPException } from 'hono/http-exception';
import { untilTomorrowSeconds } from '../../shared/pace/overload.ts';
import { BucketError, TooManyReadsError } from '../storage/attic.ts';
import { ShardError } from '../storage/shards.ts';
import type { App, AppEnv } from './app.ts';
import { type Problem, problemResponse } from './problem.ts';

/** D1 on the move: the same statements may be sent again at once, where they add nothing twice. */
const PASSING_DATABASE_ERRORS = [
  'Network connection lost',
  'storage caused object to be reset',
  'reset because its code was updated',
];

/** D1 under pressure: the request may be sent again a little later, but not at once. */
const OVERLOADED_DATABASE_ERRORS = [
  'D1 DB is overloaded',
  'Too many requests queued',
  'caused object to be reset',
  'storage operation exceeded timeout',
  'exceeded its CPU time limit and was reset',
  'exceeded its memory limit and was reset',
  'Cannot resolve D1 DB due to transient issue',
];

/** The free plan has no rows left until midnight UTC. */
const DAY_USED_UP = "exceeded D1's free tier daily row";

export function isTransientDatabaseError(error: unknown): boolean {
  return says(error, [...PASSING_DATABASE_ERRORS, ...OVERLOADED_DATABASE_ERRORS]);
}

/** Where `attempt` adds nothing twice: tried once more after an error that is over at once. */
export async function withOneRetry<T>(attempt: () => Promise<T>): Promise<T> {
  try {
    return await attempt();
  } catch (error) {
    if (!says(error, PASSING_DATABASE_ERRORS)) throw error;
    await new Promise((resolve) => setTimeout(resolve, LEAST_PAUSE_MS * (1 + Math.random())));
    return attempt();
  }
}

const LEAST_PAUSE_MS = 50;

function says(error: unknown, texts: readonly string[]): boolean {
  return causesOf(error).some(({ message }) => texts.some((text) => message.includes(text)));
}

function causesOf(error: unknown): Error[] {
  const causes: Error[] = [];
  for (let current = error; current instanceof Error; current = current.cause) causes.push(current);
  return causes;
}

export const answerError: ErrorHandler<AppEnv> = (error, context) => {
  if (error instanceof HTTPException) return problemResponse(context, fromHttpException(error));
  const tooMany = causesOf(error).find((each) => each instanceof TooManyReadsError);
  if (tooMany !== undefined)
    return problemResponse(context, { code: 'range_too_long', detail: tooMany.message, field: 'from' });
  if (says(error, [DAY_USED_UP])) {
    return problemResponse(
      context,
      {
        code: 'overloaded',
        detail:
          'The rows that the free plan allows a day are used up; send the same request again after midnight UTC. Nothing is lost meanwhile.',
      },
      { 'Retry-After': String(untilTomorrowSeconds(context.var.nowMs, Math.random())) },
    );
  }
  if (isTransientDatabaseError(error)) {
    return problemResponse(context, {
      code: 'overloaded',
      detail: `${databaseIn(error)} cannot take this now; send the same request again after the time in Retry-After.`,
    });
  }
  if (causesOf(error).some((each) => each instanceof BucketError)) {
    console.error(`${context.req.method} ${context.req.path} failed:`, error);
    return problemResponse(context, {
      code: 'overloaded',
      detail:
        'The bucket ARCHIVE failed, and without the days that lie there the answer would not be whole; the log of the Worker says why. Send the same request again after the time in Retry-After.',
    });
  }
  if (shardErrorIn(error) !== null && context.var.shards.count > 1) {
    console.error(`${context.req.method} ${context.req.path} failed:`, error);
    return problemResponse(context, {
      code: 'overloaded',
      detail: `${databaseIn(error)} failed, and without its nodes the answer would not be whole; the log of the Worker says why. Send the same request again after the time in Retry-After.`,
    });
  }
  console.error(`${context.req.method} ${context.req.path} failed:`, error);
  return problemResponse(context, {
    code: 'internal_error',
    detail: 'Something failed that is not your fault; the log of the Worker says what.',
  });
};

/** Which of several. */
function databaseIn(error: unknown): string {
  const failed = shardErrorIn(error);
  return failed === null ? 'The database' : `The database ${failed.binding}`;
}

/** Drizzle tells what fails as the cause of an error of its own. */
const shardErrorIn = (error: unknown): ShardError | null =>
  causesOf(error).find((each) => each instanceof ShardError) ?? null;

/** Hono's own refusals before a route's handler: a body that is not JSON, or not declared as such. */
function fromHttpException(error: HTTPException): Problem {
  if (error.status === 415) {
    return {
      code: 'unsupported_media_type',
      detail: 'Send the body as application/json, and say so in the Content-Type header.',
      field: 'Content-Type',
    };
  }
  if (error.status === 413) return { code: 'body_too_large', detail: error.message };
  return { code: 'malformed_body', detail: 'The body is not valid JSON.' };
}

/** 405 with `Allow` where the path exists with another method, 404 elsewhere. */
export function answerNotFound(app: App): NotFoundHandler<AppEnv> {
  const routes = app.routes
    .filter((route) => route.method !== 'ALL')
    .map((route) => ({ method: route.method, pattern: pathPattern(route.path) }));
  return (context: Context<AppEnv>) => {
    const allowed = routes
      .filter(({ pattern }) => pattern.test(context.req.path))
      .map(({ method }) => method);
    if (allowed.length === 0) {
      return problemResponse(context, {
        code: 'not_found',
        detail: `Nothing is at ${context.req.path}; /docs lists every route.`,
      });
    }
    const methods = [...new Set(allowed)];
    return problemResponse(
      context,
      { code: 'method_not_allowed', detail: `Here the methods are ${methods.join(', ')}.` },
      { Allow: methods.join(', ') },
    );
  };
}

const pathPattern = (path: string) =>
  new RegExp(`^${path.replace(/[.*+?^$()|[\]\\]/g, '\\$&').replace(/:[A-Za-z]+/g, '[^/]+')}$`);
