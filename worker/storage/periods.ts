/** Closed periods. Rows are added once and never changed. */
import type { Adjustment } from '../../shared/emissions/adjustment.ts';
import type { Figures } from '../../shared/emissions/figures.ts';
import type { Basis, Signal } from '../../shared/grid/intensity.ts';

/** Periods of one scope answer one question, so they may follow each other but never overlap. */
export interface PeriodScope {
  /** In its canonical form; empty: the fleet. */
  readonly filter: string;
  readonly basis: Basis;
  readonly signal: Signal;
  readonly accounting: 'location' | 'market';
}

/** What had come to a closed period when the next one was closed. */
export interface BookedAdjustment {
  readonly periodId: number;
  readonly fromMs: number;
  readonly toMs: number;
  readonly adjustment: Adjustment;
}

/** What a figure was made from. */
export interface Versions {
  readonly software: string;
  /** SHA-256 of the hardware catalog and of the table of zones with their yearly averages. */
  readonly catalogSha256: string;
  readonly zonesSha256: string;
  /** Those of sites and zones that held at some time of the period. */
  readonly settings: readonly {
    readonly subject: string;
    readonly key: string;
    readonly value: string;
    readonly effectiveFromMs: number;
  }[];
}

export interface NewPeriod extends PeriodScope {
  readonly fromMs: number;
  readonly toMs: number;
  readonly closedAtMs: number;
  /** Token id. */
  readonly closedBy: string;
  readonly why: string | null;
  /** The last change of the log when its figure was made: later ones have come since, whatever their time. */
  readonly lastChangeId: number;
  /** The same of the logs of shards 1, 2 and so on. */
  readonly lastChangeIdsElsewhere: readonly number[];
  readonly figure: Figures;
  readonly versions: Versions;
  readonly adjustments: readonly BookedAdjustment[];
}

export interface ClosedPeriod extends NewPeriod {
  readonly id: number;
}

/** Twenty years of months; more are refused, since each closing looks at all of them. */
export const MAX_PERIODS_PER_SCOPE = 240;

const COLUMNS = `
  SELECT id, from_ms AS fromMs, to_ms AS toMs, filter, basis, signal, accounting, closed_at_ms AS closedAtMs,
         closed_by AS closedBy, why, last_change_id AS lastChangeId,
         last_change_ids_elsewhere AS lastChangeIdsElsewhere, figure, versions, adjustments
    FROM periods`;
const IN_SCOPE = 'filter = ?1 AND basis = ?2 AND signal = ?3 AND accounting = ?4';

type JsonColumn = 'figure' | 'versions' | 'adjustments' | 'lastChangeIdsElsewhere';
type PeriodRow = Omit<ClosedPeriod, JsonColumn> & Record<JsonColumn, string>;

/** Of one scope, in the order in which they were closed. */
export async function readPeriodsOf(db: D1Database, scope: PeriodScope): Promise<ClosedPeriod[]> {
  const { results } = await db
    .prepare(`${COLUMNS} WHERE ${IN_SCOPE} ORDER BY id LIMIT ${MAX_PERIODS_PER_SCOPE}`)
    .bind(...scopeValues(scope))
    .all<PeriodRow>();
  return results.map(toPeriod);
}

/** Newest first. */
export async function listPeriods(
  db: D1Database,
  page: { readonly limit: number; readonly beforeId: number | null },
): Promise<ClosedPeriod[]> {
  const { results } = await db
    .prepare(`${COLUMNS} WHERE id < ?1 ORDER BY id DESC LIMIT ?2`)
    .bind(page.beforeId ?? Number.MAX_SAFE_INTEGER, page.limit)
    .all<PeriodRow>();
  return results.map(toPeriod);
}

export async function findPeriod(db: D1Database, id: number): Promise<ClosedPeriod | null> {
  const row = await db.prepare(`${COLUMNS} WHERE id = ?1`).bind(id).first<PeriodRow>();
  return row === null ? null : toPeriod(row);
}

const CLOSE = `
  INSERT INTO periods (filter, basis, signal, accounting, from_ms, to_ms, closed_at_ms, closed_by, why, figure, versions,
                       adjustments, last_change_id, last_change_ids_elsewhere)
  SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?14, ?15
   WHERE (SELECT COALESCE(MAX(id), 0) FROM periods WHERE ${IN_SCOPE}) = ?13
     AND NOT EXISTS (SELECT 1 FROM changes WHERE id > ?14 AND recorded_at_ms <= ?7)
  RETURNING id`;

/**
 * Adds it where the last period of its scope is still `lastId` (0: none), so that no two closings book the same
 * adjustments, and where no change that its time knows of was recorded after its figure was made.
 * @returns null where another was closed, or such a change recorded, in between
 */
export async function insertPeriod(
  db: D1Database,
  period: NewPeriod,
  lastId: number,
): Promise<ClosedPeriod | null> {
  const row = await db
    .prepare(CLOSE)
    .bind(
      ...scopeValues(period),
      period.fromMs,
      period.toMs,
      period.closedAtMs,
      period.closedBy,
      period.why,
      JSON.stringify(period.figure),
      JSON.stringify(period.versions),
      JSON.stringify(period.adjustments),
      lastId,
      period.lastChangeId,
      JSON.stringify(period.lastChangeIdsElsewhere),
    )
    .first<{ id: number }>();
  return row === null ? null : { ...period, id: row.id };
}

const scopeValues = ({ filter, basis, signal, accounting }: PeriodScope) => [
  filter,
  basis,
  signal,
  accounting,
];

function toPeriod({
  figure,
  versions,
  adjustments,
  lastChangeIdsElsewhere,
  ...row
}: PeriodRow): ClosedPeriod {
  return {
    ...row,
    lastChangeIdsElsewhere: JSON.parse(lastChangeIdsElsewhere) as number[],
    figure: JSON.parse(figure) as Figures,
    versions: JSON.parse(versions) as Versions,
    adjustments: JSON.parse(adjustments) as BookedAdjustment[],
  };
}
