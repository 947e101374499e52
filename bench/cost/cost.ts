/** What a fleet costs: counted on the real Worker, priced by prices.json without any allowance. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { CRON_REQUESTS_PER_DAY, type Plan } from '../../shared/pace/plans.ts';
import { retentionSettings } from '../../shared/settings/retention.ts';
import type { Figure } from '../figures.ts';
import { GPUS } from '../load/gpu-load.ts';
import { NodeWindows } from '../load/node-windows.ts';
import { bytesOfDay, type KeptBytes, keptBytes, loadOf } from '../storage/storage.ts';
import { type Bill, fleetDay } from './fleet-day.ts';

const PRICES = JSON.parse(readFileSync(new URL('prices.json', import.meta.url), 'utf8'));
const NODES = 50;
const DAYS_PER_MONTH = 365 / 12;
/** HTTP, token and unpacking of a request, whole process: `npm run bench -- ingest` on two shared cores on 2026-11-26. */
const CPU_MILLISECONDS_PER_REQUEST = 0.9;
/** Databases that the free plan gives. */
const FREE_DATABASES = 10;
const FREE_CPU_MILLISECONDS = 10;
const FREE_QUERIES = 50;
/** Of the minutes of a day each of the five turns has as many. */
const TURNS_PER_DAY = 288;
/** After the five: summing hours has runs of its own, each of one database; then alerts, of some nodes each. */
const ROLLUPS = 5;
const OWN_RUNS_PER_HOUR = 30;

export async function cost(): Promise<Figure[]> {
  const of60 = await fleetDay({ nodes: NODES, reportEverySeconds: 60, plan: 'paid' });
  const of300 = await fleetDay({ nodes: NODES, reportEverySeconds: 300, plan: 'paid' });
  const ofFree = await fleetDay({ nodes: NODES, reportEverySeconds: 300, plan: 'free' });
  const few = { nodes: 4, windows: new NodeWindows(loadOf('mixed')), withSeries: true, hostSeries: true };
  const hot = (await bytesOfDay(few)).ofNodes / few.nodes;
  const kept = await keptBytes('paid');
  const keptFree = await keptBytes('free');
  const cpu = workerCpu(NODES);
  const cronCpu = cronCpuOf(NODES);
  const paid60 = monthOf(of60, databaseBytes('paid', hot, kept), cpu, cronCpu);
  const paid300 = monthOf(of300, databaseBytes('paid', hot, kept), cpu, cronCpu);
  const free = freePlan(ofFree, databaseBytes('free', hot, keptFree), cpu);
  const cron = (CRON_REQUESTS_PER_DAY * DAYS_PER_MONTH * PRICES.usd.perMillionRequests) / 1e6;
  return [
    figure(
      'cost.rows_written_per_report_60s',
      of60.rowsWritten / of60.reports,
      'rows',
      `target 1.06; ${tablesOf(of60)}`,
    ),
    figure('cost.rows_written_per_report_300s', of300.rowsWritten / of300.reports, 'rows', tablesOf(of300)),
    figure(
      'cost.usd_per_node_month_60s',
      total(paid60),
      'USD',
      `target 0.075; prices of ${PRICES.readOn}; ${partsOf(paid60, 1)}`,
    ),
    figure(
      'cost.usd_per_node_month_300s',
      total(paid300),
      'USD',
      `target 0.020; ${partsOf(paid300, 1)}; cron takes ${Math.round(cronCpu.turns)} ms of CPU of a node and day while it is reported, and ${Math.round(cronCpu.archive)} of what becomes of it`,
    ),
    figure(
      'cost.usd_month_10000_nodes',
      total(paid60) * 10_000 + cron,
      'USD',
      `at 60 s: ${partsOf(paid60, 10_000)}, cron ${cron.toFixed(3)}`,
    ),
    figure(
      'cost.usd_month_10000_nodes_300s',
      total(paid300) * 10_000 + cron,
      'USD',
      `at 300 s: ${partsOf(paid300, 10_000)}`,
    ),
    figure(
      'cost.free_plan_nodes',
      free.nodes,
      'nodes',
      `target 250; 300 s, ${FREE_DATABASES} databases; the least of ${free.note}`,
    ),
    figure(
      'cost.database_bytes_per_node',
      databaseBytes('paid', hot, kept),
      'bytes',
      `steady state of the paid preset: ${Math.round(hot)} a day with series (${GPUS} GPUs and the host), then ${Math.round(kept.packed)}, from the 35th day ${Math.round(kept.old)}`,
    ),
  ];
}

/** Of a node, when as much leaves as comes. */
function databaseBytes(plan: Plan, hot: number, { packed, old, fleet }: KeptBytes): number {
  const { seriesDays, windowsDays, hoursDays } = retentionSettings({ RETENTION_PLAN: plan });
  const ofNode = seriesDays * hot + (windowsDays - seriesDays) * packed + (hoursDays! - windowsDays) * old;
  return ofNode + (hoursDays! * fleet) / NODES;
}

type Month = Readonly<Record<'rows' | 'requests' | 'cpu' | 'reads' | 'database' | 'archive', number>>;

