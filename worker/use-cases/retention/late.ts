/**
 * Hours that changed after their turn: a backlog older than the hot span, a release from quarantine. Each such change is
 * in `ledger_revisions`, in order; those that have not been touched since for as long as seals a window are tidied here.
 */
import { DAY_MS } from '../../../shared/time/window.ts';
import { type Written, writeParts } from '../../storage/archive.ts';
import { parseNodeHourKey } from '../../storage/node-hour-key.ts';
import { readLateHours } from '../../storage/retention-hours.ts';
import { moveTask, type RetentionTask, type RetentionTasks } from '../../storage/retention-tasks.ts';
import { seriesFiles } from './archive-series.ts';
import { windowParts } from './archive-windows.ts';
import {
  blockOf,
  type DayNodes,
  isPast,
  lateName,
  numbered,
  type Retention,
  WINDOW_NODES,
} from './day-nodes.ts';
import { blockDayOf, fileDays } from './file-days.ts';
import { packHours } from './pack-days.ts';

const STEPS = 3;
/** Changes that one step looks at. */
const STEP_CHANGES = 500;

/** How far those are whose work is made good here. */
type TasksBefore = Pick<RetentionTasks, 'windows' | 'series' | 'checks' | 'days' | 'hours'>;

interface LateHour {
  readonly id: number;
  readonly key: number;
}

/** @returns whether nothing waits any more */
export async function tidyLateHours(
  retention: Retention,
  tasks: TasksBefore,
  from: RetentionTask,
  unchangedSinceMs: number,
): Promise<boolean> {
  const { db } = retention;
  let late = from;
  for (let step = 0; step < STEPS; step++) {
    const changes = await readLateHours(db, late.position, unchangedSinceMs, STEP_CHANGES);
    if (changes.length === 0) return true;
    const group = firstGroup(changes, ({ key }) => isPast(tasks.series, key) || isPast(tasks.windows, key));
    const done = await tidy(retention, tasks, group, unchangedSinceMs);
    const moved = await moveTask(
      db,
      late,
      {
        day: late.day,
        position: group.lastId,
        hours: group.hours.length,
        files: done.files,
        bytes: done.bytes,
      },
      done.statements,
    );
    if (moved === null) return false;
    late = moved;
  }
  return false;
}

interface Group {
  /** Of one day and one block of nodes; empty where all that was looked at still has its turn before it. */
  readonly hours: readonly LateHour[];
  /** The changes up to this one are done with the group. */
  readonly lastId: number;
}

function firstGroup(changes: readonly LateHour[], hadItsTurn: (hour: LateHour) => boolean): Group {
  const hours: LateHour[] = [];
  let lastId = 0;
  for (const change of changes) {
    if (hadItsTurn(change)) {
      if (hours[0] !== undefined && placeOf(change) !== placeOf(hours[0])) break;
      hours.push(change);
    }
    lastId = change.id;
  }
  return { hours, lastId };
}

async function tidy(
  { db, bucket, settings, nowMs }: Retention,
  tasks: TasksBefore,
  { hours }: Group,
  unchangedSinceMs: number,
): Promise<Written & { readonly statements: readonly D1PreparedStatement[] }> {
  const [first] = hours;
  if (first === undefined) return { files: 0, bytes: 0, statements: [] };
  const block = blockIn(first);
  const written: Written[] = [];
  // Files of a day are made anew from the database: not where hours of it have left.
  const inArchive = hours.some(({ key }) => isPast(tasks.windows, key) && !isPast(tasks.hours, key));
  if (bucket !== null && inArchive)
    written.push(await writeParts(bucket, (await windowParts(db, block)).parts));
  const keys = new Set(hours.filter(({ key }) => isPast(tasks.series, key)).map(({ key }) => key));
  const spans = [...keys].sort((a, b) => a - b).map((key) => ({ first: key, end: key + 1 }));
  if (spans.length === 0) return { ...sum(written), statements: [] };
  if (bucket !== null && staysInArchive(block.day, settings.archivedSeriesDays, nowMs)) {
    const files = await seriesFiles(db, block.nodes, spans, unchangedSinceMs);
    // Beside the files of the day, which hold what left before.
    written.push(await writeParts(bucket, numbered('series', block, `${lateName(block)}${first.id}`, files)));
  }
  const isCut = (key: number) => bucket === null && isPast(tasks.checks, key);
  const { statements } = await packHours(db, spans, unchangedSinceMs, isCut);
  if (bucket === null || !hours.some(({ key }) => isPast(tasks.days, key)))
    return { ...sum(written), statements };
  // Into the rows of their days first: what breaks off then is in them, and this group is looked at again.
  if (statements.length > 0) await db.batch([...statements]);
  const filed = await fileDays(db, blockDayOf(block.nodes.first, block.day));
  return { ...sum([...written, filed]), statements: filed.statements };
}

/** Series of a day that are to be deleted, at the latest tomorrow, are not written: whoever deletes them comes by once. */
function staysInArchive(day: number, archivedSeriesDays: number | null, nowMs: number): boolean {
  return archivedSeriesDays === null || day > Math.floor(nowMs / DAY_MS) - archivedSeriesDays;
}

function blockIn({ key }: LateHour): DayNodes {
  const { nodeNumber, hourStartMs } = parseNodeHourKey(key);
  return { day: Math.floor(hourStartMs / DAY_MS), nodes: blockOf(nodeNumber, WINDOW_NODES) };
}

function placeOf(hour: LateHour): string {
  const { day, nodes } = blockIn(hour);
  return `${day} ${nodes.first}`;
}

const sum = (all: readonly Written[]): Written => ({
  files: all.reduce((total, { files }) => total + files, 0),
  bytes: all.reduce((total, { bytes }) => total + bytes, 0),
});
