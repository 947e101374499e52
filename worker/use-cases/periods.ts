/**
 * Periods: an operator closes one, its figure is frozen, and what changes later appears as adjustments: beside the closed
 * figure at once, and booked, line by line, with the next period of the same scope that is closed.
 */
import {
  type Adjustment,
  adjustmentOf,
  isNothing,
  withAdjustments,
} from '../../shared/emissions/adjustment.ts';
import type { Figures } from '../../shared/emissions/figures.ts';
import { contractsTouching } from '../../shared/emissions/supply.ts';
import { LOOKBACK_MS } from '../../shared/grid/resolve.ts';
import { SETTLES_AFTER_MS, settledUntil } from '../../shared/ledger/settled.ts';
import type { SettingRow } from '../../shared/settings/effective.ts';
import { supplyContracts } from '../../shared/settings/supply-contracts.ts';
import { DAY_MS, HOUR_MS } from '../../shared/time/window.ts';
import { canonicalFilter } from '../http/filter.ts';
import { fail, ok, type Result } from '../http/problem.ts';
import { rangeProblem } from '../http/time-range.ts';
import {
  hasChangedElsewhere,
  type RecordedChange,
  readChangesSince,
  readChangesTouching,
  readLastChangeIds,
} from '../storage/changes.ts';
import { openDatabase } from '../storage/database.ts';
import {
  type BookedAdjustment,
  type ClosedPeriod,
  findPeriod,
  insertPeriod,
  MAX_PERIODS_PER_SCOPE,
  type PeriodScope,
  readPeriodsOf,
} from '../storage/periods.ts';
import { readRetentionTasks } from '../storage/retention-tasks.ts';
import { followMain } from '../storage/rollup-follow.ts';
import { readSettings } from '../storage/settings.ts';
import type { Shards } from '../storage/shards.ts';
import { type Emissions, emissions } from './emissions.ts';
import type { EmissionsQuery } from './emissions-query.ts';
import { factorVersions, sameFactors } from './factor-versions.ts';
import type { Recorder } from './sites.ts';

export interface PeriodRequest extends PeriodScope {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Each try loses only to another closing of the same scope, or to a change that was under way. */
const MAX_TRIES = 3;

/**
 * Closes it, or finds it closed already: closing twice changes nothing. Problems: `invalid_parameter`, `range_too_long`,
 * `period_not_over`, `period_overlaps`, `overloaded`.
 */
export async function closePeriod(
  shards: Shards,
  request: PeriodRequest,
  recorder: Recorder,
): Promise<Result<ClosedPeriod>> {
  const { nowMs } = recorder;
  const { fromMs, toMs } = request;
  const backwards = rangeProblem(fromMs, toMs);
  if (backwards !== null) return { ok: false, problem: backwards };
  const scope = canonicalScope(request);
  const settledMs = Math.ceil(toMs / HOUR_MS) * HOUR_MS + SETTLES_AFTER_MS;
  if (nowMs < settledMs) {
    return fail(
      'period_not_over',
      `A period can be closed once its last hour has settled: this one at ${new Date(settledMs).toISOString()}.`,
      '/to',
    );
  }
  for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
    const closed = await readPeriodsOf(shards.main, scope);
    const same = closed.find((period) => period.fromMs === fromMs && period.toMs === toMs);
    if (same !== undefined) return ok(same);
    const refused = refusal(closed, request) ?? (await lacksHours(shards, request));
    if (refused !== null) return refused;
    // Before the figure: a change that lands in between then counts as later, and is neither lost nor booked twice.
    const lastChangeIds = await readLastChangeIds(shards);
    const [lastChangeId = 0, ...lastChangeIdsElsewhere] = lastChangeIds;
    // What a change in shard 0 has the others sum again is marked there at their next turn, or now.
    await shards.each(async (db, shard) => (shard === 0 ? undefined : followMain(db, shards.main)));
    const laterBefore = await recordedLater(shards, request, nowMs);
    const figure = await figureOf(shards, { ...scope, fromMs, toMs }, nowMs, {
      ...LACKING_NOTHING,
      asOfMs: nowMs,
    });
    if (!figure.ok) return figure;
    const pending = await pendingAdjustments(shards, closed, nowMs, LACKING_NOTHING);
    if (!pending.ok) return pending;
    const period = {
      ...scope,
      fromMs,
      toMs,
      closedAtMs: nowMs,
      closedBy: recorder.by,
      why: recorder.why ?? null,
      lastChangeId,
      lastChangeIdsElsewhere,
      figure: figure.value.totals,
      versions: await factorVersions(shards.main, { fromMs, toMs, knownAtMs: nowMs }),
      adjustments: pending.value.adjustments,
    };
    // What was recorded under a later time while it was made may be in a sum that it was made from.
    if ((await recordedLater(shards, request, nowMs)) !== laterBefore) continue;
    // The log of shard 0 is looked at once more within the statement.
    if (await hasChangedElsewhere(shards, lastChangeIds, nowMs)) continue;
    const stored = await insertPeriod(shards.main, period, closed.at(-1)?.id ?? 0);
    if (stored !== null) return ok(stored);
  }
  return fail(
    'overloaded',
    'Periods of the same scope were being closed, or the past changed; close this one again.',
  );
}

