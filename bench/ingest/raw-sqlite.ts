/** What the same bodies cost where nothing is done with them: each a blob in a table of SQLite, committed on its own. */
import { DatabaseSync } from 'node:sqlite';
import { Bodies } from './bodies.ts';
import { answerParent } from './round.ts';

const database = new DatabaseSync(process.argv[2]!);
// As workerd opens its own.
database.exec('PRAGMA journal_mode = WAL; CREATE TABLE bodies (key INTEGER PRIMARY KEY, body BLOB NOT NULL)');
const insert = database.prepare('INSERT INTO bodies (body) VALUES (?)');

answerParent(new Bodies(), async (_, bodies) =>
  bodies.map((body) => {
    const startedAt = performance.now();
    insert.run(body);
    return performance.now() - startedAt;
  }),
);
