/** Sessions of reads, told apart by a header: docs/operate.md says what clients gain by it. */
import type { MiddlewareHandler } from 'hono';
import { isBookmark, openSessions } from '../storage/sessions.ts';
import type { AppEnv } from './app.ts';
import { problemResponse } from './problem.ts';

export const BOOKMARK_HEADER = 'Wattshed-Bookmark';

/** Questions read through sessions; what changes anything asks the primaries, as does who may call. */
export const readSessions: MiddlewareHandler<AppEnv> = async (context, next) => {
  if (context.req.method !== 'GET') return next();
  const given = context.req.header(BOOKMARK_HEADER) ?? null;
  if (given !== null && !isBookmark(given))
    return problemResponse(context, {
      code: 'invalid_parameter',
      detail: `${BOOKMARK_HEADER}: expected what an earlier answer gave under this name, or leave it out.`,
      field: BOOKMARK_HEADER,
    });
  const sessions = openSessions(context.var.shards, given);
  context.set('shards', sessions.shards);
  await next();
  const bookmark = sessions.bookmark();
  if (bookmark !== null) context.header(BOOKMARK_HEADER, bookmark);
};
