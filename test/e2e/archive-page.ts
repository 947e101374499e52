/** What docs/archive.md promises of the Parquet files. */
import { readFileSync } from 'node:fs';

export interface PromisedColumn {
  readonly name: string;
  /** By its name in the page, such as `INT64`. */
  readonly type: string;
  readonly isNullable: boolean;
}

const page = readFileSync(new URL('../../docs/archive.md', import.meta.url), 'utf8');

/** Cells of the rows of the first table below a line that begins so, without its head. */
function tableBelow(beginning: string): string[][] {
  const start = page.indexOf(`\n${beginning}`);
  if (start < 0) throw new Error(`docs/archive.md has no line that begins with ${beginning}`);
  const table = /(?:^\|.*\|\n)+/m.exec(page.slice(start))![0];
  return table
    .trim()
    .split('\n')
    .slice(2)
    .map((row) =>
      row
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

const withoutTicks = (text: string) => text.replaceAll('`', '');

/** In order. */
export function promisedColumns(dataset: string): PromisedColumn[] {
  return tableBelow(`**${dataset}**`).map(([name = '', type = '']) => ({
    name: withoutTicks(name),
    type: type.replace(', null', ''),
    isNullable: type.endsWith(', null'),
  }));
}

/** By the name of the page: of the file, and as DuckDB names it. */
export function promisedTypes(): ReadonlyMap<string, { readonly parquet: string; readonly duckdb: string }> {
  return new Map(
    tableBelow('Types, as').map(([type = '', parquet = '', duckdb = '']) => [
      type,
      { parquet: withoutTicks(parquet), duckdb: withoutTicks(duckdb) },
    ]),
  );
}

/** Words in code of that column's cell. */
export const promisedValues = (dataset: string, column: string): string[] =>
  [
    ...tableBelow(`**${dataset}**`)
      .find(([name]) => name === `\`${column}\``)![2]!
      .matchAll(/`(\w+)`/g),
  ].map((match) => match[1]!);
