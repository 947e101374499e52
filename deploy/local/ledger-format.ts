/** Refuses, in one line, a database whose hours this version cannot read: every question about them would fail otherwise. */
import { LEDGER_FORMAT } from '../../shared/ledger/hour-codec.ts';
import { CommandError } from '../command-error.ts';
import type { Database } from './migrate.ts';

const HAS_HOURS = "SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'node_hours'";

/** The oldest hour of a node stands first among its keys, and is the last to be written anew. */
const OLDEST_FORMATS = `
  SELECT hex(substr((
    SELECT ledger FROM node_hours WHERE key >= number << 21 AND key < (number + 1) << 21 ORDER BY key LIMIT 1
  ), 1, 1)) AS format FROM nodes`;

/** To be asked before migrations change anything. Throws `CommandError`. */
export async function assertReadable(database: Database, dataFolder: string): Promise<void> {
  const tables = await database.prepare(HAS_HOURS).all();
  if (tables.results.length === 0) return;
  const { results } = await database.prepare(OLDEST_FORMATS).all<{ format: string }>();
  const formats = results.map(({ format }) => Number.parseInt(format, 16));
  // NaN: a node without hours.
  const other = formats.find((format) => !Number.isNaN(format) && format !== LEDGER_FORMAT);
  if (other === undefined) return;
  throw new CommandError(
    `the hours in ${dataFolder} are in ledger format ${other}, and this version reads format ${LEDGER_FORMAT} only: start with another folder (--data DIR), or with the version that wrote them`,
  );
}