function refusal(closed: readonly ClosedPeriod[], { fromMs, toMs }: PeriodRequest) {
  const overlapping = closed.find((period) => period.fromMs < toMs && period.toMs > fromMs);
  if (overlapping !== undefined) {
    const span = [overlapping.fromMs, overlapping.toMs].map((ms) => new Date(ms).toISOString()).join(' to ');
    return fail(
      'period_overlaps',
      `Period ${overlapping.id}, ${span}, is closed with the same filter, basis, signal and accounting.`,
      '/from',
    );
  }
  if (closed.length < MAX_PERIODS_PER_SCOPE) return null;
  return fail(
    'range_too_long',
    `One scope holds at most ${MAX_PERIODS_PER_SCOPE} periods; close longer ones.`,
  );
}

/** Sums tell what hours were that were deleted, whole ones. */
async function lacksHours(shards: Shards, { fromMs, toMs }: Pick<PeriodRequest, 'fromMs' | 'toMs'>) {
  const keptFromMs = await hoursKeptFromMs(shards);
  const isCut = [fromMs, toMs].some((ms) => ms < keptFromMs && ms % HOUR_MS !== 0);
  if (!isCut) return null;
  return fail('range_too_long', 'Hours of this time were deleted, as the spans of keeping say.', '/from');
}

/** A closed period with what is known of its time now. */
export interface PeriodNow {
  readonly period: ClosedPeriod;
  readonly now: Figures;
  /** `now` less the frozen figure. */
  readonly adjustment: Adjustment;
  /** Hours that changed and are counted in `now` as they were until they are summed again. */
  readonly hoursWaiting: number;
  /** Since it was closed, that touch its time; oldest first. */
  readonly changes: readonly RecordedChange[];
  /** Whether there are, or may be, more than `MAX_CHANGES_SHOWN` or than one look passes. */
  readonly moreChanges: boolean;
  /** Whether the factors of this software are other ones than the figure was made with. */
  readonly factorsChanged: boolean;
}

export const MAX_CHANGES_SHOWN = 100;

/** Problem: `not_found`. */
export async function periodNow(shards: Shards, id: number, nowMs: number): Promise<Result<PeriodNow>> {
  const period = await findPeriod(shards.main, id);
  if (period === null)
    return fail('not_found', `There is no period ${id}; GET /v1/periods lists them.`, 'id');
  if (period.fromMs < (await hoursKeptFromMs(shards)))
    return fail(
      'range_too_long',
      'Hours of this period were deleted, as the spans of keeping say: its figure stands as it was closed (GET /v1/periods), and what it would be now cannot be told.',
    );
  const now = await figureOf(shards, period, nowMs);
  if (!now.ok) return now;
  const { totals, hoursWaiting } = now.value;
  const since = await changesSince(shards, period, period, MAX_CHANGES_SHOWN + 1);
  return ok({
    period,
    now: totals,
    adjustment: adjustmentOf(period.figure, totals),
    hoursWaiting,
    changes: since.changes.slice(0, MAX_CHANGES_SHOWN),
    moreChanges: since.changes.length > MAX_CHANGES_SHOWN || !since.complete,
    factorsChanged: !(await sameFactors(period.versions)),
  });
}

/** The period that runs: from the end of the last one closed in its scope. */
export interface OpenPeriod extends PeriodRequest {
  /** Its own sum, without any adjustment. */
  readonly figure: Figures;
  readonly adjustments: readonly BookedAdjustment[];
  /** Until when the figure counts, where that is not now. */
  readonly rolledUpToMs: number | null;
  /** Hours that changed and are counted as they were, in the figure or an adjustment. */
  readonly hoursWaiting: number;
}

/** Problems: `invalid_parameter`, `range_too_long`, `not_found` where no period of the scope was closed yet. */
export async function openPeriod(
  shards: Shards,
  asked: PeriodScope,
  nowMs: number,
): Promise<Result<OpenPeriod>> {
  const scope = canonicalScope(asked);
  const closed = await readPeriodsOf(shards.main, scope);
  if (closed.length === 0) {
    return fail(
      'not_found',
      'No period was closed with this filter, basis, signal and accounting: none is open after it. POST /v1/periods closes one.',
    );
  }
  const fromMs = Math.max(...closed.map(({ toMs }) => toMs));
  const figure = await figureOf(shards, { ...scope, fromMs, toMs: nowMs }, nowMs);
  if (!figure.ok) return figure;
  const pending = await pendingAdjustments(shards, closed, nowMs);
  if (!pending.ok) return pending;
  const { totals, rolledUpToMs, hoursWaiting } = figure.value;
  return ok({
    ...scope,
    fromMs,
    toMs: nowMs,
    figure: totals,
    adjustments: pending.value.adjustments,
    rolledUpToMs,
    hoursWaiting: hoursWaiting + pending.value.hoursWaiting,
  });
}

interface Pending {
  readonly adjustments: readonly BookedAdjustment[];
  readonly hoursWaiting: number;
}

