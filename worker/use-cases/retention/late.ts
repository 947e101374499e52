/**
 * Hours that changed after their turn: a backlog older than the hot span, a release from quarantine. Each such change is
 * in `ledger_revisions`, in order; those that have not been touched since for as long as seals a window are tidied here.
 */
import { DAY_MS } from '../../../shared/time/window.ts';
import { type Written, writeParts } from '../../storage/archive.ts';
import type { BlockDay } from '../../storage/day-files.ts';
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
/** Hours of which one step holds the series: up to 100 kB each. */
const STEP_HOURS = 96;

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
    const { places, lastId } = firstGroup(
      changes,
      ({ key }) => isPast(tasks.series, key) || isPast(tasks.windows, key),
      // Files of windows are written anew with some forty calls; a turn that has all else to do leaves room for three of them.
      ({ key }) => (isInArchive(tasks, key) ? retention.settings.packNodes : 1),
      retention.settings.packNodes,
    );
    const done: Tidied[] = [];
    for (const hours of places) done.push(await tidy(retention, tasks, hours, unchangedSinceMs));
    // Two blocks of windows are one of these.
    const toFile = new Map(
      done.flatMap(({ toFile: of }) => (of === null ? [] : [[`${of.day} ${of.block}`, of] as const])),
    );
    for (const of of toFile.values()) done.push({ ...(await fileDays(db, of)), toFile: null });
    const to = { day: late.day, position: lastId, hours: places.flat().length, ...sum(done) };
    const moved = await moveTask(
      db,
      late,
      to,
      done.flatMap(({ statements }) => statements),
    );
    if (moved === null) return false;
    late = moved;
  }
  return false;
}

interface Group {
  /** Each of one day and one block of nodes; none where all that was looked at still has its turn before it. */
  readonly places: readonly (readonly LateHour[])[];
  /** The changes up to this one are done with the group. */
  readonly lastId: number;
}

/** Nodes that come back together tell of many days at once: as many changes as are of a few days and blocks. */
function firstGroup(
  changes: readonly LateHour[],
  hadItsTurn: (hour: LateHour) => boolean,
  costOf: (hour: LateHour) => number,
  mostCost: number,
): Group {
  const places = new Map<string, LateHour[]>();
  const keys = new Set<number>();
  let lastId = 0;
  let cost = 0;
  for (const change of changes) {
    if (hadItsTurn(change)) {
      const place = placeOf(change);
      if (!places.has(place)) cost += costOf(change);
      if (places.size > 0 && cost > mostCost) break;
      if (!keys.has(change.key) && keys.size === STEP_HOURS) break;
      keys.add(change.key);
      places.set(place, [...(places.get(place) ?? []), change]);
    }
    lastId = change.id;
  }
  return { places: [...places.values()], lastId };
}

interface Tidied extends Written {
  readonly statements: readonly D1PreparedStatement[];
  /** The file that is to be written anew with what was tidied. */
  readonly toFile: BlockDay | null;
}

/** Whether files of its windows are to be written anew. They are made from the database: not where hours of the day have left. */
const isInArchive = (tasks: TasksBefore, key: number): boolean =>
  isPast(tasks.windows, key) && !isPast(tasks.hours, key);

/** @param hours at least one, of one day and one block of nodes */
async function tidy(
  { db, bucket, settings, nowMs }: Retention,
  tasks: TasksBefore,
  hours: readonly LateHour[],
  unchangedSinceMs: number,
): Promise<Tidied> {
  const first = hours[0]!;
  const block = blockIn(first);
  const written: Written[] = [];
  if (bucket !== null && hours.some(({ key }) => isInArchive(tasks, key)))
    written.push(await writeParts(bucket, (await windowParts(db, block)).parts));
  const keys = new Set(hours.filter(({ key }) => isPast(tasks.series, key)).map(({ key }) => key));
  const spans = [...keys].sort((a, b) => a - b).map((key) => ({ first: key, end: key + 1 }));
  if (spans.length === 0) return { ...sum(written), statements: [], toFile: null };
  const isCut = (key: number) => bucket === null && isPast(tasks.checks, key);
  // Before the series are read: an hour that gets another one meanwhile has another version, and keeps its row.
  const { statements } = await packHours(db, spans, unchangedSinceMs, isCut);
  if (bucket !== null && staysInArchive(block.day, settings.archivedSeriesDays, nowMs)) {
    const files = await seriesFiles(db, block.nodes, spans, unchangedSinceMs);
    // Beside the files of the day, and of a run that broke off, which hold what left before.
    const name = `${lateName(block)}${first.id}-${hours.at(-1)!.id}`;
    written.push(await writeParts(bucket, numbered('series', block, name, files)));
  }
  if (bucket === null || !hours.some(({ key }) => isPast(tasks.days, key)))
    return { ...sum(written), statements, toFile: null };
  // Into the rows of their days first: what breaks off then is in them, and this group is looked at again.
  if (statements.length > 0) await db.batch([...statements]);
  return { ...sum(written), statements: [], toFile: blockDayOf(block.nodes.first, block.day) };
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
