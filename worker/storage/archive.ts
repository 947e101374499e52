/**
 * The archive in R2, below Hive-style paths: Parquet files named by what they hold, so that a file written again replaces itself,
 * and beside them `days` and `sums`, which are the server's own (`day-files.ts`, `rollup-objects.ts`).
 */
import { DAY_MS } from '../../shared/time/window.ts';

export type Dataset = 'windows' | 'job_shares' | 'series' | 'days';

export interface Part {
  readonly dataset: Dataset;
  /** Whole days since 1970. */
  readonly day: number;
  /** The database that the nodes of the file lie in. */
  readonly shard: number;
  /** Of the file, after `part-`. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** `windows/date=2026-11-25/shard=0/part-00000001-0.parquet` */
export function partPath({ dataset, day, shard, name }: Omit<Part, 'bytes'>): string {
  return `${folderOf(dataset, day, shard)}part-${name}.parquet`;
}

export function folderOf(dataset: Dataset, day: number, shard: number): string {
  return `${dataset}/date=${dateOf(day)}/shard=${shard}/`;
}

export const dateOf = (day: number): string => new Date(day * DAY_MS).toISOString().slice(0, 10);

export interface Written {
  readonly files: number;
  readonly bytes: number;
}

/** One after the other: R2 has them when this returns. */
export async function writeParts(bucket: R2Bucket, parts: readonly Part[]): Promise<Written> {
  let bytes = 0;
  for (const part of parts) {
    await bucket.put(partPath(part), part.bytes, {
      httpMetadata: { contentType: 'application/vnd.apache.parquet' },
    });
    bytes += part.bytes.length;
  }
  return { files: parts.length, bytes };
}

/** All that there are of a day and a shard. @returns how many */
export async function deleteParts(
  bucket: R2Bucket,
  dataset: Dataset,
  day: number,
  shard: number,
): Promise<number> {
  for (let count = 0; ; ) {
    // At most a thousand, as many as one call deletes.
    const { objects, truncated } = await bucket.list({ prefix: folderOf(dataset, day, shard) });
    if (objects.length > 0) await bucket.delete(objects.map(({ key }) => key));
    count += objects.length;
    if (!truncated) return count;
  }
}
