/**
 * One turn of the rollups: marks the hours that are over, and sums what is marked, the newest day first. Steps are small,
 * each commits whole or not at all, and each may be run twice; a run that is missed is made up for by the next.
 */
import { Footprints } from '../../../shared/embodied/footprint.ts';
import { hardwareAsKnown } from '../../../shared/embodied/own-figures.ts';
import { Places } from '../../../shared/settings/place.ts';
import { HOUR_MS, HOURS_PER_DAY } from '../../../shared/time/window.ts';
import { readFleet } from '../../storage/fleet.ts';
import { readLastNodeNumber } from '../../storage/retention-hours.ts';
import { followMain } from '../../storage/rollup-follow.ts';
import { BLOCK_NODES, blockOfNode, dayOf, hoursOf } from '../../storage/rollup-keys.ts';
import { finishLabels } from '../../storage/rollup-label-state.ts';
import { LATE_AFTER_MS } from '../../storage/rollup-marks.ts';
import {
  advanceRollups,
  beginAnew,
  beginRollups,
  markEachBlock,
  type NextMark,
  type RollupMark,
  type RollupState,
  readMarkedHours,
  readNextLabelMark,
  readNextMarks,
  readRollupState,
} from '../../storage/rollup-state.ts';
import { commitTaken, type TakenMarks } from '../../storage/rollup-sums.ts';
import { readAllSettings } from '../../storage/settings.ts';
import { localNode, Shards } from '../../storage/shards.ts';
import { FleetWords, followLabels } from './labels.ts';
import { sumsMadeWith } from './made-with.ts';
import { LIVE_NODES } from './plan.ts';
import type { SumContext } from './roll-nodes.ts';
import { sumBlocks } from './sum-blocks.ts';
import { sumDay } from './sum-day.ts';
import { sumLabels } from './sum-labels.ts';
import { sumPart } from './sum-part.ts';

/** Reports that were on their way when their hour was over are written by then. */
const CLOSES_AFTER_MS = LATE_AFTER_MS + 300_000;
/** How often hours that are not over are summed. */
const OPEN_EVERY_MS = 600_000;
/** Hours of blocks that one step reads, a thousand of nodes; it writes a few MB. */
const STEP_BLOCK_HOURS = 16;

/** Hours of nodes that are summed by label at once: each may have jobs of its own, of 2 kB each. */
const LABEL_NODE_HOURS = 8_192;
/** What the least of such steps takes of a turn: it has some twenty queries. */
const LEAST_LABEL_STEP = 1_024;

/** What an hour of blocks that is summed into its day takes of a run that sums in parts. */
const DAY_NODE_HOURS = 4;

/**
 * Hours of nodes that one turn sums. The free plan has 10 ms of CPU and 50 queries for it: less than a block, which is summed
 * in parts. The paid one has 1,000: a block of nodes takes two of them, a step eleven, a database ten.
 */
export const TURN_NODE_HOURS = { free: 10, paid: 16_384 };
const isInParts = (nodeHours: number): boolean => nodeHours < BLOCK_NODES;

/** What the databases of one turn share. */
export interface RollupTurn {
  /** Of the fleet, this database among them. */
  readonly shards: Shards;
  readonly words: FleetWords;
  /** Whether the run has queries for one step more; what is left is done in the next. */
  readonly mayStep: (of: 'blocks' | 'labels') => boolean;
}

/** @param turn default: of this database alone, with queries for all there is to do */
export async function runRollups(
  db: D1Database,
  nowMs: number,
  nodeHours: number,
  turn: Partial<RollupTurn> = {},
): Promise<void> {
  const { shards = new Shards([db]), words = new FleetWords(), mayStep = () => true } = turn;
  const { main } = shards;
  const state = (await readRollupState(db)) ?? (await beginRollups(db));
  if (state === null) return;
  const madeWith = await sumsMadeWith();
  if (state.madeWith !== madeWith) await beginAnew(db, madeWith, nowMs);
  if (main !== db) await followMain(db, main);
  const lastNode = await readLastNodeNumber(db);
  const inParts = isInParts(nodeHours);
  await advance(db, state, lastNode, nowMs, inParts);
  const budget = { left: nodeHours };
  try {
    await sumMarked(db, budget, { main, nowMs, inParts, mayStep });
  } finally {
    // What was just marked and summed need not wait for the next turn, nor for a day of long ago that cannot be read.
    const after = await readRollupState(db);
    if (after !== null) {
      await finish(db, after);
      const areKept = !inParts && localNode(lastNode) > BLOCK_NODES;
      // One step by label has room in every turn.
      if (await followLabels(db, shards, words, after, areKept, nowMs))
        await sumMarkedLabels(db, shards, Math.max(1, budget.left), mayStep);
    }
  }
}

