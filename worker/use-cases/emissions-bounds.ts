/** How much one answer may ask for: each bound is told with its way out. */
import { type GroupKey, PLACE_KEYS } from '../../shared/emissions/join.ts';
import type { TimeSpan } from '../../shared/emissions/presence.ts';
import { type Step, stepEdges } from '../../shared/emissions/time-steps.ts';
import { DAY_MS, HOUR_MS } from '../../shared/time/window.ts';
import { fail } from '../http/problem.ts';
import type { HourCounts } from './rollup/plan.ts';

/** A few seconds of work: 64 nodes of a dozen devices for a month, one for five years. */
export const MAX_NODE_HOURS = 50_000;
/** Some ten seconds of work: 10,000 nodes for 40 days, 1,000 for a year. */
const MAX_NODE_DAYS = 400_000;
/** Some twenty seconds: a year of three sites with four GPU models each in eight databases. */
const MAX_HOUR_SUMS = 1_000_000;
/** Likewise of sums by label: 1,000 projects for a year in one database. */
const MAX_LABEL_PIECES = 400_000;
/** Hour by hour a day is so many times as long. */
const HOURLY_WEIGHT = 8;
const MAX_WINDOW_STEP_DAYS = 7;
/** Steps of totals and groups together: about 15 MB of answer. */
const MAX_STEPS = 20_000;

/** Whether groups are places or hardware, of which there are no more than nodes. */
export const isPlaceKey = (key: GroupKey) => PLACE_KEYS.some((each) => each === key);

/** @param reads by the spans of the range that are read node by node, the nodes */
export function checkRange(
  { step, groupBy }: { readonly step: Step; readonly groupBy?: GroupKey | undefined },
  { fromMs, toMs }: TimeSpan,
  reads: ReadonlyMap<readonly TimeSpan[], readonly unknown[]>,
) {
  let nodeCount = 0;
  let nodeHours = 0;
  for (const [spans, nodes] of reads) {
    const hours = spans.reduce((sum, span) => sum + Math.ceil((span.toMs - span.fromMs) / HOUR_MS), 0);
    nodeCount += nodes.length;
    nodeHours += nodes.length * hours;
  }
  if (nodeHours > MAX_NODE_HOURS) {
    const hours = Math.ceil(nodeHours / nodeCount);
    const most = Math.floor(MAX_NODE_HOURS / nodeCount);
    return fail(
      'range_too_long',
      `That is ${nodeCount} nodes over ${hours} hours; one answer covers at most ${MAX_NODE_HOURS} node-hours that are not summed yet. Ask for at most ${most} hours at once, or narrow \`filter\`.`,
      'from',
    );
  }
  if (step === 'window' && toMs - fromMs > MAX_WINDOW_STEP_DAYS * DAY_MS) {
    return fail(
      'range_too_long',
      `step=window covers at most ${MAX_WINDOW_STEP_DAYS} days; ask for a shorter range or step=hour.`,
      'step',
    );
  }
  // How many places and jobs there are shows when they are read.
  const groups = groupBy === 'node' ? nodeCount : 0;
  return checkSteps(stepEdges(step, fromMs, toMs).length - 1, 1 + groups);
}

/**
 * Of an answer that must lack nothing, and hold nothing of later.
 * @param counts of each database
 * @param areTooMany of its hours are to be joined
 */
export function checkKnown(counts: readonly HourCounts[], nodeCount: number, areTooMany: boolean) {
  const most = (key: keyof HourCounts) => Math.max(0, ...counts.map((own) => own[key]));
  const gone = most('hoursGone');
  // To ask again would not help.
  if (gone > 0)
    return fail(
      'range_too_long',
      `${gone} hours of that time changed since then, had not settled or are asked for in part, and what they were was deleted, as the spans of keeping say. Ask for whole hours that had settled; a figure that was frozen stands.`,
    );
  const changed = most('hoursChanged');
  const waiting = most(areTooMany ? 'hoursMarked' : 'hoursWaiting');
  if (areTooMany && changed * nodeCount > MAX_NODE_HOURS)
    return fail(
      'range_too_long',
      `${changed} hours of ${nodeCount} nodes changed since then or had not settled; one answer as of then joins at most ${MAX_NODE_HOURS} node-hours of these. End at \`settledUntil\`, or narrow \`filter\`; a figure that was frozen stands.`,
    );
  if (waiting === 0) return null;
  return fail(
    'overloaded',
    `${waiting} hours of that time changed, or were summed by another version, and are being summed again; ask again in some minutes.`,
  );
}

/** @param hourSums hours of sites and GPU models that are read from sums of the fleet, in all databases */
export function checkHourSums(hourSums: number, field: 'from' | 'accounting') {
  if (hourSums <= MAX_HOUR_SUMS) return null;
  return fail(
    'range_too_long',
    field === 'from'
      ? `That is ${hourSums} sums of hours (each of a database, a site and a GPU model); one answer reads at most ${MAX_HOUR_SUMS}. Ask for a shorter range, or narrow \`filter\` by site or gpuModel.`
      : `The supply contracts of this time are spread over ${hourSums} sums of hours (each of a database, a site and a GPU model); market accounting reads at most ${MAX_HOUR_SUMS}. Enter contracts of shorter vintages, or ask for accounting=location.`,
    field,
  );
}

/** @param nodeCount of nodes whose days are read from their sums */
export function checkNodeDays(step: Step, { fromMs, toMs }: TimeSpan, nodeCount: number) {
  const days = Math.ceil((toMs - fromMs) / DAY_MS);
  const most = step === 'hour' ? MAX_NODE_DAYS / HOURLY_WEIGHT : MAX_NODE_DAYS;
  if (nodeCount * days <= most) return null;
  return fail(
    'range_too_long',
    `That is ${nodeCount} nodes over ${days} days; by node, label or job one answer covers at most ${most} node-days${step === 'hour' ? ' with step=hour' : ''}. Ask for at most ${Math.floor(most / nodeCount)} days at once, or narrow \`filter\`.`,
    'from',
  );
}

/** @param pieces days and hours of jobs, projects, users or phases that were read from their sums */
export function checkLabelPieces(pieces: number) {
  if (pieces <= MAX_LABEL_PIECES) return null;
  return fail(
    'range_too_long',
    `That is more than ${MAX_LABEL_PIECES} days (with step=hour hours) of jobs, projects, users or phases; ask for a shorter range, or narrow \`filter\` by site.`,
    'from',
  );
}

export function checkSteps(steps: number, rows: number) {
  if (steps * rows <= MAX_STEPS) return null;
  return fail(
    'range_too_long',
    `That may be ${steps * rows} steps over all groups, more than ${MAX_STEPS}; ask for a shorter range, a longer step or no groupBy.`,
    'step',
  );
}
