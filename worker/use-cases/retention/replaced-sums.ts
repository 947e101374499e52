/** Objects of sums that others have taken the place of: deleted once no restored database can name them. */
import { needAttic } from '../../storage/attic.ts';
import { forgetReplaced, nameOf, readReplaced } from '../../storage/rollup-objects.ts';

/**
 * One call to the bucket and two to the database, whatever waits. First the objects: a run that breaks off deletes them again.
 * @param untilMs those that were replaced by then
 */
export async function deleteReplacedSums(db: D1Database, untilMs: number): Promise<void> {
  const replaced = await readReplaced(db, untilMs);
  if (replaced.length === 0) return;
  const names = replaced.filter(({ isNamed }) => isNamed === 0).map(nameOf);
  if (names.length > 0) await needAttic(db).remove(names);
  await forgetReplaced(db, replaced);
}