/**
 * Marks the hours that are over; of a large fleet those that are not, too.
 * @param inParts there is no room for those then: answers read them node by node
 */
async function advance(
  db: D1Database,
  state: RollupState,
  lastNode: number,
  nowMs: number,
  inParts: boolean,
): Promise<void> {
  // First those that are marked: an answer counts on all before `doneHour`.
  if (state.markedHour > state.doneHour || state.nextOpenToMs !== null) return;
  const { doneHour, openToMs } = state;
  const closed = Math.floor((nowMs - CLOSES_AFTER_MS) / HOUR_MS);
  const markedHour = Math.max(doneHour, Math.min(closed, doneHour + HOURS_PER_DAY));
  const isOpenDue =
    !inParts &&
    localNode(lastNode) > LIVE_NODES &&
    markedHour === closed &&
    nowMs - (openToMs ?? 0) >= OPEN_EVERY_MS;
  if (markedHour === doneHour && !isOpenDue) return;
  const toHour = isOpenDue ? Math.floor(nowMs / HOUR_MS) + 1 : markedHour;
  // A block that is summed in parts notes with its mark how far it is.
  const blocks = inParts ? blockOfNode(lastNode) + 1 : 'range';
  const mark = { fromHour: doneHour, toHour, blocks } as const;
  await advanceRollups(
    db,
    state,
    { doneHour, markedHour, openToMs, nextOpenToMs: isOpenDue ? nowMs : null },
    mark,
  );
}

/** Once all that was marked is summed. */
async function finish(db: D1Database, state: RollupState): Promise<void> {
  const { doneHour, markedHour, openToMs, nextOpenToMs } = state;
  if (markedHour === doneHour && nextOpenToMs === null) return;
  const toHour = nextOpenToMs === null ? markedHour : Math.floor(nextOpenToMs / HOUR_MS) + 1;
  if ((await readMarkedHours(db, doneHour, toHour)).size > 0) return;
  await advanceRollups(db, state, {
    doneHour: markedHour,
    markedHour,
    openToMs: nextOpenToMs ?? openToMs,
    nextOpenToMs: null,
  });
}

/** Spent step by step; what a run that fails has left is still there. */
interface Budget {
  left: number;
}

interface SumMode extends Pick<RollupTurn, 'mayStep'> {
  readonly main: D1Database;
  readonly nowMs: number;
  readonly inParts: boolean;
}

async function sumMarked(
  db: D1Database,
  budget: Budget,
  { main, nowMs, inParts, mayStep }: SumMode,
): Promise<void> {
  const nodeHours = budget.left;
  let marks = await readNextMarks(db, LIMIT);
  let known: Known | null = null;
  while (budget.left > 0 && marks.length > 0 && mayStep('blocks')) {
    const [mark] = marks as [NextMark];
    // Read after the mark: what changes from now on marks its hours anew.
    if (known?.as !== mark.knownAs) known = await readKnown(db, main, mark.knownAs, nowMs);
    const { context, keptFromDay } = known;
    const { day, block } = mark;
    if (day < keptFromDay) {
      // What has left since it was marked is not there to be summed: what was, stays.
      await commitTaken(db, { marks: [mark], hours: hoursOf(day, mark.hours) }, []);
      budget.left -= BLOCK_NODES;
    } else if (block === 'sum') {
      const taken = {
        marks: [mark],
        hours: hoursOf(day, mark.hours).slice(0, inParts ? 1 : STEP_BLOCK_HOURS),
      };
      await sumDay(db, taken, !inParts);
      budget.left -= inParts ? DAY_NODE_HOURS : taken.hours.length * BLOCK_NODES;
    } else if (!inParts) {
      const most = Math.min(Math.floor(budget.left / BLOCK_NODES) || 1, STEP_BLOCK_HOURS);
      const { blocks, ...taken } =
        block === 'range' ? stepOfAll(mark, await countBlocks(db), most) : stepOfBlocks(marks, most);
      await sumBlocks(context, taken, blocks);
      budget.left -= taken.hours.length * blocks.length * BLOCK_NODES;
    } else if (block === 'range') {
      await markEachBlock(db, mark, await countBlocks(db));
    } else {
      // There are queries for one part, and what is left of the run for its day.
      if (budget.left < nodeHours) return;
      budget.left -= await sumPart(context, mark, budget.left);
    }
    marks = await readNextMarks(db, LIMIT);
  }
}

