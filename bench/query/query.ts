/** What questions about a month cost: a fleet of a hundred nodes, and one of a thousand. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { Miniflare } from 'miniflare';
import { applyMigrations } from '../../deploy/local/migrate.ts';
import { DAY_MS } from '../../shared/time/window.ts';
import type { Figure } from '../figures.ts';
import { START_MS, seed } from './seed.ts';

const ROOT = new URL('../..', import.meta.url).pathname;
const DAYS = 30;
const FLEETS = (process.env.BENCH_FLEETS ?? '100,1000').split(',').map(Number);
const RUNS = 15;
/** Of one query; at least one run. */
const MOST_MS = 20_000;
const TURN_NODE_HOURS = 40_960;
/** In the middle of an hour: the one that is not over counts as well. */
const NOW_MS = START_MS + DAYS * DAY_MS + 20 * 60_000;

const month = { nodeId: null, fromMs: START_MS, step: 'none', basis: 'lifecycle', signal: 'average' };
const QUERIES = {
  fleet_month_by_day: { ...month, step: 'day' },
  fleet_month_by_zone: { ...month, groupBy: 'gridZone' },
  fleet_month_by_job: { ...month, groupBy: 'job' },
  fleet_month_by_project: { ...month, groupBy: 'project', step: 'day' },
  top_nodes_month: { ...month, groupBy: 'node', top: 20 },
  node_month_by_hour: { ...month, nodeId: 'node-50', step: 'hour' },
  job_month: { ...month, jobNumbers: [50] },
};

interface Reply {
  readonly refused?: string;
  readonly read: number;
  readonly written: number;
  readonly marks: number;
  readonly hour: number;
}

interface Measured extends Reply {
  readonly p50: number;
  readonly p95: number;
}

export async function query(): Promise<Figure[]> {
  const byFleet = new Map<number, ReadonlyMap<string, Measured>>();
  for (const nodes of FLEETS) byFleet.set(nodes, await measure(nodes));
  const [few, many] = FLEETS.map((nodes) => byFleet.get(nodes)!);
  return Object.keys(QUERIES).flatMap((name): Figure[] => {
    const small = few!.get(name)!;
    const large = many!.get(name)!;
    if (large.refused !== undefined)
      return [
        {
          name: `query.${name}`,
          value: 0,
          unit: 'answers',
          note: `refused at 1,000 nodes: ${large.refused}`,
        },
      ];
    const isOfFleet = name === 'fleet_month_by_day' || name === 'fleet_month_by_zone';
    const target = isOfFleet ? '; target 5000' : '';
    return [
      { name: `query.${name}_p50`, value: large.p50, unit: 'ms', note: '1,000 nodes x 30 days' },
      { name: `query.${name}_p95`, value: large.p95, unit: 'ms', note: '' },
      {
        name: `query.${name}_rows_read`,
        value: large.read,
        unit: 'rows',
        note: `at 100 nodes ${small.read}${target}`,
      },
      {
        name: `query.${name}_growth`,
        value: large.p50 / small.p50,
        unit: 'x',
        note: `time of 1,000 nodes over that of 100${isOfFleet ? '; target 1.3' : ''}`,
      },
    ];
  });
}

async function measure(nodes: number): Promise<ReadonlyMap<string, Measured>> {
  const folder = mkdtempSync(join(tmpdir(), 'wattshed-bench-query-'));
  await build({
    entryPoints: [join(ROOT, 'bench/query/worker.mjs')],
    outfile: join(folder, 'worker.js'),
    bundle: true,
    format: 'esm',
    platform: 'browser',
    conditions: ['workerd', 'worker', 'browser'],
    logLevel: 'error',
  });
  const miniflare = new Miniflare({
    modules: true,
    modulesRoot: folder,
    scriptPath: join(folder, 'worker.js'),
    compatibilityDate: '2026-07-01',
    host: '127.0.0.1',
    port: 0,
    cf: false,
    telemetry: { enabled: false },
    d1Databases: { DB: 'bench' },
  });
  try {
    const url = await miniflare.ready;
    const db = await miniflare.getD1Database('DB');
    await applyMigrations(db as never, join(ROOT, 'worker/schema/migrations'));
    await seed(db, nodes, DAYS);
    const ask = async (body: object): Promise<Reply> => {
      const response = await fetch(url, {
        headers: { Connection: 'close' },
        method: 'POST',
        body: JSON.stringify({ nowMs: NOW_MS, ...body }),
      });
      if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
      return (await response.json()) as Reply;
    };
    for (let turn = 0; ; turn++) {
      const { marks, hour } = await ask({ nodeHours: TURN_NODE_HOURS });
      if (marks === 0 && hour === (START_MS + DAYS * DAY_MS) / 3_600_000) break;
      if (turn > 10 * DAYS) throw new Error('the rollups do not come to an end');
    }
    // The hours that are not over.
    for (let turn = 0; turn < 3; turn++) await ask({ nodeHours: TURN_NODE_HOURS });
    const measured = new Map<string, Measured>();
    for (const [name, asked] of Object.entries(QUERIES)) {
      const times: number[] = [];
      let reply = await ask({ query: asked });
      const endMs = performance.now() + MOST_MS;
      for (let run = 0; run < RUNS && reply.refused === undefined; run++) {
        const startMs = performance.now();
        if (run > 0 && startMs > endMs) break;
        reply = await ask({ query: asked });
        times.push(performance.now() - startMs);
      }
      times.sort((a, b) => a - b);
      const at = (ratio: number) => times[Math.floor(times.length * ratio)] ?? 0;
      measured.set(name, { ...reply, p50: at(0.5), p95: at(0.95) });
    }
    return measured;
  } finally {
    await miniflare.dispose();
    rmSync(folder, { recursive: true, force: true });
  }
}
