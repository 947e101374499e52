/** Files of bounded size that hold all rows: row groups of any size, read back by DuckDB. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { expect, test } from 'vitest';
import { generator } from '../../bench/row-layout/workload.ts';
import { type Column, ParquetFiles } from '../../worker/use-cases/retention/parquet.ts';

interface Row {
  readonly text: string;
  readonly integer: number;
  readonly integers: readonly (number | null)[];
}

const COLUMNS: readonly Column<Row>[] = [
  { name: 'text', type: 'text', value: (row) => row.text },
  { name: 'integer', type: 'integer', value: (row) => row.integer },
  { name: 'integers', type: 'integers', value: (row) => row.integers },
];
const MOST_BYTES = 64 * 1024;

test('no file is over its bound, and together they hold every row once', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'wattshed-parquet-'));
  try {
    const random = generator(5);
    const rows = Array.from({ length: 4_000 }, (_, i): Row => {
      // Nothing in it can be compressed.
      const text = Array.from({ length: 40 }, () => String.fromCharCode(0x4e00 + random() * 20_000)).join('');
      return { text, integer: i, integers: [Math.floor(random() * 2 ** 31), null, i] };
    });
    const files = new ParquetFiles(COLUMNS, MOST_BYTES);
    for (let first = 0; first < rows.length; ) {
      const size = Math.ceil(random() * 1_500);
      files.add(rows.slice(first, first + size));
      first += size;
    }
    files.add([]);
    const parts = files.finish();
    for (const [index, bytes] of parts.entries()) writeFileSync(join(folder, `${index}.parquet`), bytes);
    expect(Math.max(...parts.map(({ length }) => length))).toBeLessThanOrEqual(MOST_BYTES);
    // Not one file for each group either: most are well filled.
    const total = parts.reduce((sum, { length }) => sum + length, 0);
    expect(parts.length).toBeLessThan((3 * total) / MOST_BYTES);
    const connection = await (await DuckDBInstance.create()).connect();
    const answer = await connection.runAndReadAll(
      `SELECT COUNT(*)::VARCHAR AS n, SUM(integer)::VARCHAR AS sum, SUM(list_sum(integers))::VARCHAR AS sums,
        COUNT(DISTINCT text)::VARCHAR AS texts FROM read_parquet('${folder}/*.parquet')`,
    );
    const sums = rows.reduce((sum, { integers }) => sum + integers[0]! + integers[2]!, 0);
    const sum = String((rows.length * (rows.length - 1)) / 2);
    expect(answer.getRowObjectsJson()).toEqual([
      { n: String(rows.length), sum, sums: String(sums), texts: String(rows.length) },
    ]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('a row that is over the bound stands alone, and no rows are no file', () => {
  const files = new ParquetFiles(COLUMNS, 100);
  files.add(Array.from({ length: 3 }, (_, integer) => ({ text: 'x', integer, integers: [] })));
  expect(files.finish()).toHaveLength(3);
  expect(new ParquetFiles(COLUMNS).finish()).toEqual([]);
});
