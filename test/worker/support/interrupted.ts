/** The real database, but `meanwhile` happens just before a transaction on it: the first, or the one after `passed` others. */
export function interrupted(db: D1Database, meanwhile: () => Promise<unknown>, passed = 0): D1Database {
  let before = passed;
  return {
    prepare: (sql: string) => db.prepare(sql),
    batch: async (statements: D1PreparedStatement[]) => {
      if (before-- === 0) await meanwhile();
      return db.batch(statements);
    },
  } as unknown as D1Database;
}
