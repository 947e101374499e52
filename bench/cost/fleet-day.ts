/** A day of a fleet, told to the real Worker, and all that becomes of it: what every statement wrote and read. */
import type { Plan } from '../../shared/pace/plans.ts';
import { retentionSettings } from '../../shared/settings/retention.ts';
import { NodeWindows } from '../load/node-windows.ts';
import { DAY_MINUTES, type Meter, MINUTE_MS, SimulatedFleet } from '../load/simulated-fleet.ts';
import { loadOf } from '../storage/storage.ts';

export interface FleetDay {
  readonly nodes: number;
  readonly reportEverySeconds: number;
  readonly plan: Plan;
}

export interface Bill {
  readonly reports: number;
  readonly rowsWritten: number;
  readonly rowsRead: number;
  /** Rows by table, of all that were written. */
  readonly writtenTo: ReadonlyMap<string, number>;
  /** The most that a run of each of the five turns of the cron asked of the database, then of summing hours and of alerts. */
  readonly mostQueries: readonly number[];
  /** What the archive holds of the day before anything of it is deleted. */
  readonly archivedBytes: number;
  readonly archivedSeriesBytes: number;
  readonly archivedFiles: number;
}

const TURNS = 5;
/** Reports are on their way, hours are summed: an hour and a half after the day. */
const AFTERWARDS_MINUTES = 90;
/** Of the five; the others have nothing to do with a day that is long over. */
const RETENTION_TURN = 1;
const RETENTION_TURNS = 40;

/**
 * Eight GPUs and the host, one job on each node, two zones of which a provider tells both bases and revises each hour once; then to
 * the end of the preset. What it brings of the days before is not counted, nor of the hours after.
 */
export async function fleetDay({ nodes, reportEverySeconds, plan }: FleetDay): Promise<Bill> {
  const fleet = await SimulatedFleet.start({
    nodes,
    windows: new NodeWindows(loadOf('mixed')),
    withSeries: true,
    hostSeries: true,
    plan,
    archive: plan === 'paid',
  });
  try {
    await fleet.provider(true);
    for (let minute = 0; minute < TURNS; minute++) {
      await fleet.setClock((minute - TURNS) * MINUTE_MS);
      await fleet.cron();
    }
    const before = await fleet.setClock(0);
    const perWindow = 300 / reportEverySeconds;
    let reports = 0;
    for (let minute = 0; minute < DAY_MINUTES + AFTERWARDS_MINUTES; minute++) {
      await fleet.setClock((minute + 1) * MINUTE_MS);
      if (minute % 60 === 0)
        process.stderr.write(
          `\r  ${nodes} nodes every ${reportEverySeconds} s, ${plan}: hour ${minute / 60} `,
        );
      if (minute === DAY_MINUTES) await fleet.provider(false);
      if (minute < DAY_MINUTES) {
        const share = ((minute % 5) + 1) / 5;
        if (Number.isInteger(share * perWindow))
          reports += await fleet.report(Math.floor(minute / 5), share, share * perWindow + 1);
      }
      await fleet.cron();
    }
    const archived = await leave(fleet, plan);
    const after = await fleet.setClock(0);
    process.stderr.write('\n');
    return {
      reports,
      rowsWritten: after.written - before.written,
      rowsRead: after.read - before.read,
      writtenTo: difference(after, before),
      mostQueries: after.mostInTurn,
      ...archived,
    };
  } finally {
    await fleet.stop();
  }
}

/** The day grows old: its series leave, it moves to the bucket, it is deleted. */
async function leave(fleet: SimulatedFleet, plan: Plan) {
  const { seriesDays, windowsDays, hoursDays, archivedSeriesDays } = retentionSettings({
    RETENTION_PLAN: plan,
  });
  await age(fleet, seriesDays);
  const series = (await fleet.archived()).get('series') ?? { files: 0, bytes: 0 };
  // At this age the series may leave the archive again.
  await age(fleet, windowsDays);
  const archive = new Map([...(await fleet.archived()), ['series', series] as const]);
  // In the end the bucket's objects: a database may be restored for a month.
  for (const days of [archivedSeriesDays!, hoursDays!, hoursDays! + 31]) await age(fleet, days);
  const all = [...archive.values()];
  return {
    archivedBytes: all.reduce((sum, { bytes }) => sum + bytes, 0),
    archivedSeriesBytes: series.bytes,
    archivedFiles: all.reduce((sum, { files }) => sum + files, 0),
  };
}

/** Turns in which the tasks that are due at this age come past the day. */
async function age(fleet: SimulatedFleet, days: number): Promise<void> {
  const today = days + 1;
  await fleet.passEmptyDays(today);
  for (let turn = 0; turn < RETENTION_TURNS; turn++) {
    // Odd minutes: in even ones the empty hours since would be summed, which belong to their own days.
    await fleet.setClock((today * DAY_MINUTES + turn * 2 * TURNS + RETENTION_TURN) * MINUTE_MS);
    await fleet.cron();
  }
}

function difference(after: Meter, before: Meter): ReadonlyMap<string, number> {
  return new Map(
    Object.entries(after.writtenTo)
      .map(([table, rows]) => [table, rows - (before.writtenTo[table] ?? 0)] as const)
      .filter(([, rows]) => rows > 0)
      .sort(([, a], [, b]) => b - a),
  );
}
