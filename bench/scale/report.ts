/** What the benchmark tells of each phase; the whole takes long, so each is shown when it is over. */
import { HOUR_MS, WINDOW_MS, WINDOWS_PER_HOUR } from '../../shared/time/window.ts';
import type { Figure } from '../figures.ts';
import { type Answer, dayTotal, type Truth } from './answers.ts';
import { type Archive, TURNS_PER_DAY, type Turns } from './archive.ts';
import type { CronHours } from './cron.ts';
import { type Bill, WORKER_MEBIBYTES } from './fleet.ts';
import type { HttpHour } from './http-hours.ts';
import { firstHourOf, hasSeries, type ScaleOptions } from './options.ts';
import type { Outage } from './scale.ts';
import { DEVICES, GPUS, HOURS, LAST_HOUR, samplesOf, seriesKindOf } from './truth.ts';

/** Adds figures to the list, and shows them already. */
export function showing(list: Figure[]): (figures: readonly Figure[]) => void {
  return (figures) => {
    list.push(...figures);
    process.stderr.write(`\r${' '.repeat(92)}\r`);
    for (const { name, value, unit, note } of figures)
      process.stderr.write(`  ${name} ${Number(value.toPrecision(4))} ${unit}  ${note}\n`);
  };
}

export function figuresOfBulk(options: ScaleOptions, day: Bill): Figure[] {
  const { nodes, shards } = options;
  const hours = options.hours - 1;
  const windows = nodes * hours * WINDOWS_PER_HOUR;
  return [
    figure('nodes', nodes, 'nodes', `${GPUS} GPUs and the rest of the host each, on ${shards} databases`),
    figure(
      'worker_heap_mebibytes',
      WORKER_MEBIBYTES,
      'MiB',
      'all of this runs within it; more ends the Worker, as on the platform',
    ),
    figure('windows', windows, 'windows', `${hours} hours, through the store in bulk`),
    figure('rows_written', day.written, 'rows', `of them ${mostTables(day)}`),
    figure('bulk_windows_per_cpu_second', windows / day.cpuSeconds, 'windows', OF_WORKERD),
  ];
}

export function figuresOfEnrolling({ httpNodes }: ScaleOptions, bill: Bill): Figure[] {
  return [figure('rows_written_per_enrolment', bill.written / httpNodes, 'rows', mostTables(bill))];
}

export function figuresOfHttp({ httpNodes }: ScaleOptions, hour: HttpHour, rowsWritten: number): Figure[] {
  const at = (ratio: number) => hour.cpuMs[Math.floor(hour.cpuMs.length * ratio)] ?? 0;
  const singly = `${hour.cpuMs.length} requests, one after the other; ${OF_WORKERD}`;
  return [
    figure('requests', hour.requests, 'requests', `an hour of ${httpNodes} nodes, at the server's pace`),
    figure('rows_written_per_request', rowsWritten / hour.requests, 'rows', 'without cron'),
    figure('requests_per_second', hour.requests / hour.seconds, 'requests', 'wall time, 16 connections'),
    figure('cpu_ms_per_request_p50', at(0.5), 'ms', singly),
    figure('cpu_ms_per_request_p99', at(0.99), 'ms', ''),
  ];
}

export function figuresOfBacklog({ httpNodes }: ScaleOptions, outage: Outage, missing: bigint): Figure[] {
  const { requests, mostPerSecond } = outage.hour;
  return [
    figure(
      'backlog_cleared_minutes',
      outage.clearedMinutes,
      'minutes',
      'target 15; simulated, after an hour without the server',
    ),
    figure('backlog_requests', requests, 'requests', 'until then, live windows included'),
    figure(
      'backlog_most_requests_per_second',
      mostPerSecond,
      'requests',
      `of ${httpNodes} nodes, in a simulated second`,
    ),
    figure(
      'backlog_difference_millijoules',
      Number(missing),
      'mJ',
      'target 0; in the hour without the server',
    ),
  ];
}

export function figuresOfCron(cron: CronHours, bytes: ReadonlyMap<string, number>): Figure[] {
  return [
    figure(
      'rollup_lag_minutes',
      cron.lagMinutes,
      'minutes',
      'from the end of the day until all of it is summed',
    ),
    figure('cron_runs', cron.minutes, 'runs', `one a minute, ${cron.rowsWritten} rows written`),
    figure('cron_cpu_seconds_most', cron.mostCpuSeconds, 's', `of one run, of 30; ${OF_WORKERD}`),
    figure('cron_queries_most', cron.mostStatements, 'queries', 'of one run; the paid plan gives 1,000'),
    figure('longest_value', cron.longestValue, 'chars', 'bound in one statement; D1 takes 2,000,000 bytes'),
    ...[...bytes].map(([name, size]) =>
      figure(`database_bytes{${name}}`, size, 'bytes', 'a day, with its rollups; D1 takes 10 GB'),
    ),
  ];
}

