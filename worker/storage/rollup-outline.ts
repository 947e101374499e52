/** What an answer has to know of a database's sums before it reads any, in one query: a request of the free plan has fifty. */
import type { TimeSpan } from '../../shared/emissions/presence.ts';
import { HOUR_MS, HOURS_PER_DAY } from '../../shared/time/window.ts';
import { dayOf, dayOfBlockDayKey, hoursOf, MARKS_PER_DAY } from './rollup-keys.ts';
import { keysOfDays, type MarkedSums, type RollupState, STATE_COLUMNS } from './rollup-state.ts';
import { GROUPS_AS_JSON, parseGroups, type StoredGroup } from './rollup-sums.ts';

export interface RollupOutline {
  readonly state: RollupState;
  /** Number of the node that enrolled last; 0 without any. */
  readonly lastNode: number;
  readonly groups: readonly StoredGroup[];
  /** The oldest day since 1970 of which there are sums of nodes; null: of none yet. */
  readonly firstOwnerDay: number | null;
  /** Hours since 1970 that are marked within the span, and others of the same days. */
  readonly marked: Readonly<Record<MarkedSums, readonly number[]>>;
}

/** Of a day and all its blocks, of which there may be tens of thousands of marks: SQLite has no sum of bits. */
const ALL_HOURS = Array.from({ length: HOURS_PER_DAY }, (_, hour) => `MAX(hours & ${2 ** hour})`).join(' | ');
const MARKS = (day: string, first: string, end: string) => `
  (SELECT json_group_array(json_array(day, hours)) FROM (
    SELECT ${day} AS day, ${ALL_HOURS} AS hours FROM rollup_marks WHERE key >= ${first} AND key < ${end} GROUP BY 1))`;

const READ = `
  SELECT ${STATE_COLUMNS},
    COALESCE((SELECT MAX(number) FROM nodes), 0) AS lastNode,
    (SELECT MIN(key) FROM rollup_node_days) AS firstOwnerKey,
    ${GROUPS_AS_JSON} AS groups, 
    ${MARKS(`key / ${MARKS_PER_DAY}`, '?1', '?2')} AS ofNodes, ${MARKS('-1 - key', '?3', '?4')} AS ofLabels
  FROM rollup_state WHERE id = 1`;

type Row = RollupState &
  Pick<RollupOutline, 'lastNode'> &
  Readonly<Record<MarkedSums | 'groups', string>> & { readonly firstOwnerKey: number | null };

/** Null before the first start. */
export async function readRollupOutline(
  db: D1Database,
  { fromMs, toMs }: TimeSpan,
): Promise<RollupOutline | null> {
  const firstDay = dayOf(Math.floor(fromMs / HOUR_MS));
  const endDay = dayOf(Math.ceil(toMs / HOUR_MS) - 1) + 1;
  const bounds = (['ofNodes', 'ofLabels'] as const).flatMap((which) => keysOfDays(firstDay, endDay, which));
  const row = await db
    .prepare(READ)
    .bind(...bounds)
    .first<Row>();
  if (row === null) return null;
  const { lastNode, firstOwnerKey, groups, ofNodes, ofLabels, ...state } = row;
  return {
    state,
    lastNode,
    groups: parseGroups(groups),
    firstOwnerDay: firstOwnerKey === null ? null : dayOfBlockDayKey(firstOwnerKey),
    marked: { ofNodes: markedHours(ofNodes), ofLabels: markedHours(ofLabels) },
  };
}

const markedHours = (marks: string): number[] =>
  (JSON.parse(marks) as [number, number][]).flatMap(([day, bits]) => hoursOf(day, bits));
