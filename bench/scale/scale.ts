/**
 * A large fleet's day on several databases: 23 hours through the store in bulk, the last one with a part of the fleet over
 * HTTP, an hour without the server, and what users and cron then do with it. Every sum is held against the simulator's truth.
 */
import { DAY_MS, HOUR_MS, WINDOW_MS, WINDOWS_PER_HOUR } from '../../shared/time/window.ts';
import type { Figure } from '../figures.ts';
import { type Answer, askAll, askLists, dayTotal, type Truth, truthOf } from './answers.ts';
import { type Archive, readArchive, retain, TURNS_PER_DAY, type Turns } from './archive.ts';
import { Cron, type CronHours } from './cron.ts';
import { type Bill, Fleet, type Node, WORKER_MEBIBYTES } from './fleet.ts';
import { HttpFleet, type HttpHour } from './http-hours.ts';
import { DEVICES, GPUS, hourMs, nodeHourMillijoules, START_MS, samplesOf, seriesKindOf } from './truth.ts';

export interface ScaleOptions {
  readonly nodes: number;
  /** Of them, those that report over HTTP. */
  readonly httpNodes: number;
  /** Databases. */
  readonly shards: number;
  /** Of the nodes in bulk, one in so many has power series. */
  readonly seriesEvery: number;
}

export const FULL_NODES = 10_000;

/** One node in twenty over HTTP, and of the others one in twenty with power series. */
export function scaleOf(nodes: number, shards: number): ScaleOptions {
  return { nodes, httpNodes: Math.ceil(nodes / 20), shards, seriesEvery: 20 };
}

const HOURS = 24;
const LAST_HOUR = HOURS - 1;
/** Windows of nodes in one request of the bench. */
const BULK_WINDOWS = 12_000;
/** Of the hour over HTTP: the minutes in which the server's CPU is read request by request. */
const isMeasured = (minute: number) => minute >= 30 && minute < 32;
const BACKLOG_MINUTES = 15;
const MOST_BACKLOG_MINUTES = 60;

export async function scale(options: ScaleOptions): Promise<Figure[]> {
  const fleet = await Fleet.start(options.shards);
  try {
    return await measure(fleet, options);
  } finally {
    await fleet.site.stop();
  }
}

async function measure(fleet: Fleet, options: ScaleOptions): Promise<Figure[]> {
  await fleet.prepareSites(HOURS + 3);
  const { result: nodes, bill: enrolling } = await fleet.billOf(() =>
    fleet.enrol(options.nodes, (done) => tell(`${done} of ${options.nodes} nodes enrolled`)),
  );
  const inBulk = nodes.slice(options.httpNodes);
  const overHttp = nodes.slice(0, options.httpNodes);
  const truth = truthOf(options.nodes);

  await fleet.setClock(hourMs(LAST_HOUR));
  const bulk = await fleet.billOf(() => book(fleet, nodes, 0, LAST_HOUR, options));
  const cron = new Cron(fleet);
  const agents = new HttpFleet(fleet, overHttp, hourMs(LAST_HOUR));
  const { result: hour, bill: http } = await fleet.billOf(() =>
    agents.runUntil(
      hourMs(HOURS),
      async (nowMs) => {
        tell(`the last hour over HTTP, minute ${(nowMs - hourMs(LAST_HOUR)) / 60_000}`);
        await cron.minute(nowMs);
        return true;
      },
      isMeasured,
    ),
  );
  await fleet.setClock(hourMs(HOURS));
  const lastInBulk = await fleet.billOf(() => book(fleet, inBulk, LAST_HOUR, HOURS, options));
  const outage = await anOutage(fleet, agents, cron);
  const cronHours = await cron.untilSummed(hourMs(HOURS + 1) + BACKLOG_MINUTES * 60_000, hourMs(HOURS));
  const missing = await missingOfOutage(fleet, overHttp);
  const bytes = await fleet.databaseBytes();
  tell('asking about the day');
  const answers = [...(await askAll(fleet, truth)), ...(await askLists(fleet))];
  const series = await retain(fleet, 'series', START_MS + 11 * DAY_MS, (turn) =>
    tell(`series leave, turn ${turn}`),
  );
  const windows = await retain(fleet, 'windows', START_MS + 36 * DAY_MS, (turn) =>
    tell(`windows are archived, turn ${turn}`),
  );
  tell('DuckDB reads the archive');
  const archive = await readArchive(fleet);
  process.stderr.write('\n');
  return [
    ...figuresOfWriting(options, { enrolling, bulk: bulk.bill, lastInBulk: lastInBulk.bill, bytes }),
    ...figuresOfHttp(options, hour, http, outage, missing),
    ...figuresOfReading(truth, answers, cronHours),
    ...figuresOfArchive(options, truth, archive, series, windows),
  ];
}

