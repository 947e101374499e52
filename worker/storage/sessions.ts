/**
 * Reads that replicas may answer. Without a bookmark the first query of a request goes to the primary, so nobody reads older
 * than what is written; with the bookmark of an earlier answer any copy serves that is as new as that answer was.
 */
import { atticOf, withAttic } from './attic.ts';
import type { Shards } from './shards.ts';

/** Of each database one part, empty where nothing is known; opaque to clients. */
const PATTERN = /^[0-9a-f-]{0,100}(\.[0-9a-f-]{0,100}){0,63}$/;

/** Whether it can be a bookmark of ours. */
export const isBookmark = (text: string): boolean => PATTERN.test(text);

export interface ReadSessions {
  /** The same databases, read through sessions; what they write goes to the primary as ever. */
  readonly shards: Shards;
  /** As new as anything that was read; null where nothing is known. */
  bookmark(): string | null;
}

/** @param given a bookmark; null: none */
export function openSessions(shards: Shards, given: string | null): ReadSessions {
  const parts = given?.split('.') ?? [];
  const sessions: D1DatabaseSession[] = [];
  const read = shards.map((db, shard) => {
    const session = db.withSession(parts[shard] || 'first-primary');
    sessions[shard] = session;
    return overSession(db, session);
  });
  return {
    shards: read,
    bookmark() {
      const known = sessions.map((session, shard) => session.getBookmark() ?? parts[shard] ?? '');
      return known.every((part) => part === '') ? null : known.join('.');
    },
  };
}

function overSession(db: D1Database, session: D1DatabaseSession): D1Database {
  const read: D1Database = {
    prepare: (sql) => session.prepare(sql),
    batch: (statements) => session.batch(statements),
    exec: (sql) => db.exec(sql),
    withSession: (constraint) => db.withSession(constraint),
    dump: () => db.dump(),
  };
  return withAttic(read, atticOf(db));
}
