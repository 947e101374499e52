/** Power series that have left the database, read back from their files. */
import { parquetReadObjects } from 'hyparquet';
import { DAY_MS } from '../../../shared/time/window.ts';
import { folderOf, partPath } from '../../storage/archive.ts';
import { type Attic, atticOf } from '../../storage/attic.ts';
import { readNodeIds } from '../../storage/retention-hours.ts';
import { shardOfNode } from '../../storage/shards.ts';
import { blockOf, lateName, partName, SERIES_NODES, WINDOW_NODES } from './day-nodes.ts';

export interface ArchivedSeries {
  readonly stepMilliseconds: number;
  readonly watts: readonly (number | null)[];
}

/** For `ReadonlyMap`s of series by window and device. */
export const seriesKey = (windowStartMs: number, deviceId: string): string => `${windowStartMs} ${deviceId}`;

/** Of a file of series, as it is read. */
interface Row {
  readonly node_id: string;
  readonly window_start: Date;
  readonly device_id: string;
  readonly step_milliseconds: bigint;
  readonly watts: readonly (number | null)[];
}

const COLUMNS = ['node_id', 'window_start', 'device_id', 'step_milliseconds', 'watts'];

/**
 * Series of the node in windows that start in `[fromMs, toMs)`, by `seriesKey`; none where there is no archive. The caller keeps
 * to a few days.
 */
export async function readArchivedSeries(
  db: D1Database,
  nodeNumber: number,
  fromMs: number,
  toMs: number,
): Promise<ReadonlyMap<string, ArchivedSeries>> {
  const found = new Map<string, ArchivedSeries>();
  const attic = atticOf(db);
  if (attic === null) return found;
  const nodeId = (await readNodeIds(db, { first: nodeNumber, end: nodeNumber + 1 })).get(nodeNumber);
  const filter = { window_start: { $gte: new Date(fromMs), $lt: new Date(toMs) } };
  for (let day = Math.floor(fromMs / DAY_MS); day * DAY_MS < toMs; day++)
    for await (const { buffer, byteOffset, byteLength } of filesOf(attic, nodeNumber, day)) {
      const file = buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer;
      const rows = (await parquetReadObjects({ file, columns: COLUMNS, filter })) as unknown as Row[];
      for (const row of rows) {
        const key = seriesKey(row.window_start.getTime(), row.device_id);
        // A window keeps the first.
        if (row.node_id === nodeId && !found.has(key))
          found.set(key, { stepMilliseconds: Number(row.step_milliseconds), watts: row.watts });
      }
    }
  return found;
}

/** The files of the node's day, then those that came later, which hold other nodes as well. */
async function* filesOf(attic: Attic, nodeNumber: number, day: number): AsyncGenerator<Uint8Array> {
  const shard = shardOfNode(nodeNumber);
  const own = { day, nodes: blockOf(nodeNumber, SERIES_NODES) };
  for (let index = 0; ; index++) {
    const name = `${partName(own)}-${index}`;
    const bytes = await attic.find(partPath({ dataset: 'series', day, shard, name }));
    if (bytes === null) break;
    yield bytes;
  }
  const block = { day, nodes: blockOf(nodeNumber, WINDOW_NODES) };
  for (const name of await attic.list(`${folderOf('series', day, shard)}part-${lateName(block)}`))
    yield await attic.readWhole(name);
}