/** Hours `[from, to)` of these nodes. */
async function book(
  fleet: Fleet,
  nodes: readonly Node[],
  from: number,
  to: number,
  { seriesEvery, httpNodes }: ScaleOptions,
): Promise<void> {
  const windows = (to - from) * WINDOWS_PER_HOUR;
  const atOnce = Math.max(1, Math.floor(BULK_WINDOWS / windows));
  let done = 0;
  for (const database of fleet.site.databases.keys()) {
    const own = nodes.filter((node) => node.database === database);
    const hasSeries = ({ node }: Node) => node >= httpNodes && (node - httpNodes) % seriesEvery === 0;
    for (const withSeries of [false, true]) {
      const alike = own.filter((node) => hasSeries(node) === withSeries);
      for (let first = 0; first < alike.length; first += atOnce) {
        const chunk = alike.slice(first, first + atOnce).map(({ node, number }) => ({ node, number }));
        const span = { from: from * WINDOWS_PER_HOUR, to: to * WINDOWS_PER_HOUR };
        await fleet.door('bulk', { database, nodes: chunk, withSeries, ...span });
        done += chunk.length;
        tell(`hours ${from} to ${to}: ${done} of ${nodes.length} nodes in bulk`);
      }
    }
  }
}

interface Outage {
  readonly hour: HttpHour;
  readonly bill: Bill;
  readonly clearedMinutes: number;
}

/** An hour in which no agent reaches the server, and what follows. */
async function anOutage(fleet: Fleet, agents: HttpFleet, cron: Cron): Promise<Outage> {
  const endMs = hourMs(HOURS + 1);
  agents.cut();
  await agents.runUntil(endMs, async (nowMs) => {
    tell(`an hour without the server, minute ${(nowMs - hourMs(HOURS)) / 60_000}`);
    await cron.minute(nowMs);
    return true;
  });
  agents.mend();
  let clearedMinutes = MOST_BACKLOG_MINUTES;
  const { result: hour, bill } = await fleet.billOf(() =>
    agents.runUntil(endMs + MOST_BACKLOG_MINUTES * 60_000, async (nowMs) => {
      const minutes = (nowMs - endMs) / 60_000;
      const waiting = agents.waitingBefore(endMs);
      tell(`${waiting} nodes have a backlog ${minutes} minutes after the server is back`);
      if (waiting === 0) {
        clearedMinutes = minutes;
        return false;
      }
      await cron.minute(nowMs);
      return true;
    }),
  );
  return { hour, bill, clearedMinutes };
}

/** What of the hour without the server is not booked, as the nodes' own answers tell it. */
async function missingOfOutage(fleet: Fleet, nodes: readonly Node[]): Promise<bigint> {
  const range = `from=${new Date(hourMs(HOURS)).toISOString()}&to=${new Date(hourMs(HOURS + 1)).toISOString()}`;
  let missing = 0n;
  for (const { node, id } of nodes) {
    const { totals } = await fleet.get<{ totals: { energyKwh: number } }>(
      `/v1/nodes/${id}/emissions?${range}`,
    );
    missing += BigInt(nodeHourMillijoules(node, HOURS) - Math.round(totals.energyKwh * 3.6e9));
  }
  return missing;
}

