/**
 * Rows as Parquet files of bounded size; the schema is documented in docs/archive.md. Rows are given group by group, and only
 * their bytes stay: a Worker has 128 MB for all that it does.
 */
import { ByteWriter, ParquetWriter, type SchemaElement } from 'hyparquet-writer';

export const MAX_PART_BYTES = 8 * 1024 * 1024;

export interface Column<Row> {
  readonly name: string;
  readonly type: 'text' | 'integer' | 'number' | 'boolean' | 'instant' | 'integers';
  /** Null where there is none; an instant in epoch milliseconds. */
  readonly value: (row: Row) => string | number | boolean | readonly (number | null)[] | null;
}

/** Of a column in a group: its place in the footer and in the index. */
const COLUMN_BYTES = 1_024;
/** What cannot be compressed takes a little more than it is. */
const EXPANSION = 1.25;

/** As many files as keep each within the bound. Each addition is a row group, or several if it is large; a single row stands alone. */
export class ParquetFiles<Row> {
  readonly #columns: readonly Column<Row>[];
  readonly #maxBytes: number;
  readonly #files: Uint8Array[] = [];
  #open: { readonly bytes: ByteWriter; readonly parquet: ParquetWriter; footer: number } | null = null;

  constructor(columns: readonly Column<Row>[], maxBytes = MAX_PART_BYTES) {
    this.#columns = columns;
    this.#maxBytes = maxBytes;
  }

  add(rows: readonly Row[]): void {
    if (rows.length === 0) return;
    const columns = this.#columns.map((column) => ({
      name: column.name,
      data: rows.map((row) => dataOf(column, row)),
    }));
    const footer = this.#columns.length * COLUMN_BYTES;
    const most = EXPANSION * columns.reduce((sum, { data }) => sum + bytesOf(data), 0) + footer;
    if (most > this.#maxBytes && rows.length > 1) {
      const half = Math.ceil(rows.length / 2);
      this.add(rows.slice(0, half));
      this.add(rows.slice(half));
      return;
    }
    if (this.#open !== null && this.#open.bytes.offset + this.#open.footer + most > this.#maxBytes)
      this.#close();
    this.#open ??= this.#begin();
    this.#open.parquet.write({ columnData: columns, rowGroupSize: rows.length });
    this.#open.footer += footer;
  }

  finish(): Uint8Array[] {
    if (this.#open !== null) this.#close();
    return this.#files;
  }

  #begin() {
    const bytes = new ByteWriter();
    const root: SchemaElement = { name: 'root', num_children: this.#columns.length };
    const schema = [root, ...this.#columns.flatMap(schemaOf)];
    return { bytes, parquet: new ParquetWriter({ writer: bytes, schema, createdBy: 'wattshed' }), footer: 0 };
  }

  #close(): void {
    const { parquet, bytes } = this.#open!;
    parquet.finish();
    this.#files.push(new Uint8Array(bytes.getBuffer()));
    this.#open = null;
  }
}

/** The most that values take as they are. */
function bytesOf(data: readonly unknown[]): number {
  return data.reduce((sum: number, value) => {
    if (typeof value === 'string') return sum + 4 + 4 * value.length;
    if (Array.isArray(value)) return sum + 6 * value.length;
    return sum + 9;
  }, 0);
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
