/** No value, no forecast and no site yet: what every test of the jobs that ask providers starts from. */
import { database } from '../ingest/support.ts';

const TABLES = [
  'grid_values',
  'grid_revisions',
  'grid_series',
  'grid_fetches',
  'grid_services',
  'grid_rereads',
  'grid_forecasts',
  'settings',
  'sites',
];

export async function emptyGrid(): Promise<void> {
  await database.batch(TABLES.map((table) => database.prepare(`DELETE FROM ${table}`)));
}