function figuresOfWriting(
  { nodes, httpNodes, shards }: ScaleOptions,
  written: {
    readonly enrolling: Bill;
    readonly bulk: Bill;
    readonly lastInBulk: Bill;
    readonly bytes: ReadonlyMap<string, number>;
  },
): Figure[] {
  const windows = nodes * HOURS * WINDOWS_PER_HOUR;
  const { enrolling, bulk, lastInBulk, bytes } = written;
  const windowsInBulk = windows - httpNodes * WINDOWS_PER_HOUR;
  const seconds = bulk.cpuSeconds + lastInBulk.cpuSeconds;
  return [
    figure(
      'scale.nodes',
      nodes,
      'nodes',
      `${GPUS} GPUs and the rest of the host each, on ${shards} databases`,
    ),
    figure(
      'scale.worker_heap_mebibytes',
      WORKER_MEBIBYTES,
      'MiB',
      'all of this ran within it; more ends the Worker, as on the platform',
    ),
    figure(
      'scale.windows',
      windows,
      'windows',
      `of the day; ${httpNodes * WINDOWS_PER_HOUR} of them over HTTP`,
    ),
    figure(
      'scale.rows_written',
      bulk.written + lastInBulk.written,
      'rows',
      'the day in bulk: an hour of a node is one row, devices and jobs once',
    ),
    figure('scale.rows_written_per_enrolment', enrolling.written / nodes, 'rows', 'in all databases'),
    figure(
      'scale.bulk_windows_per_cpu_second',
      windowsInBulk / seconds,
      'windows',
      'of workerd and its databases',
    ),
    ...[...bytes].map(([name, size]) =>
      figure(`scale.database_bytes{${name}}`, size, 'bytes', 'a day, with its rollups; D1 takes 10 GB'),
    ),
  ];
}

function figuresOfHttp(
  { httpNodes }: ScaleOptions,
  hour: HttpHour,
  bill: Bill,
  outage: Outage,
  missing: bigint,
): Figure[] {
  const at = (ratio: number) => hour.cpuMs[Math.floor(hour.cpuMs.length * ratio)] ?? 0;
  return [
    figure(
      'scale.requests',
      hour.requests,
      'requests',
      `an hour of ${httpNodes} nodes, at the server's pace`,
    ),
    figure(
      'scale.requests_per_second',
      hour.requests / hour.seconds,
      'requests',
      'wall time, 16 connections',
    ),
    figure(
      'scale.rows_written_per_request',
      bill.written / hour.requests,
      'rows',
      'cron of the whole fleet in that hour included',
    ),
    figure(
      'scale.cpu_ms_per_request_p50',
      at(0.5),
      'ms',
      `${hour.cpuMs.length} requests, one after the other`,
    ),
    figure('scale.cpu_ms_per_request_p99', at(0.99), 'ms', 'of workerd: the Worker and its databases'),
    figure(
      'scale.backlog_cleared_minutes',
      outage.clearedMinutes,
      'minutes',
      `target ${BACKLOG_MINUTES}; simulated, after an hour without the server`,
    ),
    figure('scale.backlog_requests', outage.hour.requests, 'requests', 'until then, live windows included'),
    figure(
      'scale.backlog_most_requests_per_second',
      outage.hour.mostPerSecond,
      'requests',
      `of ${httpNodes} nodes, in a simulated second`,
    ),
    figure(
      'scale.backlog_missing_millijoules',
      Number(missing),
      'mJ',
      'of the hour without the server; target 0',
    ),
  ];
}

