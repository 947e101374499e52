/** The real database, but `meanwhile` happens just before the first transaction on it. */
export function interrupted(db: D1Database, meanwhile: () => Promise<unknown>): D1Database {
  let pending = true;
  return {
    prepare: (sql: string) => db.prepare(sql),
    batch: async (statements: D1PreparedStatement[]) => {
      if (pending) {
        pending = false;
        await meanwhile();
      }
      return db.batch(statements);
    },
  } as unknown as D1Database;
}
