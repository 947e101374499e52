/**
 * One turn of retention: archives what is old enough, then lets it go. Steps are small, each commits how far it came, and
 * each may be run twice: a file that is written again replaces itself, a series that has left leaves no second time.
 */
import { SEAL_AFTER_MS } from '../../../shared/ledger/seal.ts';
import { LABEL_TABLES } from '../../../shared/rollup/label-sums.ts';
import { DAY_MS, HOURS_PER_DAY } from '../../../shared/time/window.ts';
import { type Dataset, deleteParts, type Written, writeParts } from '../../storage/archive.ts';
import { Attic, withAttic } from '../../storage/attic.ts';
import { countFiledHours, forgetDayFile } from '../../storage/day-files.ts';
import { countDayHours, deleteDays } from '../../storage/node-days.ts';
import { countHours, deleteHours, readLastNodeNumber } from '../../storage/retention-hours.ts';
import {
  beginRetention,
  moveTask,
  type RetentionTask,
  readRetentionTasks,
} from '../../storage/retention-tasks.ts';
import { moveHours } from '../../storage/rollup-day-rows.ts';
import { BLOCK_NODES, blockOfNode, labelBlock } from '../../storage/rollup-keys.ts';
import { readSummedDay } from '../../storage/rollup-state.ts';
import { deleteBlocks } from '../../storage/rollup-sums.ts';
import { firstNodeOf, shardOfNode } from '../../storage/shards.ts';
import { seriesFiles } from './archive-series.ts';
import { windowParts } from './archive-windows.ts';
import {
  blockOf,
  type DayNodes,
  isPast,
  numbered,
  partName,
  type Retention,
  SERIES_NODES,
  spansOf,
  WINDOW_NODES,
} from './day-nodes.ts';
import { blockDayOf, fileDays } from './file-days.ts';
import { tidyLateHours } from './late.ts';
import { cutDays, packHours } from './pack-days.ts';
import { deleteReplacedSums } from './replaced-sums.ts';

/** Files are found by their day. */
const EVERY_NODE = 2 ** 40;
/** Where hours only go, a step is one statement over keys. */
const DROP_STEPS = 4;
/** A database can be restored to any minute of 30 days: what it names then must still be in the bucket. */
const RESTORABLE_DAYS = 31;

export async function runRetention(given: Retention): Promise<void> {
  const { bucket, settings, nowMs } = given;
  const retention = { ...given, db: withAttic(given.db, bucket && new Attic(bucket)) };
  const { db } = retention;
  const tasks = (await readRetentionTasks(db)) ?? (await beginRetention(db));
  if (tasks === null) return;
  const lastNode = await readLastNodeNumber(db);
  const today = Math.floor(nowMs / DAY_MS);
  const walk = { db, lastNode };
  const { packNodes, packSteps } = settings;
  const blockSteps = Math.ceil(settings.archiveSteps / 10);
  let { windows, series, checks, days } = tasks;
  if (bucket !== null)
    windows = await walkDays(
      { ...walk, size: WINDOW_NODES, steps: blockSteps },
      windows,
      today - settings.windowsDays,
      (block) => archiveWindows(db, bucket, block),
    );
  const unchangedSinceMs = nowMs - SEAL_AFTER_MS;
  if (bucket !== null || settings.withoutArchive !== 'nothing') {
    series = await walkDays(
      bucket === null
        ? { ...walk, size: packNodes, steps: packSteps }
        : { ...walk, ...seriesSteps(settings.archiveSteps) },
      series,
      today - settings.seriesDays,
      (block) =>
        letSeriesGo(db, bucket, block, unchangedSinceMs, (key) => bucket === null && isPast(checks, key)),
    );
    const old = Math.min(today - settings.windowsDays, series.day);
    // In the bucket a day costs next to nothing: it stays whole there.
    if (bucket === null)
      checks = await walkDays({ ...walk, size: packNodes, steps: packSteps }, checks, old, async (block) => ({
        files: 0,
        bytes: 0,
        ...(await cutDays(db, spansOf(block))),
      }));
    else
      days = await walkDays(
        { ...walk, size: BLOCK_NODES, steps: blockSteps },
        days,
        Math.min(old, windows.day),
        ({ day, nodes }) => fileDays(db, blockDayOf(nodes.first, day)),
      );
  }
  const summedDay = await readSummedDay(db);
  if (bucket !== null)
    await walkDays(
      { ...walk, size: BLOCK_NODES, steps: blockSteps },
      tasks.sums,
      Math.min(today - settings.windowsDays, summedDay),
      (block) => moveSums(db, block),
    );
  const caughtUp = await tidyLateHours(
    retention,
    { windows, series, checks, days, hours: tasks.hours },
    tasks.late,
    unchangedSinceMs,
  );
  const emptyFolders = (dataset: Dataset, from: RetentionTask, beforeDay: number) =>
    walkDays(
      { ...walk, size: EVERY_NODE, steps: settings.archiveSteps },
      from,
      beforeDay,
      async ({ day, nodes }) => ({
        files: await deleteParts(bucket!, dataset, day, shardOfNode(nodes.first)),
        bytes: 0,
        hours: 0,
        statements: [],
      }),
    );
  if (bucket !== null && settings.archivedSeriesDays !== null)
    await emptyFolders('series', tasks.files, Math.min(today - settings.archivedSeriesDays, series.day));
  if (bucket !== null && settings.hoursDays !== null)
    await emptyFolders(
      'days',
      tasks.dayFiles,
      Math.min(today - settings.hoursDays - RESTORABLE_DAYS, tasks.hours.day),
    );
  if (bucket !== null) await deleteReplacedSums(db, nowMs - RESTORABLE_DAYS * DAY_MS);
  if (settings.hoursDays === null || !caughtUp) return;
  if (bucket === null && settings.withoutArchive !== 'everything') return;
  const archivedDay = bucket === null ? series.day : days.day;
  await walkDays(
    { ...walk, size: BLOCK_NODES, steps: DROP_STEPS },
    tasks.hours,
    Math.min(today - settings.hoursDays, archivedDay, summedDay),
    (block) => letHoursGo(db, block, unchangedSinceMs),
  );
}

