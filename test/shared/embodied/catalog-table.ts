/** The catalog as docs/embodied.md shows it. */
import { type CatalogEntry, catalog, yearOf } from '../../../shared/embodied/catalog.ts';

const HEAD = ['entry', 'name', 'unit', 'figure', 'bounds', 'kind', 'year', 'sources'];

const cellsOf = (entry: CatalogEntry): string[] => [
  `\`${entry.id}\``,
  entry.name,
  entry.unit,
  String(entry.kgCo2eq),
  `${entry.low} to ${entry.high}`,
  entry.provenance,
  String(yearOf(entry)),
  entry.sources.join(', '),
];

/** A Markdown table, its columns padded, and the sources by their keys below it. */
export function catalogTable(): string {
  const rows = [HEAD, ...catalog.entries.map(cellsOf)];
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i]!)).join(' | ')} |`;
  const rule = line(widths.map((width) => '-'.repeat(width)));
  const [head, ...body] = rows.map(line);
  const sources = Object.entries(catalog.sources).map(([key, text]) => `- \`${key}\`: ${text}`);
  return [head, rule, ...body, '', ...sources].join('\n');
}
