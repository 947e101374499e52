/** The real D1, noting each statement that is prepared with its values. */

export interface Recorded {
  readonly sql: string;
  readonly values: readonly unknown[];
}

export function recordingDatabase(real: D1Database): { database: D1Database; recorded: Recorded[] } {
  const recorded: Recorded[] = [];
  const recording = <T extends D1Database | D1DatabaseSession>(of: T): T =>
    new Proxy(of, {
      get(target, name) {
        if (name === 'withSession')
          return (constraint: string) => recording((target as D1Database).withSession(constraint));
        if (name !== 'prepare') {
          const member = Reflect.get(target, name) as unknown;
          return typeof member === 'function' ? member.bind(target) : member;
        }
        return (sql: string) => {
          const statement = target.prepare(sql);
          if (!/[?]/.test(sql)) recorded.push({ sql, values: [] });
          const bind = statement.bind.bind(statement);
          statement.bind = (...values: unknown[]) => {
            recorded.push({ sql, values });
            return bind(...values);
          };
          return statement;
        };
      },
    });
  return { database: recording(real), recorded };
}
