/**
 * One row per window against one row per node and hour, on local workerd and D1: rows written as D1 counts them, bytes of
 * the database, and time as a ratio. The decision that it led to: docs/decisions/0001-node-hours.md.
 */
import { Miniflare } from 'miniflare';
import type { Figure } from '../figures.ts';
import {
  day,
  emptyHour,
  HOURS,
  hourAfter,
  type MinuteReport,
  REPORTS_PER_WINDOW,
  WINDOWS,
  windowBytes,
} from './workload.ts';

const REPORTS = HOURS * WINDOWS * REPORTS_PER_WINDOW;

interface Counts {
  readonly rowsWritten: number;
  /** To keep an hour with its twelve windows after the windows left. */
  readonly packingRows: number;
}

interface Measured extends Counts {
  readonly milliseconds: number;
  readonly bytes: number;
}

type Database = Awaited<ReturnType<Miniflare['getD1Database']>>;

export async function rowLayout(): Promise<Figure[]> {
  const perWindow = await measure((db) => rowPerWindow(db, told('a row per window', day())));
  const perHour = await measure((db) => rowPerHour(db, told('a row per hour', day())));
  const bareWindow = await measure((db) => rowPerWindow(db, told('the same without series', bareDay())));
  const bareHour = await measure((db) => rowPerHour(db, told('and per hour', bareDay())));
  return [
    ...figures('window', perWindow),
    ...figures('hour', perHour),
    bytesWithoutSeries('window', bareWindow),
    bytesWithoutSeries('hour', bareHour),
    {
      name: 'layout.hour_vs_window_time',
      value: perHour.milliseconds / perWindow.milliseconds,
      unit: 'ratio',
      note: 'writes of one day, same run',
    },
  ];
}

function figures(layout: string, { rowsWritten, packingRows, bytes }: Measured): Figure[] {
  return [
    {
      name: `layout.${layout}.rows_per_report`,
      value: rowsWritten / REPORTS,
      unit: 'rows',
      note: 'reports every 60 s, final ones with their series',
    },
    {
      name: `layout.${layout}.rows_per_report_with_packing`,
      value: (rowsWritten + packingRows) / REPORTS,
      unit: 'rows',
      note: 'and an hour with its twelve windows kept for years',
    },
    {
      name: `layout.${layout}.bytes_per_node_day`,
      value: bytes,
      unit: 'bytes',
      note: 'growth of the database, series included',
    },
  ];
}

function bytesWithoutSeries(layout: string, { bytes }: Measured): Figure {
  return {
    name: `layout.${layout}.bytes_per_node_day_without_series`,
    value: bytes,
    unit: 'bytes',
    note: 'what is kept for years',
  };
}

function* bareDay(): Generator<MinuteReport> {
  for (const report of day()) yield { ...report, series: null };
}

/** Each report is a round trip or two: a run takes minutes. */
function* told(what: string, reports: Iterable<MinuteReport>): Generator<MinuteReport> {
  let done = 0;
  for (const report of reports) {
    if (done++ % 60 === 0) process.stderr.write(`\r  ${what}: report ${done} of ${REPORTS} `);
    yield report;
  }
  process.stderr.write('\n');
}

async function measure(write: (db: Database) => Promise<Counts>): Promise<Measured> {
  const miniflare = new Miniflare({
    modules: true,
    script: 'export default {}',
    compatibilityDate: '2026-07-01',
    cf: false,
    d1Databases: ['DB'],
  });
  try {
    const db = await miniflare.getD1Database('DB');
    await db
      .prepare(
        'CREATE TABLE windows (key INTEGER PRIMARY KEY, revision INTEGER NOT NULL, received_at_ms INTEGER NOT NULL, ledger BLOB NOT NULL, series BLOB)',
      )
      .run();
    const columns = Array.from({ length: WINDOWS }, (_, index) => `series${index} BLOB`).join(', ');
    await db
      .prepare(
        `CREATE TABLE hours (key INTEGER PRIMARY KEY, version INTEGER NOT NULL, received_at_ms INTEGER NOT NULL, ledger BLOB NOT NULL, ${columns})`,
      )
      .run();
    const before = await size(db);
    const startedAt = performance.now();
    const counts = await write(db);
    return { ...counts, milliseconds: performance.now() - startedAt, bytes: (await size(db)) - before };
  } finally {
    await miniflare.dispose();
  }
}

async function rowPerWindow(db: Database, reports: Iterable<MinuteReport>): Promise<Counts> {
  const statement = db.prepare(`
    INSERT INTO windows (key, revision, received_at_ms, ledger, series) VALUES (?1, ?2, ?3, unhex(?4), unhex(?5))
    ON CONFLICT (key) DO UPDATE SET revision = excluded.revision, received_at_ms = excluded.received_at_ms, ledger = excluded.ledger, series = COALESCE(series, excluded.series)
    WHERE excluded.revision > revision`);
  let rowsWritten = 0;
  for (const report of reports) {
    const key = report.hour * WINDOWS + report.window;
    const { meta } = await statement
      .bind(
        key,
        report.epoch.revision,
        0,
        hex(windowBytes(report)),
        report.series === null ? null : hex(report.series),
      )
      .run();
    rowsWritten += meta.rows_written;
  }
  // Per hour: twelve windows leave (a delete each) and their pack comes.
  return { rowsWritten, packingRows: HOURS * (WINDOWS + 1) };
}

async function rowPerHour(db: Database, reports: Iterable<MinuteReport>): Promise<Counts> {
  let rowsWritten = 0;
  let hour = -1;
  let ledger = emptyHour();
  for (const report of reports) {
    if (report.hour !== hour) {
      hour = report.hour;
      ledger = emptyHour();
    }
    // The read of the read-merge-write belongs to this layout's cost.
    await db.prepare('SELECT version, hex(ledger) FROM hours WHERE key = ?1').bind(hour).first();
    const merged = hourAfter(ledger, report);
    ledger = merged.ledger;
    const column = `series${report.window}`;
    const { meta } = await db
      .prepare(
        `INSERT INTO hours (key, version, received_at_ms, ledger, ${column}) VALUES (?1, 1, 0, unhex(?2), unhex(?3))
         ON CONFLICT (key) DO UPDATE SET version = version + 1, ledger = excluded.ledger, ${column} = COALESCE(${column}, excluded.${column})`,
      )
      .bind(hour, hex(merged.bytes), report.series === null ? null : hex(report.series))
      .run();
    rowsWritten += meta.rows_written;
  }
  return { rowsWritten, packingRows: 0 };
}

async function size(db: Database): Promise<number> {
  const { meta } = await db.prepare('SELECT 1').run();
  return meta.size_after;
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
