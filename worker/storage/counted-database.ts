import { wrappedDatabase } from './wrapped-database.ts';

export interface QueryCount {
  asked: number;
}

/** The same database; each statement that it is asked is counted: a run has a thousand, over all databases. */
export const countedDatabase = (db: D1Database, count: QueryCount): D1Database =>
  wrappedDatabase(db, (statements, question) => {
    count.asked += statements;
    return question();
  });
