/**
 * `npm run bench [-- NAME] [--series DIR] [--traces DIR] [--nodes N] [--shards N] [--http N] [--hours N]
 * [--json FILE]`: all benchmarks, or one. `--nodes`, `--shards`, `--http` (of the nodes, those over HTTP) and `--hours` make
 * `scale` smaller.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { agent } from './agent/agent.ts';
import { alerts } from './alerts/alerts.ts';
import { cost } from './cost/cost.ts';
import { type Figure, printFigures } from './figures.ts';
import { forecast } from './forecast/forecast.ts';
import { ingest } from './ingest/ingest.ts';
import { kill } from './kill/kill.ts';
import { pressure } from './pressure/pressure.ts';
import { query } from './query/query.ts';
import { rowLayout } from './row-layout/row-layout.ts';
import { sampling } from './sampling/sampling.ts';
import { scaleOf } from './scale/options.ts';
import { scale } from './scale/scale.ts';
import { storage } from './storage/storage.ts';

const { values, positionals } = parseArgs({
  options: {
    json: { type: 'string' },
    series: { type: 'string' },
    traces: { type: 'string' },
    nodes: { type: 'string' },
    shards: { type: 'string' },
    http: { type: 'string' },
    hours: { type: 'string' },
  },
  allowPositionals: true,
});

/** A text instead of figures: what it needs and was not given. */
const BENCHMARKS: Readonly<Record<string, () => Promise<Figure[]> | Figure[] | string>> = {
  agent,
  alerts,
  cost,
  ingest,
  kill,
  pressure,
  sampling: () =>
    values.traces === undefined
      ? 'left out: give a folder of power traces finer than a second, --traces DIR (*.csv.gz, see docs/agent.md)'
      : sampling(values.traces),
  query,
  'row-layout': rowLayout,
  storage: () => storage(values.traces ?? null),
  scale: () =>
    scale(scaleOf(count(values.nodes), count(values.shards), count(values.http), count(values.hours))),
  forecast: () =>
    values.series === undefined
      ? 'left out: give a folder of hourly series, --series DIR (em_<ZONE>_*_hourly.csv.gz, each of 18 months or more)'
      : forecast(values.series),
};

function count(text: string | undefined): number | undefined {
  if (text === undefined || /^\d{1,6}$/.test(text)) return text === undefined ? undefined : Number(text);
  console.error(`--nodes, --shards, --http and --hours take whole numbers, got "${text}".`);
  process.exit(2);
}

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
  if (typeof measured === 'string') {
    console.log(measured);
    continue;
  }
  printFigures(measured);
  figures.push(...measured);
}
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify({ figures }, null, 2)}\n`);