/** What steps sum with, as long as nothing of it changes. */
interface Known {
  readonly as: string;
  readonly context: SumContext;
  readonly keptFromDay: number;
}

async function readKnown(db: D1Database, main: D1Database, as: string, nowMs: number): Promise<Known> {
  const state = await readRollupState(db);
  const [fleet, settings] = await Promise.all([
    readFleet(db),
    readAllSettings(new Shards(main === db ? [db] : [main, db])),
  ]);
  const context = {
    db,
    fleet,
    places: new Places(settings),
    footprints: new Footprints(hardwareAsKnown(settings)),
    nowMs: state?.nextOpenToMs ?? nowMs,
  };
  return { as, context, keptFromDay: dayOf(state?.keptFromHour ?? 0) };
}

/**
 * A day of a node is decoded whole, which takes about as long as to sum an hour of it. Where its hours are in the bucket, one
 * step is enough for a turn: what a run may read there is for all databases.
 */
async function sumMarkedLabels(
  db: D1Database,
  shards: Shards,
  nodeHours: number,
  mayStep: RollupTurn['mayStep'],
): Promise<void> {
  let left = nodeHours;
  while (left > 0 && mayStep('labels')) {
    const mark = await readNextLabelMark(db);
    if (mark === null) return finishLabels(db);
    // After the mark: what another run has summed until then may be of nodes that were not there when this one began.
    const lastNode = await readLastNodeNumber(db);
    const most = Math.max(1, Math.floor(LABEL_NODE_HOURS / localNode(lastNode)));
    const taken = { marks: [mark], hours: hoursOf(mark.day, mark.hours).slice(0, most) };
    const isMoved = await sumLabels(db, shards, taken, blockOfNode(lastNode) + 1);
    left = isMoved ? 0 : left - Math.max(LEAST_LABEL_STEP, localNode(lastNode));
  }
}

/** Marks that are looked at at once. */
const LIMIT = 64;

/** After the mark was read: of nodes that enrolled since the run began as well. */
const countBlocks = async (db: D1Database) => blockOfNode(await readLastNodeNumber(db)) + 1;

interface Step extends TakenMarks {
  readonly blocks: readonly number[];
}

/** Blocks of which the same hours are marked, as many as the step may read. @param most hours of blocks */
function stepOfBlocks(marks: readonly RollupMark[], most: number): Step {
  const [first] = marks as [RollupMark];
  const alike = marks.filter(({ hours, block }) => hours === first.hours && typeof block === 'number');
  const hours = hoursOf(first.day, first.hours).slice(0, most);
  const taken = alike.slice(0, Math.max(1, Math.floor(most / hours.length)));
  return { marks: taken, hours, blocks: taken.map(({ block }) => Number(block)) };
}

/** All blocks of some hours, or, where they are too many, some of one hour: the rest in the steps after it. */
function stepOfAll(mark: RollupMark, count: number, most: number): Step {
  const { day, hours: bits, firstBlock } = mark;
  const blocks = Array.from({ length: count }, (_, block) => block);
  const hours = hoursOf(day, bits);
  if (firstBlock === 0 && count <= most)
    return { marks: [mark], hours: hours.slice(0, Math.floor(most / count)), blocks };
  const end = firstBlock + most;
  const nextBlock = end < count ? end : null;
  return { marks: [mark], hours: hours.slice(0, 1), blocks: blocks.slice(firstBlock, end), nextBlock };
}
