/** What a fleet costs: counted on the real Worker, priced by prices.json without any allowance. */
import { readFileSync } from 'node:fs';
import type { Figure } from '../figures.ts';
import { type Bill, type FleetDay, fleetDay, GPUS } from './fleet-day.ts';

const PRICES = JSON.parse(readFileSync(new URL('prices.json', import.meta.url), 'utf8'));
const NODES = 50;
const HOURS = 24;
const DAYS_PER_MONTH = 365 / 12;
/** Hours of the `paid` preset are kept for ever; a bill needs an end. */
const YEARS_KEPT = 2;
const HOT_DAYS = { free: 2, paid: 10 };
/** Of one report in workerd, with routing and token check: 2.5 ms, measured on two shared cores on 2026-11-25. */
const CPU_MILLISECONDS_PER_REPORT = 2.5;
/** Series file of a node's day, as the archive writes it at full load. */
const ARCHIVE_BYTES_PER_NODE_DAY = 450_000;
const ARCHIVE_FILES_PER_NODE_DAY = 1 + 2 / 32;

export async function cost(): Promise<Figure[]> {
  const day = { nodes: NODES, hours: HOURS, withSeries: true };
  const fast: FleetDay = { ...day, reportEverySeconds: 60 };
  const slow: FleetDay = { ...day, reportEverySeconds: 300 };
  const bare: FleetDay = { nodes: 5, hours: HOURS, reportEverySeconds: 300, withSeries: false };
  const [of60, of300, ofBare] = [await fleetDay(fast), await fleetDay(slow), await fleetDay(bare)];
  const days = HOURS / 24;
  const hotBytes = of300.bytes / NODES / days;
  const hoursBytes = ofBare.bytes / bare.nodes / days;
  const kept = (hotDays: number) => hotDays * hotBytes + (YEARS_KEPT * 365 - hotDays) * hoursBytes;
  const paid60 = monthOf(of60, days, kept(HOT_DAYS.paid));
  const paid300 = monthOf(of300, days, kept(HOT_DAYS.paid));
  const free = freePlan(of300, days, kept(HOT_DAYS.free));
  const parts = Object.entries(paid60)
    .map(([part, usd]) => `${part} ${(usd * 10_000).toFixed(0)}`)
    .join(', ');
  return [
    figure(
      'cost.rows_written_per_report_60s',
      of60.rowsWritten / of60.reports,
      'rows',
      'target 1.06; restating and dropping series included',
    ),
    figure(
      'cost.rows_written_per_report_300s',
      of300.rowsWritten / of300.reports,
      'rows',
      `of them ${of300.rowsOfDropping} in all when series left`,
    ),
    figure(
      'cost.usd_per_node_month_60s',
      total(paid60),
      'USD',
      `target 0.075; prices of ${PRICES.readOn}, hours kept ${YEARS_KEPT} years`,
    ),
    figure('cost.usd_per_node_month_300s', total(paid300), 'USD', 'target 0.020'),
    figure('cost.usd_month_10000_nodes', total(paid60) * 10_000, 'USD', `at 60 s: ${parts}`),
    figure(
      'cost.free_plan_nodes',
      free.nodes,
      'nodes',
      `target 250; 300 s, one database; the least of ${free.note}`,
    ),
    figure(
      'storage.bytes_per_sample',
      of300.bytes / (NODES * days * GPUS * 86_400),
      'bytes',
      'everything in the database over samples of 8 GPUs at 1 Hz; seeded training load of ours',
    ),
    figure(
      'storage.bytes_per_node_year',
      365 * hoursBytes,
      'bytes',
      'hours with their windows and jobs, without series',
    ),
  ];
}

type Month = Readonly<Record<'rows' | 'requests' | 'cpu' | 'reads' | 'database' | 'archive', number>>;

/** US dollars per node and month, by part. */
function monthOf(bill: Bill, days: number, keptBytes: number): Month {
  const perMonth = (count: number) => (count / NODES / days) * DAYS_PER_MONTH;
  const { usd } = PRICES;
  const archivedBytes = ARCHIVE_BYTES_PER_NODE_DAY * 365 * YEARS_KEPT;
  return {
    rows: (perMonth(bill.rowsWritten) * usd.perMillionRowsWritten) / 1e6,
    requests: (perMonth(bill.reports) * usd.perMillionRequests) / 1e6,
    cpu: (perMonth(bill.reports) * CPU_MILLISECONDS_PER_REPORT * usd.perMillionCpuMilliseconds) / 1e6,
    reads: (perMonth(bill.rowsRead) * usd.perMillionRowsRead) / 1e6,
    database: (keptBytes / 1e9) * usd.perGigabyteMonthOfDatabase,
    archive:
      (archivedBytes / 1e9) * usd.perGigabyteMonthOfArchive +
      (ARCHIVE_FILES_PER_NODE_DAY * DAYS_PER_MONTH * usd.perMillionArchiveWrites) / 1e6,
  };
}

function freePlan(bill: Bill, days: number, keptBytes: number) {
  const { freePlan: plan } = PRICES;
  const perDay = (count: number) => count / NODES / days;
  const limits = {
    'rows written': plan.rowsWrittenPerDay / perDay(bill.rowsWritten),
    'rows read': plan.rowsReadPerDay / perDay(bill.rowsRead),
    // The cron trigger fires each minute.
    requests: (plan.requestsPerDay - 1_440) / perDay(bill.reports),
    bytes: plan.bytesPerDatabase / keptBytes,
  };
  const note = Object.entries(limits)
    .map(([limit, nodes]) => `${limit} ${Math.floor(nodes)}`)
    .join(', ');
  return { nodes: Math.floor(Math.min(...Object.values(limits))), note };
}

const total = (month: Month) => Object.values(month).reduce((sum, usd) => sum + usd, 0);

const figure = (name: string, value: number, unit: string, note: string): Figure => ({
  name,
  value,
  unit,
  note,
});
