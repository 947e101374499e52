import { and, asc, eq, gte, lt, type SQL, sql } from 'drizzle-orm';
import type { SettingRow } from '../../shared/settings/effective.ts';
import { changes } from '../schema/audit.ts';
import { settings } from '../schema/schema.ts';
import { type Database, openDatabase } from './database.ts';
import { everyNode, markSpan, nodesEverAt } from './rollup-marks.ts';
import type { Shards } from './shards.ts';

export interface RecordedSetting extends SettingRow {
  /** Token id of who set it. */
  readonly recordedBy: string;
}

const columns = {
  subject: settings.subject,
  key: settings.key,
  value: settings.value,
  effectiveFromMs: settings.effectiveFromMs,
  recordedAtMs: settings.recordedAtMs,
  recordedBy: settings.recordedBy,
};

/** Every setting that one database holds, in the order in which they were recorded. */
export async function readSettings(db: Database): Promise<RecordedSetting[]> {
  return db.select(columns).from(settings).orderBy(asc(settings.id)).all();
}

/** Every setting of every subject; those of one subject in the order in which they were recorded. */
export function readAllSettings(shards: Shards): Promise<RecordedSetting[]> {
  return shards.rows((db) => readSettings(openDatabase(db)));
}

/** All that is not of nodes, of which there are many, in the order in which they were recorded. Of shard 0: others hold none. */
export async function readSharedSettings(db: Database): Promise<RecordedSetting[]> {
  // By the index of subjects: in the order of ids as they stand, SQLite would read those of nodes too.
  const within = (bound: SQL) =>
    db.select({ id: settings.id, row: columns }).from(settings).where(bound).orderBy(sql`+${settings.id}`);
  const found = await db.batch([
    within(lt(settings.subject, 'node:')),
    within(gte(settings.subject, 'node;')),
  ]);
  return found
    .flat()
    .sort((a, b) => a.id - b.id)
    .map(({ row }) => row);
}

/** These, and what is of the nodes; those of one subject in the order in which they were recorded. */
export async function readSettingsOfNodes(
  shards: Shards,
  nodeNumbers: readonly number[],
): Promise<RecordedSetting[]> {
  const found = await Promise.all([
    readSharedSettings(openDatabase(shards.main)),
    shards.ofNodes(nodeNumbers, (own, numbers) =>
      readSettingsOfMany(
        openDatabase(own),
        numbers.map((number) => `node:${number}`),
      ),
    ),
  ]);
  return found.flat();
}

/** Settings of every site, in the order in which they were recorded; those of nodes are many, and left out. */
export async function readSiteSettings(db: Database): Promise<RecordedSetting[]> {
  return db
    .select(columns)
    .from(settings)
    .where(and(gte(settings.subject, 'site:'), lt(settings.subject, 'site;')))
    .orderBy(asc(settings.id))
    .all();
}

/** Settings of one subject, in the order in which they were recorded. */
export async function readSettingsOf(db: Database, subject: string): Promise<RecordedSetting[]> {
  return db
    .select(columns)
    .from(settings)
    .where(eq(settings.subject, subject))
    .orderBy(asc(settings.id))
    .all();
}

/** Settings of several subjects, in the order in which they were recorded. One bound value: D1 allows 100. */
export async function readSettingsOfMany(
  db: Database,
  subjects: readonly string[],
): Promise<RecordedSetting[]> {
  return db
    .select(columns)
    .from(settings)
    .where(sql`${settings.subject} IN (SELECT value FROM json_each(${JSON.stringify(subjects)}))`)
    .orderBy(asc(settings.id))
    .all();
}

/**
 * Statements that record settings and log the changes that they are, to be run in a batch with what they belong to: the
 * log first, since it looks up what held until then. What a setting touches ends where the next one begins.
 */
export function insertSettings(db: Database, rows: readonly RecordedSetting[], why: string | null = null) {
  return rows.flatMap((row) => [
    ...markFor(db, row),
    db.insert(changes).values({
      recordedAtMs: row.recordedAtMs,
      who: row.recordedBy,
      subject: publicSubject(row.subject),
      what: row.key,
      oldValue: sql`(SELECT ${asJson(row.key)} FROM settings WHERE subject = ${row.subject} AND key = ${row.key}
        AND effective_from_ms <= ${row.effectiveFromMs} ORDER BY effective_from_ms DESC, id DESC LIMIT 1)`,
      newValue: sql`(SELECT ${asJson(row.key)} FROM (SELECT ${row.value} AS value))`,
      effectiveFromMs: row.effectiveFromMs,
      effectiveToMs: sql`(SELECT MIN(effective_from_ms) FROM settings WHERE subject = ${row.subject}
        AND key = ${row.key} AND effective_from_ms > ${row.effectiveFromMs})`,
      why,
    }),
    db.insert(settings).values(row),
  ]);
}

/** Marks the hours whose sums a setting changes: what hardware accrues. What electricity is charged with is in no sum. */
export function markFor(
  db: Database,
  {
    subject,
    key,
    effectiveFromMs,
    recordedAtMs,
  }: Pick<RecordedSetting, 'subject' | 'key' | 'effectiveFromMs' | 'recordedAtMs'>,
) {
  const [kind, name = ''] = subject.split(/:(.*)/s);
  const since = { fromMs: effectiveFromMs, toMs: recordedAtMs };
  if (kind === 'site' && key === 'embodiedLifetimeYears') return [markSpan(db, nodesEverAt(name), since)];
  return kind === 'hardware' ? [markSpan(db, everyNode, since)] : [];
}

/** Nodes are known by their id outside. */
const publicSubject = (subject: string): SQL | string =>
  subject.startsWith('node:')
    ? sql`(SELECT 'node:' || id FROM nodes WHERE number = ${Number(subject.slice('node:'.length))})`
    : subject;

/** Numbers and orders of trust as such; an id of digits stays a text. */
const asJson = (key: string): SQL =>
  key === 'site'
    ? sql`json_quote(value)`
    : sql`CASE WHEN value = '' THEN NULL WHEN json_valid(value) THEN json(value) ELSE json_quote(value) END`;

/** Records settings that belong to nothing else, with the changes that they are. */
export async function addSettings(
  db: Database,
  rows: readonly RecordedSetting[],
  why: string | null,
): Promise<void> {
  const [first, ...rest] = insertSettings(db, rows, why);
  if (first !== undefined) await db.batch([first, ...rest]);
}
