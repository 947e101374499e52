/** Retention of the day, turn by turn, and its files as DuckDB reads them. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { DAY_MS } from '../../shared/time/window.ts';
import type { Bill, Fleet } from './fleet.ts';
import { START_MS } from './truth.ts';

export interface Turns {
  readonly turns: number;
  readonly bill: Bill;
  /** Of the turn that took the most. */
  readonly mostCpuSeconds: number;
}

/**
 * Turns of retention at this instant until every database is past the first day with the task.
 * @throws where the turns of a day do not suffice: it would never catch up
 */
export async function retain(
  fleet: Fleet,
  task: 'series' | 'windows',
  nowMs: number,
  progress: (turn: number) => void,
): Promise<Turns> {
  await fleet.setClock(nowMs);
  let mostCpuSeconds = 0;
  let turns = 0;
  const { bill } = await fleet.billOf(async () => {
    while (!(await isPast(fleet, task))) {
      if (turns === TURNS_PER_DAY) throw new Error(`${task} of a day take longer than a day`);
      const { bill: ofTurn } = await fleet.billOf(() => fleet.door('retention', null));
      mostCpuSeconds = Math.max(mostCpuSeconds, ofTurn.cpuSeconds);
      turns++;
      progress(turns);
    }
  });
  return { turns, bill, mostCpuSeconds };
}

/** The jobs take turns of five minutes. */
export const TURNS_PER_DAY = 288;

async function isPast(fleet: Fleet, task: string): Promise<boolean> {
  for (const database of fleet.site.databases.values()) {
    const row = await database
      .prepare('SELECT day FROM retention_tasks WHERE task = ?1')
      .bind(task)
      .first<{ day: number }>();
    if (row === null || row.day <= START_MS / DAY_MS) return false;
  }
  return true;
}

export interface Archive {
  readonly files: number;
  readonly bytes: number;
  readonly largestBytes: number;
  readonly energyMillijoules: bigint;
  readonly jobMillijoules: bigint;
  readonly nodes: number;
  readonly shards: number;
  /** Sum of all samples. */
  readonly watts: bigint;
}

/** The files of the first day. */
export async function readArchive(fleet: Fleet): Promise<Archive> {
  const folder = mkdtempSync(join(tmpdir(), 'wattshed-bench-archive-'));
  try {
    const sizes = await copyTo(folder, fleet);
    const connection = await (await DuckDBInstance.create()).connect();
    const ask = async (sql: string) =>
      (await connection.runAndReadAll(sql)).getRowObjectsJson()[0] as Record<string, string>;
    const date = new Date(START_MS).toISOString().slice(0, 10);
    const from = (dataset: string) =>
      `read_parquet('${folder}/${dataset}/date=${date}/*/*.parquet', hive_partitioning = true)`;
    const sum = 'SUM(energy_millijoules)::VARCHAR AS energy';
    const counts = 'COUNT(DISTINCT node_id)::VARCHAR AS nodes, COUNT(DISTINCT shard)::VARCHAR AS shards';
    const windows = await ask(`SELECT ${sum}, ${counts} FROM ${from('windows')}`);
    const shares = await ask(`SELECT ${sum} FROM ${from('job_shares')}`);
    const series = await ask(`SELECT SUM(list_sum(watts))::BIGINT::VARCHAR AS watts FROM ${from('series')}`);
    connection.closeSync();
    return {
      files: sizes.length,
      bytes: sizes.reduce((total, bytes) => total + bytes, 0),
      largestBytes: Math.max(...sizes),
      energyMillijoules: BigInt(windows.energy!),
      jobMillijoules: BigInt(shares.energy!),
      nodes: Number(windows.nodes),
      shards: Number(windows.shards),
      watts: BigInt(series.watts!),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @returns bytes of each file */
async function copyTo(folder: string, fleet: Fleet): Promise<number[]> {
  const bucket = await fleet.site.bucket();
  const sizes: number[] = [];
  for (let cursor: string | undefined; ; ) {
    const page = await bucket.list(cursor === undefined ? {} : { cursor });
    for (const { key, size } of page.objects) {
      const file = join(folder, key);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, new Uint8Array(await (await bucket.get(key))!.arrayBuffer()));
      sizes.push(size);
    }
    if (!page.truncated) return sizes;
    cursor = page.cursor;
  }
}