function figuresOfReading(truth: Truth, answers: readonly Answer[], cron: CronHours): Figure[] {
  const answered = answers.filter(({ differenceMillijoules }) => differenceMillijoules !== null);
  const difference = answered.reduce((sum, answer) => sum + answer.differenceMillijoules!, 0n);
  return [
    figure(
      'scale.total_difference_millijoules',
      Number(difference),
      'mJ',
      `target 0; of ${dayTotal(truth)}, by ${answered.map(({ name }) => name.replace('fleet_day_by_', '')).join(', ')}`,
    ),
    figure(
      'scale.rollup_lag_minutes',
      cron.lagMinutes,
      'minutes',
      'from the end of the day until all of it is summed',
    ),
    figure('scale.cron_minutes', cron.minutes, 'runs', `one a minute, ${cron.rowsWritten} rows written`),
    figure(
      'scale.cron_cpu_seconds_most',
      cron.mostCpuSeconds,
      's',
      'of one run, databases included; the platform gives 30',
    ),
    figure(
      'scale.cron_statements_most',
      cron.mostStatements,
      'queries',
      'of one run; the paid plan gives 1,000',
    ),
    figure(
      'scale.longest_value',
      cron.longestValue,
      'chars',
      'bound in one statement; D1 takes 2,000,000 bytes',
    ),
    ...answers.flatMap(({ name, bill, milliseconds, refusal }) =>
      refusal === null
        ? [
            figure(`scale.${name}_rows_read`, bill.read, 'rows', `${bill.statements} queries`),
            figure(
              `scale.${name}_ms`,
              milliseconds,
              'ms',
              `CPU of workerd ${(bill.cpuSeconds * 1_000).toFixed(0)}`,
            ),
          ]
        : [figure(`scale.${name}_rows_read`, 0, 'rows', refusal)],
    ),
  ];
}

function figuresOfArchive(
  options: ScaleOptions,
  truth: Truth,
  archive: Archive,
  series: Turns,
  windows: Turns,
): Figure[] {
  const total = dayTotal(truth);
  const off = (sum: bigint) => Math.abs(Number(sum - total));
  const turns = (each: Turns) =>
    `of ${TURNS_PER_DAY} a day; the most CPU of one ${each.mostCpuSeconds.toFixed(1)} s`;
  const bulkWithSeries = Math.ceil((options.nodes - options.httpNodes) / options.seriesEvery);
  return [
    figure(
      'scale.archive_difference_millijoules',
      off(archive.energyMillijoules) + off(archive.jobMillijoules),
      'mJ',
      `target 0; of devices and of jobs, read by DuckDB from ${archive.shards} shards, ${archive.nodes} nodes`,
    ),
    figure(
      'scale.archive_difference_watts',
      Math.abs(Number(archive.watts - wattsTold(options))),
      'W',
      'target 0; sum of all samples',
    ),
    figure('scale.archive_files', archive.files, 'files', `${archive.bytes} bytes`),
    figure('scale.archive_largest_bytes', archive.largestBytes, 'bytes', 'target 8388608'),
    figure('scale.archive_windows_turns', windows.turns, 'turns', turns(windows)),
    figure(
      'scale.archive_series_turns',
      series.turns,
      'turns',
      `${turns(series)}; series of ${bulkWithSeries} nodes for the day, of ${options.httpNodes} for an hour`,
    ),
  ];
}

/** Sum of all samples of the day. */
function wattsTold({ nodes, httpNodes, seriesEvery }: ScaleOptions): bigint {
  const ofKind = new Map<number, number>();
  const wattsOf = (kind: number) => {
    const known = ofKind.get(kind) ?? samplesOf(kind).reduce((sum, watts) => sum + watts, 0);
    ofKind.set(kind, known);
    return known;
  };
  let watts = 0n;
  for (let node = 0; node < nodes; node++) {
    if (node >= httpNodes && (node - httpNodes) % seriesEvery !== 0) continue;
    const first = node < httpNodes ? LAST_HOUR * WINDOWS_PER_HOUR : 0;
    for (let window = first; window < (HOURS * HOUR_MS) / WINDOW_MS; window++)
      for (let device = 0; device < DEVICES; device++)
        watts += BigInt(wattsOf(seriesKindOf(node, window, device)));
  }
  return watts;
}

const figure = (name: string, value: number, unit: string, note: string): Figure => ({
  name,
  value,
  unit,
  note,
});

const tell = (line: string) => process.stderr.write(`\r  ${line.padEnd(90)}`);
