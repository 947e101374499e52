/**
 * What questions about a month cost: a fleet of a hundred nodes, and one of a thousand. Two other sizes, the smaller one first:
 * `BENCH_FLEETS=100,200`, of 50 nodes at least.
 */
import { DAY_MS, HOUR_MS } from '../../shared/time/window.ts';
import { cpuNanoseconds } from '../cpu-nanoseconds.ts';
import type { Figure } from '../figures.ts';
import { startMeteredSite } from '../metered-site.ts';
import { START_MS, seed } from './seed.ts';

const DAYS = 30;
const FLEETS = (process.env.BENCH_FLEETS ?? '100,1000').split(',').map(Number);
const RUNS = 15;
/** Of one query, however slow the machine. */
const LEAST_RUNS = 5;
/** After which no more runs begin. */
const MOST_MS = 20_000;
const TURN_NODE_HOURS = 40_960;
/** In the middle of an hour: the one that is not over counts as well. */
const NOW_MS = START_MS + DAYS * DAY_MS + 20 * 60_000;

const month = { nodeId: null, fromMs: START_MS, step: 'none', basis: 'lifecycle', signal: 'average' };
const QUERIES = {
  fleet_month_by_day: { ...month, step: 'day' },
  fleet_month_by_zone: { ...month, groupBy: 'gridZone' },
  fleet_month_market: { ...month, step: 'day', accounting: 'market' },
  fleet_day_by_hour: { ...month, fromMs: NOW_MS - DAY_MS, step: 'hour' },
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
  /** Milliseconds of workerd with its database, of the run that took the least: what a busy machine hardly changes. */
  readonly cpu: number;
}

export async function query(): Promise<Figure[]> {
  const [few, many] = FLEETS as [number, number];
  const sites: FleetSite[] = [];
  const measured = new Map<string, readonly Measured[]>();
  try {
    for (const nodes of FLEETS) sites.push(await fleetOf(nodes));
    for (const [name, asked] of Object.entries(QUERIES)) {
      tell(name);
      measured.set(name, await measureQuery(sites, { query: asked }));
    }
  } finally {
    for (const { site } of sites) await site.stop();
  }
  const [fewer, all] = [few, many].map((nodes) => nodes.toLocaleString('en')) as [string, string];
  return Object.keys(QUERIES).flatMap((name): Figure[] => {
    const [small, large] = measured.get(name)! as [Measured, Measured];
    if (large.refused !== undefined)
      return [
        {
          name: `query.${name}`,
          value: 0,
          unit: 'answers',
          note: `refused at ${all} nodes: ${large.refused}`,
        },
      ];
    const isOfFleet = ['fleet_month_by_day', 'fleet_month_by_zone', 'fleet_month_market'].includes(name);
    const target = isOfFleet ? '; target 5000' : '';
    return [
      { name: `query.${name}_p50`, value: large.p50, unit: 'ms', note: `${all} nodes x ${DAYS} days` },
      { name: `query.${name}_p95`, value: large.p95, unit: 'ms', note: '' },
      {
        name: `query.${name}_cpu`,
        value: large.cpu,
        unit: 'ms',
        note: `CPU of workerd, the least of ${RUNS} runs or fewer; at ${fewer} nodes ${small.cpu.toFixed(0)}`,
      },
      {
        name: `query.${name}_rows_read`,
        value: large.read,
        unit: 'rows',
        note: `at ${fewer} nodes ${small.read}${target}`,
      },
      {
        name: `query.${name}_growth`,
        value: large.cpu / small.cpu,
        unit: 'x',
        note: `CPU time of ${all} nodes over that of ${fewer}${isOfFleet ? '; target 1.3' : ''}; by the clock ${(large.p50 / small.p50).toFixed(2)}`,
      },
    ];
  });
}

interface FleetSite {
  readonly site: Awaited<ReturnType<typeof startMeteredSite>>;
  readonly ask: (body: object) => Promise<Reply>;
}

/** Seeded and summed. */
async function fleetOf(nodes: number): Promise<FleetSite> {
  const site = await startMeteredSite('bench/query/worker.mjs');
  const ask = (body: object) => site.ask<Reply>('/', { nowMs: NOW_MS, ...body });
  try {
    await seed(site.db, nodes, DAYS, (day) => tell(`${nodes} nodes: day ${day} of ${DAYS} is written`));
    for (let turn = 0; ; turn++) {
      const { marks, hour } = await ask({ nodeHours: TURN_NODE_HOURS });
      const left = (START_MS + DAYS * DAY_MS) / HOUR_MS - hour;
      tell(`${nodes} nodes: ${left} hours are to be summed`);
      if (marks === 0 && left === 0) break;
      if (turn > 10 * DAYS) throw new Error('the rollups do not come to an end');
    }
    // The hours that are not over.
    for (let turn = 0; turn < 3; turn++) await ask({ nodeHours: TURN_NODE_HOURS });
    return { site, ask };
  } catch (error) {
    await site.stop();
    throw error;
  }
}

/** Of all fleets in turn, so that what the machine does meanwhile is in each of them. */
async function measureQuery(sites: readonly FleetSite[], body: object): Promise<Measured[]> {
  const runs = await Promise.all(
    sites.map(async (own) => ({ ...own, reply: await own.ask(body), times: [] as number[], cpu: Infinity })),
  );
  const endMs = performance.now() + sites.length * MOST_MS;
  for (let run = 0; run < RUNS; run++) {
    const startMs = performance.now();
    if (run >= LEAST_RUNS && startMs > endMs) break;
    for (const own of runs) {
      if (own.reply.refused !== undefined) continue;
      const begunMs = performance.now();
      const used = cpuNanoseconds(own.site.processId);
      own.reply = await own.ask(body);
      own.times.push(performance.now() - begunMs);
      own.cpu = Math.min(own.cpu, cpuNanoseconds(own.site.processId) - used);
    }
  }
  return runs.map(({ reply, times, cpu }) => ({
    ...reply,
    p50: at(times, 0.5),
    p95: at(times, 0.95),
    cpu: cpu / 1e6,
  }));
}

function at(values: readonly number[], ratio: number): number {
  const ordered = [...values].sort((a, b) => a - b);
  return ordered[Math.floor(ordered.length * ratio)] ?? 0;
}

const tell = (line: string) => process.stderr.write(`\r  ${line.padEnd(70)}`);
