import { wrappedDatabase } from './wrapped-database.ts';

/** The same database; what fails of it is told by `toNamed`. */
export const namedDatabase = (db: D1Database, toNamed: (error: unknown) => Error): D1Database =>
  wrappedDatabase(db, async (_, question) => {
    try {
      return await question();
    } catch (error) {
      throw toNamed(error);
    }
  });