/** How far it is costs a row with each step, so some nodes go together: as many as the steps of a turn can be parted into. */
function seriesSteps(nodes: number): { readonly size: number; readonly steps: number } {
  const size = [4, 2, 1].find((each) => nodes % each === 0)!;
  return { size: size * SERIES_NODES, steps: nodes / size };
}

interface Step extends Written {
  readonly hours: number;
  readonly statements: readonly D1PreparedStatement[];
}

/** Day by day, and in each by number of node. @returns the task as it stands then */
async function walkDays(
  {
    db,
    lastNode,
    size,
    steps,
  }: { readonly db: D1Database; readonly lastNode: number; readonly size: number; readonly steps: number },
  from: RetentionTask,
  beforeDay: number,
  stepOf: (block: DayNodes) => Promise<Step>,
): Promise<RetentionTask> {
  const base = firstNodeOf(shardOfNode(lastNode));
  let task = from;
  for (let step = 0; step < steps && task.day < beforeDay; step++) {
    const { end } = blockOf(task.position, size);
    const nodes = { first: base + task.position, end: base + end };
    const { statements, ...done } = await stepOf({ day: task.day, nodes });
    const next =
      base + end > lastNode ? { day: task.day + 1, position: 0 } : { day: task.day, position: end };
    const moved = await moveTask(db, task, { ...next, ...done }, statements);
    // Another run is at it.
    if (moved === null) return task;
    task = moved;
  }
  return task;
}

async function archiveWindows(db: D1Database, bucket: R2Bucket, block: DayNodes): Promise<Step> {
  const { parts, hours } = await windowParts(db, block);
  return { ...(await writeParts(bucket, parts)), hours, statements: [] };
}

async function letSeriesGo(
  db: D1Database,
  bucket: R2Bucket | null,
  block: DayNodes,
  unchangedSinceMs: number,
  isCut: (hourKey: number) => boolean,
): Promise<Step> {
  if (bucket === null)
    return { files: 0, bytes: 0, ...(await packHours(db, spansOf(block), unchangedSinceMs, isCut)) };
  const step = { files: 0, bytes: 0, hours: 0, statements: [] as D1PreparedStatement[] };
  for (let first = block.nodes.first; first < block.nodes.end; first += SERIES_NODES) {
    const own = { day: block.day, nodes: { first, end: first + SERIES_NODES } };
    const spans = spansOf(own);
    // Before the series are read: an hour that gets another one meanwhile has another version, and keeps its row.
    const { hours, statements } = await packHours(db, spans, unchangedSinceMs, isCut);
    const files = await seriesFiles(db, own.nodes, spans, unchangedSinceMs);
    const written = await writeParts(bucket, numbered('series', own, partName(own), files));
    step.files += written.files;
    step.bytes += written.bytes;
    step.hours += hours;
    step.statements.push(...statements);
  }
  return step;
}

/** With the first nodes of a day goes what labels had over all of them. */
async function moveSums(db: D1Database, { day, nodes }: DayNodes): Promise<Step> {
  const block = blockOfNode(nodes.first);
  const blocks = block === 0 ? [block, ...LABEL_TABLES.map(labelBlock)] : [block];
  const step = { bytes: 0, hours: 0, statements: [] as D1PreparedStatement[] };
  for (const each of blocks) {
    const { bytes, statements } = await moveHours(db, day, each);
    step.bytes += bytes;
    step.statements.push(...statements);
  }
  return { ...step, files: step.statements.length };
}

async function letHoursGo(db: D1Database, block: DayNodes, unchangedSinceMs: number): Promise<Step> {
  const { day, nodes } = block;
  const spans = spansOf(block);
  const filed = blockDayOf(nodes.first, day);
  const hours =
    (await countHours(db, spans, unchangedSinceMs)) +
    (await countDayHours(db, nodes, day, unchangedSinceMs)) +
    (await countFiledHours(db, filed));
  const statements = [
    deleteHours(db, spans, unchangedSinceMs),
    deleteDays(db, nodes, day, unchangedSinceMs),
    forgetDayFile(db, filed),
    deleteBlocks(db, day * HOURS_PER_DAY),
  ];
  return { files: 0, bytes: 0, hours, statements };
}
