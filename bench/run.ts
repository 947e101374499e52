/** `npm run bench [-- NAME] [--json FILE]`: all benchmarks, or one. */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type Figure, printFigures } from './figures.ts';
import { rowLayout } from './row-layout/row-layout.ts';

const BENCHMARKS: Readonly<Record<string, () => Promise<Figure[]>>> = { 'row-layout': rowLayout };

const { values, positionals } = parseArgs({ options: { json: { type: 'string' } }, allowPositionals: true });
const unknown = positionals.filter((name) => !(name in BENCHMARKS));
if (unknown.length > 0) {
  console.error(`No benchmark "${unknown[0]}"; there are: ${Object.keys(BENCHMARKS).join(', ')}.`);
  process.exit(2);
}
const figures: Figure[] = [];
for (const [name, run] of Object.entries(BENCHMARKS)) {
  if (positionals.length > 0 && !positionals.includes(name)) continue;
  console.log(`\n${name}`);
  const measured = await run();
  printFigures(measured);
  figures.push(...measured);
}
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify({ figures }, null, 2)}\n`);