export function figuresOfAnswers(truth: Truth, answers: readonly Answer[]): Figure[] {
  const answered = answers.filter(({ differenceMillijoules }) => differenceMillijoules !== null);
  const difference = answered.reduce((sum, answer) => sum + answer.differenceMillijoules!, 0n);
  const asked = answered.map(({ name }) => name.replace('fleet_day_by_', '')).join(', ');
  return [
    figure(
      'total_difference_millijoules',
      Number(difference),
      'mJ',
      `target 0; of ${dayTotal(truth)}, by ${asked}`,
    ),
    ...figuresOfLists(answers),
  ];
}

export function figuresOfLists(answers: readonly Answer[]): Figure[] {
  return answers.flatMap(({ name, bill, milliseconds, refusal }) => {
    const cpu = `CPU of workerd ${(bill.cpuSeconds * 1_000).toFixed(0)} ms`;
    const note = refusal === null ? `${bill.statements} queries, ${cpu}` : refusal.slice(0, 300);
    return [
      figure(`${name}_rows_read`, bill.read, 'rows', note),
      ...(refusal === null ? [figure(`${name}_ms`, milliseconds, 'ms', '')] : []),
    ];
  });
}

export function figuresOfTurns(options: ScaleOptions, task: 'series' | 'windows', turns: Turns): Figure[] {
  const { httpNodes, seriesNodes } = options;
  const what =
    task === 'series'
      ? `series of ${seriesNodes} nodes for the day, of ${httpNodes} for an hour`
      : 'all nodes';
  return [
    figure(`archive_${task}_turns`, turns.turns, 'turns', `of the ${TURNS_PER_DAY} of a day; ${what}`),
    figure(
      `archive_${task}_cpu_seconds_most`,
      turns.mostCpuSeconds,
      's',
      `of one turn, of 30; ${turns.bill.cpuSeconds.toFixed(0)} in all; ${OF_WORKERD}`,
    ),
    figure(`archive_${task}_rows_read`, turns.bill.read, 'rows', `${turns.bill.written} written`),
  ];
}

export function figuresOfArchive(options: ScaleOptions, truth: Truth, archive: Archive): Figure[] {
  const total = dayTotal(truth);
  const off = (sum: bigint) => Math.abs(Number(sum - total));
  return [
    figure(
      'archive_difference_millijoules',
      off(archive.energyMillijoules) + off(archive.jobMillijoules),
      'mJ',
      `target 0; of devices and of jobs, read by DuckDB from ${archive.shards} shards, ${archive.nodes} nodes`,
    ),
    figure(
      'archive_difference_watts',
      Math.abs(Number(archive.watts - wattsTold(options))),
      'W',
      'target 0; sum of all samples',
    ),
    figure('archive_files', archive.files, 'files', `${archive.bytes} bytes`),
    figure('archive_largest_bytes', archive.largestBytes, 'bytes', 'target 8388608'),
  ];
}

/** Sum of all samples of the day. */
function wattsTold(options: ScaleOptions): bigint {
  const ofKind = new Map<number, number>();
  const wattsOf = (kind: number) => {
    const known = ofKind.get(kind) ?? samplesOf(kind).reduce((sum, watts) => sum + watts, 0);
    ofKind.set(kind, known);
    return known;
  };
  let watts = 0n;
  const { httpNodes, seriesNodes } = options;
  for (let node = 0; node < httpNodes + seriesNodes; node++) {
    const first = (hasSeries(node, options) ? firstHourOf(options) : LAST_HOUR) * WINDOWS_PER_HOUR;
    for (let window = first; window < (HOURS * HOUR_MS) / WINDOW_MS; window++)
      for (let device = 0; device < DEVICES; device++)
        watts += BigInt(wattsOf(seriesKindOf(node, window, device)));
  }
  return watts;
}

const OF_WORKERD = 'CPU of workerd: the Worker and its databases';

const figure = (name: string, value: number, unit: string, note: string): Figure => ({
  name: `scale.${name}`,
  value,
  unit,
  note,
});

const mostTables = ({ writtenTo }: Bill) =>
  Object.entries(writtenTo)
    .sort(([, a], [, b]) => b - a)
    .slice(0, 5)
    .map(([table, rows]) => `${table} ${rows}`)
    .join(', ');
