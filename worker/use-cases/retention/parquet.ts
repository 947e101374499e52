/** Rows as Parquet files of bounded size; the schema is documented in docs/archive.md. */
import { parquetWriteBuffer, type SchemaElement } from 'hyparquet-writer';

export const MAX_PART_BYTES = 8 * 1024 * 1024;

export interface Column<Row> {
  readonly name: string;
  readonly type: 'text' | 'integer' | 'number' | 'boolean' | 'instant' | 'integers';
  /** Null where there is none; an instant in epoch milliseconds. */
  readonly value: (row: Row) => string | number | boolean | readonly (number | null)[] | null;
}

/** As many files as keep each within the bound: rows are halved until they do. A single row stands alone. */
export function parquetParts<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  maxBytes = MAX_PART_BYTES,
): Uint8Array[] {
  if (rows.length === 0) return [];
  const bytes = encode(rows, columns);
  if (bytes.length <= maxBytes || rows.length === 1) return [bytes];
  const half = Math.ceil(rows.length / 2);
  return [
    ...parquetParts(rows.slice(0, half), columns, maxBytes),
    ...parquetParts(rows.slice(half), columns, maxBytes),
  ];
}

function encode<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): Uint8Array {
  const root: SchemaElement = { name: 'root', num_children: columns.length };
  return new Uint8Array(
    parquetWriteBuffer({
      schema: [root, ...columns.flatMap(schemaOf)],
      columnData: columns.map((column) => ({
        name: column.name,
        data: rows.map((row) => dataOf(column, row)),
      })),
      createdBy: 'wattshed',
    }),
  );
}

function schemaOf<Row>({ name, type }: Column<Row>): SchemaElement[] {
  const optional = { name, repetition_type: 'OPTIONAL' } as const;
  switch (type) {
    case 'text':
      return [{ ...optional, type: 'BYTE_ARRAY', converted_type: 'UTF8' }];
    case 'integer':
      return [{ ...optional, type: 'INT64' }];
    case 'number':
      return [{ ...optional, type: 'DOUBLE' }];
    case 'boolean':
      return [{ ...optional, type: 'BOOLEAN' }];
    case 'instant':
      return [{ ...optional, type: 'INT64', converted_type: 'TIMESTAMP_MILLIS' }];
    case 'integers':
      return [
        { ...optional, converted_type: 'LIST', num_children: 1 },
        { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
        { name: 'element', repetition_type: 'OPTIONAL', type: 'INT32' },
      ];
  }
}

function dataOf<Row>({ type, value }: Column<Row>, row: Row): unknown {
  const raw = value(row);
  if (raw === null) return null;
  if (type === 'integer') return BigInt(raw as number);
  if (type === 'instant') return new Date(raw as number);
  return raw;
}
