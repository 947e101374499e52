/**
 * What an answer about jobs takes from sums by label, where a database keeps them: rows read grow with time, labels, sites and GPU
 * models, not with nodes. Whole days by their sums; days that are cut hour by hour.
 */
import type { EmissionsJoin } from '../../../shared/emissions/join.ts';
import { IDLE, type JobKey, type Owner, UNATTRIBUTED } from '../../../shared/emissions/owners.ts';
import { LabelJoin } from '../../../shared/rollup/label-join.ts';
import { LABELS_VERSION, type LabelKey, type LabelSums } from '../../../shared/rollup/label-sums.ts';
import { QUARTER_MS } from '../../../shared/rollup/owner-sums.ts';
import { bookedWindows, partOfLabel } from '../../../shared/rollup/part-of-hour.ts';
import { DAY_MS, HOUR_MS, HOURS_PER_DAY, WINDOW_MS } from '../../../shared/time/window.ts';
import { readLabelDays, readLabelHours } from '../../storage/rollup-labels.ts';
import type { RollupOutline } from '../../storage/rollup-outline.ts';
import { localNode } from '../../storage/shards.ts';
import { groupsOf, type RolledDays, runsOfDays, storedDays } from './days.ts';
import { DIRECT_NODE_HOURS, planRolled, type RolledQuery } from './plan.ts';

export interface RolledLabels extends RolledDays {
  /** What jobs are labelled by. */
  readonly key: JobKey;
  /** Labels of jobs that are asked for, where nothing else is; null: all. */
  readonly values: ReadonlySet<string> | null;
}

/** Null: nothing is taken from sums by label. */
export async function planRolledLabels(
  query: RolledQuery,
  outline: RollupOutline,
  { key, values }: Pick<RolledLabels, 'key' | 'values'>,
): Promise<RolledLabels | null> {
  const { state, lastNode } = outline;
  if (state.labelsVersion !== LABELS_VERSION || state.areLabelsReady === 0) return null;
  const plan = await planRolled(query, outline, localNode(lastNode), DIRECT_NODE_HOURS, 'ofLabels');
  return plan && { ...plan, ...storedDays(outline), key, values, acceptsPlace: query.acceptsPlace };
}

export interface LabelPage {
  readonly pieces: number;
  readonly groups: number;
}

interface DayRecord extends LabelKey {
  readonly day: number;
  readonly pieces: readonly (readonly [startMs: number, sums: LabelSums])[];
}

/**
 * Adds what was taken to the join, and stops after each page of it.
 * @param know reads jobs before they are joined
 * @returns how many days or hours of labels the page held, and how many groups it may come to
 */
export async function* joinRolledLabels(
  db: D1Database,
  plan: RolledLabels,
  join: EmissionsJoin,
  know: (jobNumbers: readonly number[]) => Promise<void>,
): AsyncGenerator<LabelPage> {
  const groups = groupsOf(plan, join);
  const labels = new LabelJoin(join);
  const ofDay: DayRecord[] = [];
  /** Hour after hour: what all labels had of one before any has of the next. */
  const addDay = (records: readonly DayRecord[], slotMs: number) => {
    const cut = slotMs === WINDOW_MS ? cutter(records, plan) : null;
    const pieces = records.flatMap((record) => {
      const group = groups.get(record.group)!;
      const owner = ownerOf(record, plan.key, join);
      return record.pieces.map(([startMs, sums]) => ({ record, group, owner, startMs, sums }));
    });
    for (const { record, group, owner, startMs, sums } of pieces.sort((a, b) => a.startMs - b.startMs)) {
      if (!plan.acceptsPlace(group.placeAt(startMs))) continue;
      const asked = cut === null ? sums : cut(record, startMs, sums);
      if (asked !== null) labels.add(group, { startMs, slotMs }, owner, asked);
    }
  };
  for (const { isWhole, days } of runsOfDays(plan, groups, join)) {
    const slotMs = isWhole ? QUARTER_MS : WINDOW_MS;
    const isWanted = ({ group, kind, value }: LabelKey) =>
      groups.has(group) &&
      (plan.values === null || kind !== 'job' || (value !== null && plan.values.has(value)));
    for await (const page of isWhole
      ? wholeDays(db, plan, days, isWanted)
      : hoursOfDays(db, plan, days, isWanted)) {
      if (plan.key === 'job')
        await know(page.flatMap(({ value }) => (value === null ? [] : [Number(value)])));
      for (const record of page) {
        if (ofDay[0] !== undefined && ofDay[0].day !== record.day) addDay(ofDay.splice(0), slotMs);
        ofDay.push(record);
      }
      yield {
        pieces: page.reduce((sum, { pieces }) => sum + pieces.length, 0),
        groups: Math.max(join.groupCount, labels.owners),
      };
    }
    addDay(ofDay.splice(0), slotMs);
  }
  labels.flush();
}

/**
 * Cuts hours within which the range begins or ends.
 * @param records all of one day
 * @returns what the record has of the part of the hour; null: nothing
 */
function cutter(records: readonly DayRecord[], { partOf }: RolledLabels) {
  /** By hour and group: nodes themselves are metered where any label has anything. */
  const ofNodes = new Map<string, boolean[]>();
  const keyOf = ({ group }: DayRecord, startMs: number) => `${startMs} ${group}`;
  for (const record of records)
    for (const [startMs, sums] of record.pieces) {
      if (partOf(startMs / HOUR_MS) === null) continue;
      const key = keyOf(record, startMs);
      const booked = bookedWindows(sums);
      const known = ofNodes.get(key);
      ofNodes.set(key, known === undefined ? booked : known.map((each, i) => each || booked[i]!));
    }
  return (record: DayRecord, startMs: number, sums: LabelSums): LabelSums | null => {
    const part = partOf(startMs / HOUR_MS);
    return part === null ? sums : partOfLabel(sums, part, record.kind, ofNodes.get(keyOf(record, startMs))!);
  };
}

/** Null: of the nodes themselves. */
function ownerOf({ kind, value }: LabelKey, key: JobKey, join: EmissionsJoin): Owner | null {
  switch (kind) {
    case 'nodes':
      return null;
    case 'idle':
      return IDLE;
    case 'unattributed':
      return UNATTRIBUTED;
    case 'job':
      if (key === 'job') return join.ownerOf!(Number(value));
      return join.ownerOfFacts!({ number: -1, id: '', project: null, user: null, phase: null, [key]: value });
  }
}

async function* wholeDays(
  db: D1Database,
  { key }: RolledLabels,
  days: readonly number[],
  isWanted: (key: LabelKey) => boolean,
): AsyncGenerator<DayRecord[]> {
  for await (const page of readLabelDays(db, days, ['noJob', key], isWanted))
    yield page.map(({ sums, ...of }) => ({ ...of, pieces: [[of.day * DAY_MS, sums] as const] }));
}

async function* hoursOfDays(
  db: D1Database,
  { key, isTaken }: RolledLabels,
  days: readonly number[],
  isWanted: (key: LabelKey) => boolean,
): AsyncGenerator<DayRecord[]> {
  for await (const page of readLabelHours(db, days, ['noJob', key], isWanted))
    yield page.map(({ hours, ...of }) => ({
      ...of,
      pieces: [...hours].flatMap(([ofDay, sums]) => {
        const hour = of.day * HOURS_PER_DAY + ofDay;
        return isTaken(hour) ? [[hour * HOUR_MS, sums] as const] : [];
      }),
    }));
}