/** What has come to closed periods since the last closing, and is booked nowhere yet. */
async function pendingAdjustments(
  shards: Shards,
  closed: readonly ClosedPeriod[],
  nowMs: number,
  how: FigureMode = {},
): Promise<Result<Pending>> {
  // Every closing books what is pending of all periods closed before it.
  const last = closed.at(-1);
  if (last === undefined) return ok({ adjustments: [], hoursWaiting: 0 });
  const settings = await readSettings(openDatabase(shards.main));
  const adjustments: BookedAdjustment[] = [];
  let hoursWaiting = 0;
  const keptFromMs = await hoursKeptFromMs(shards);
  for (const period of closed) {
    // Of hours that were deleted no difference can be told: they would look as if all of it had been taken back.
    if (period.fromMs < keptFromMs) continue;
    if (!(await mayHaveMoved(shards, period, last, settings))) continue;
    const now = await figureOf(shards, period, nowMs, how);
    if (!now.ok) return now;
    const { totals } = now.value;
    hoursWaiting += now.value.hoursWaiting;
    const lines = closed
      .flatMap(({ adjustments }) => adjustments)
      .filter(({ periodId }) => periodId === period.id);
    const booked = withAdjustments(
      period.figure,
      lines.map(({ adjustment }) => adjustment),
    );
    const adjustment = adjustmentOf(booked, totals);
    if (isNothing(adjustment, totals)) continue;
    adjustments.push({ periodId: period.id, fromMs: period.fromMs, toMs: period.toMs, adjustment });
  }
  return ok({ adjustments, hoursWaiting });
}

/** Before it hours were deleted; the beginning of time where none ever was. */
async function hoursKeptFromMs(shards: Shards): Promise<number> {
  const kept = await shards.each(async (db) => {
    const deleted = (await readRetentionTasks(db))?.hours;
    return deleted === undefined || deleted.hours === 0 ? 0 : (deleted.day + 1) * DAY_MS;
  });
  return Math.max(...kept);
}

/**
 * Under market accounting a contract is spread over its vintage: a period moves with whatever is used within it, by now or by
 * a change.
 */
async function mayHaveMoved(
  shards: Shards,
  period: ClosedPeriod,
  last: ClosedPeriod,
  settings: readonly SettingRow[],
): Promise<boolean> {
  if (!(await sameFactors(last.versions))) return true;
  const { fromMs, toMs } = period;
  const contracts = period.accounting === 'market' ? supplyContracts(settings) : [];
  const before = period.accounting === 'market' ? supplyContracts(settings, last.closedAtMs) : [];
  // The log dates what is taken back from then on, and a new vintage by itself alone.
  if (JSON.stringify(contracts) !== JSON.stringify(before)) return true;
  const spread = contractsTouching(contracts, fromMs, toMs);
  if (spread.some((contract) => contract.toMs > settledUntil(last.closedAtMs))) return true;
  const reached = {
    fromMs: Math.min(fromMs, ...spread.map((contract) => contract.fromMs)),
    toMs: Math.max(toMs, ...spread.map((contract) => contract.toMs)),
  };
  const { changes, complete } = await changesSince(shards, reached, last, 1);
  return changes.length > 0 || !complete;
}

/** What touches the period and was recorded after `nowMs`, as a text to be compared. */
async function recordedLater(
  shards: Shards,
  { fromMs, toMs }: PeriodRequest,
  nowMs: number,
): Promise<string> {
  const changes = await shards.each(async (db) =>
    (await readChangesSince(db, nowMs))?.filter(
      (change) => (change.fromMs ?? fromMs) < toMs && (change.toMs ?? toMs) > fromMs,
    ),
  );
  return JSON.stringify(changes);
}

/** A value before the period may stand in for one within it, so changes of the days before touch it too. */
function changesSince(
  shards: Shards,
  { fromMs, toMs }: Pick<PeriodRequest, 'fromMs' | 'toMs'>,
  { lastChangeId, lastChangeIdsElsewhere }: ClosedPeriod,
  limit: number,
) {
  const afterIds = [lastChangeId, ...lastChangeIdsElsewhere];
  return readChangesTouching(shards, { afterIds, fromMs: fromMs - LOOKBACK_MS, toMs, limit });
}

type FigureMode = Pick<EmissionsQuery, 'asOfMs' | 'sumsAsKnown'>;

/** What is frozen or booked must not lack what is still to be summed: no closing after it would look for that. */
const LACKING_NOTHING: FigureMode = { sumsAsKnown: true };

function figureOf(
  shards: Shards,
  { fromMs, toMs, filter, basis, signal, accounting }: PeriodRequest,
  nowMs: number,
  how: FigureMode = {},
): Promise<Result<Emissions>> {
  const query = {
    nodeId: null,
    fromMs,
    toMs,
    step: 'none',
    filter,
    basis,
    signal,
    accounting,
    exactEnds: true,
    ...how,
  } as const;
  return emissions(shards, query, nowMs);
}

const canonicalScope = ({ filter, basis, signal, accounting }: PeriodScope): PeriodScope => ({
  filter: canonicalFilter(filter),
  basis,
  signal,
  accounting,
});
