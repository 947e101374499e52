/** The reason of a change: the operator may want one with every change that a person makes (docs/decisions/0009). */
import type { Context, MiddlewareHandler } from 'hono';
import { openDatabase } from '../storage/database.ts';
import { readFleetSettings } from '../storage/fleet-settings.ts';
import type { AppEnv } from './app.ts';
import { problemResponse } from './problem.ts';

/** Nodes speak for themselves: what they report says why it changes. Looked up only where no reason is given. */
export const reasonGiven: MiddlewareHandler<AppEnv> = async (context, next) => {
  if (context.var.caller.scope !== 'admin' || (await hasReason(context))) return next();
  const { requireWhy } = await readFleetSettings(openDatabase(context.var.shards.main), context.var.nowMs);
  if (!requireWhy) return next();
  return problemResponse(context, {
    code: 'invalid_parameter',
    detail:
      'why: missing. This fleet wants the reason of every change: send "why" in the JSON body, or in the query where there is none.',
    field: 'why',
  });
};

/** What is not valid JSON is left to the validation of the route. */
async function hasReason(context: Context<AppEnv>): Promise<boolean> {
  if (isSaid(context.req.query('why'))) return true;
  if (!(context.req.header('Content-Type') ?? '').startsWith('application/json')) return false;
  try {
    return isSaid((await context.req.json<{ why?: unknown } | null>())?.why);
  } catch {
    return false;
  }
}

/** What is no text is left to the validation as well. */
const isSaid = (why: unknown): boolean => (typeof why === 'string' ? why.trim() !== '' : why !== undefined);