/** US dollars per node and month, by part. */
function monthOf(bill: Bill, bytes: number, cpu: WorkerCpu, cron: CronCpu): Month {
  const perMonth = (count: number) => (count / NODES) * DAYS_PER_MONTH;
  const { usd } = PRICES;
  const { seriesDays, archivedSeriesDays } = retentionSettings({});
  // Before that they are in the database. Windows stay for ever; as long as hours are counted here.
  const archived =
    (archivedSeriesDays! - seriesDays) * bill.archivedSeriesBytes +
    retentionSettings({}).hoursDays! * (bill.archivedBytes - bill.archivedSeriesBytes);
  return {
    rows: (perMonth(bill.rowsWritten) * usd.perMillionRowsWritten) / 1e6,
    requests: (perMonth(bill.reports) * usd.perMillionRequests) / 1e6,
    cpu:
      ((perMonth(bill.reports) * (cpu.report + CPU_MILLISECONDS_PER_REQUEST) +
        DAYS_PER_MONTH * (cron.turns + cron.archive)) *
        usd.perMillionCpuMilliseconds) /
      1e6,
    reads: (perMonth(bill.rowsRead) * usd.perMillionRowsRead) / 1e6,
    database: (bytes / 1e9) * usd.perGigabyteMonthOfDatabase,
    archive:
      (archived / NODES / 1e9) * usd.perGigabyteMonthOfArchive +
      (perMonth(bill.archivedFiles) * usd.perMillionArchiveWrites) / 1e6,
  };
}

function freePlan(
  bill: Bill,
  keptBytesPerNode: number,
  { turns, mean, cold, summingRuns, report }: WorkerCpu,
) {
  const { freePlan: plan } = PRICES;
  const perDay = (count: number) => count / NODES;
  const { packNodes, packSteps } = retentionSettings({ RETENTION_PLAN: 'free' });
  const others = Math.max(...turns.filter((_, turn) => turn !== ROLLUPS));
  const fits = (isWithin: boolean, nodes = Number.POSITIVE_INFINITY) => (isWithin ? nodes : 0);
  const limits = {
    'rows written': plan.rowsWrittenPerDay / perDay(bill.rowsWritten),
    'rows read': plan.rowsReadPerDay / perDay(bill.rowsRead),
    requests: (plan.requestsPerDay - CRON_REQUESTS_PER_DAY) / perDay(bill.reports),
    [`bytes of ${FREE_DATABASES} databases`]: (FREE_DATABASES * plan.bytesPerDatabase) / keptBytesPerNode,
    'days packed': packNodes * packSteps * TURNS_PER_DAY,
    'CPU of rollups': fits(
      turns[ROLLUPS]! <= FREE_CPU_MILLISECONDS,
      (NODES * OWN_RUNS_PER_HOUR) / summingRuns,
    ),
    'CPU of the other turns': fits(others <= FREE_CPU_MILLISECONDS),
    'CPU of a report': fits(report + CPU_MILLISECONDS_PER_REQUEST <= FREE_CPU_MILLISECONDS),
    'queries of a run': fits(Math.max(...bill.mostQueries) <= FREE_QUERIES),
  };
  const note = Object.entries(limits)
    .map(([limit, nodes]) => `${limit} ${Number.isFinite(nodes) ? Math.floor(nodes) : 'any'}`)
    .join(', ');
  return {
    nodes: Math.floor(Math.min(...Object.values(limits))),
    note: `${note}; its turns ask at most ${bill.mostQueries.join(', ')} queries and take at most ${inMilliseconds(turns)} ms of CPU (${inMilliseconds(mean)} on average; ${cold.toFixed(0)} for the first that sums hours in an isolate that has compiled nothing), a report ${report.toFixed(1)}`,
  };
}

const inMilliseconds = (values: readonly number[]) => values.map((each) => each.toFixed(1)).join(', ');

/** Milliseconds without the database's: of each of the cron's five turns, of summing hours and of alerts, and of booking a report. */
interface WorkerCpu {
  /** The most that a run took, and what one takes on average. */
  readonly turns: readonly number[];
  readonly mean: readonly number[];
  /** The first run that sums hours in a process. */
  readonly cold: number;
  /** Runs that sum one hour of one database. */
  readonly summingRuns: number;
  readonly report: number;
}

const workerCpu = (nodes: number): WorkerCpu => measured('worker-cpu.mjs', nodes);

/** Milliseconds of a node and day without the database's: of a day in which it reports, and of what becomes of that day later. */
interface CronCpu {
  readonly turns: number;
  readonly archive: number;
}

const cronCpuOf = (nodes: number): CronCpu => measured('cron-cpu.mjs', nodes);

function measured<Measured>(name: string, nodes: number): Measured {
  const script = new URL(name, import.meta.url).pathname;
  const printed = execFileSync(process.execPath, [script, String(nodes)], { encoding: 'utf8' });
  return JSON.parse(printed.trim().split('\n').at(-1)!);
}

const total = (month: Month) => Object.values(month).reduce((sum, usd) => sum + usd, 0);

/** @param nodes that the dollars are of */
const partsOf = (month: Month, nodes: number) =>
  Object.entries(month)
    .map(([part, usd]) => `${part} ${(usd * nodes).toFixed(nodes === 1 ? 5 : 0)}`)
    .join(', ');

/** Rows per report, by table. */
const tablesOf = ({ writtenTo, reports }: Bill) =>
  [...writtenTo]
    .filter(([, rows]) => rows / reports >= 0.0005)
    .map(([table, rows]) => `${table} ${(rows / reports).toFixed(4)}`)
    .join(', ');

const figure = (name: string, value: number, unit: string, note: string): Figure => ({
  name,
  value,
  unit,
  note,
});
