/** Days that are old enough move from the database to the bucket, as they are: 64 nodes of a day in one file. */
import { decodeDay, encodeDay } from '../../../shared/ledger/day-codec.ts';
import { encodeDayFile, type FiledDay } from '../../../shared/ledger/day-file.ts';
import type { Written } from '../../storage/archive.ts';
import {
  type BlockDay,
  countDayFile,
  type PackedDay,
  putDayFile,
  readBlockDay,
  readDayFile,
} from '../../storage/day-files.ts';
import { newMark } from '../../storage/node-days.ts';
import { blockOfNode } from '../../storage/rollup-keys.ts';
import { shardOfNode } from '../../storage/shards.ts';

interface Filed extends Written {
  readonly hours: number;
  readonly statements: readonly D1PreparedStatement[];
}

export const blockDayOf = (nodeNumber: number, day: number): BlockDay => ({
  shard: shardOfNode(nodeNumber),
  block: blockOfNode(nodeNumber),
  day,
});

/**
 * Writes the file of the block's day anew where rows of the day are in the database, with them.
 * @returns the statements that make it count; until then what stood before does
 */
export async function fileDays(db: D1Database, of: BlockDay): Promise<Filed> {
  const { file: stored, packed } = await readBlockDay(db, of);
  if (packed.length === 0) return { files: 0, bytes: 0, hours: 0, statements: [] };
  const before = stored === null ? [] : await readDayFile(db, of, stored);
  const file = encodeDayFile(together(before, packed));
  const mark = newMark();
  await putDayFile(db, of, mark, file.bytes);
  const statements = countDayFile(db, { of, before: stored?.mark ?? null, mark, file, packed });
  return { files: 1, bytes: file.bytes.length, hours: file.hours, statements };
}

/** By place; of a node that is in both, each hour as its row has it. */
function together(before: readonly FiledDay[], packed: readonly PackedDay[]): FiledDay[] {
  const days = new Map(before.map((day) => [day.place, day]));
  for (const { place, receivedAtMs, hours } of packed) {
    const filed = days.get(place);
    days.set(
      place,
      filed === undefined
        ? { place, receivedAtMs, hours }
        : {
            place,
            receivedAtMs: Math.max(filed.receivedAtMs, receivedAtMs),
            hours: encodeDay(new Map([...decodeDay(filed.hours), ...decodeDay(hours)])),
          },
    );
  }
  return [...days.values()].sort((a, b) => a.place - b.place);
}
