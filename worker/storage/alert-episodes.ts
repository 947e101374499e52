/** Episodes as people see them, with every correction. */
import type { AlertFields } from '../../shared/alerts/notification.ts';
import type { Correction, Episode } from '../../shared/alerts/reconcile.ts';
import { jsonChunks } from './json-chunks.ts';

export interface EpisodeWrite {
  readonly episode: Episode;
  readonly ruleId: string;
  readonly ruleName: string;
  readonly severity: string;
  readonly kind: string;
  readonly scope: string;
  readonly instance: string;
  /** To be added to those recorded before. */
  readonly corrections: readonly Correction[];
  /** Null: what was told last stays. */
  readonly told: { readonly summary: string; readonly text: string; readonly fields: AlertFields } | null;
}

const WRITE = `
  INSERT INTO alert_episodes (id, rule_id, rule_name, severity, kind, scope, instance, start_ms, fired_at_ms, end_ms,
    resolved_at_ms, energy_millijoules, grams, withdrawn, silenced, notified, summary, text, fields, corrections)
  SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7,
    value ->> 8, value ->> 9, value ->> 10, value ->> 11, value ->> 12, value ->> 13, value ->> 14, value ->> 15,
    value ->> 16, value ->> 17, value -> 18, value -> 19
  FROM json_each(?1) WHERE true
  ON CONFLICT (id) DO UPDATE SET start_ms = excluded.start_ms, end_ms = excluded.end_ms,
    resolved_at_ms = excluded.resolved_at_ms, energy_millijoules = excluded.energy_millijoules, grams = excluded.grams,
    withdrawn = excluded.withdrawn, silenced = excluded.silenced, notified = excluded.notified,
    summary = CASE excluded.summary WHEN '' THEN summary ELSE excluded.summary END,
    text = CASE excluded.summary WHEN '' THEN text ELSE excluded.text END,
    fields = CASE excluded.summary WHEN '' THEN fields ELSE excluded.fields END,
    corrections = CASE excluded.corrections WHEN '[]' THEN corrections ELSE (
      SELECT json_group_array(json(value)) FROM (
        SELECT value FROM json_each(alert_episodes.corrections) UNION ALL
        SELECT value FROM json_each(excluded.corrections))) END`;

export function writeEpisodes(db: D1Database, writes: readonly EpisodeWrite[]): D1PreparedStatement[] {
  const rows = writes.map(({ episode, told, corrections, ...rule }) =>
    JSON.stringify([
      episode.id,
      rule.ruleId,
      rule.ruleName,
      rule.severity,
      rule.kind,
      rule.scope,
      rule.instance,
      episode.startMs,
      episode.firedAtMs,
      episode.endMs,
      episode.resolvedAtMs,
      episode.amounts.energyMillijoules,
      episode.amounts.grams,
      episode.withdrawn ? 1 : 0,
      episode.silenced ? 1 : 0,
      episode.firingSent ? 1 : 0,
      told?.summary ?? '',
      told?.text ?? '',
      told?.fields ?? {},
      corrections,
    ]),
  );
  return jsonChunks(rows).map((chunk) => db.prepare(WRITE).bind(chunk));
}

export interface StoredEpisode {
  readonly number: number;
  readonly id: string;
  readonly ruleId: string;
  readonly ruleName: string;
  readonly severity: string;
  readonly kind: string;
  readonly scope: string;
  readonly instance: string;
  readonly startMs: number;
  readonly firedAtMs: number;
  readonly endMs: number | null;
  readonly resolvedAtMs: number | null;
  readonly energyMillijoules: number;
  readonly grams: number;
  readonly withdrawn: boolean;
  readonly silenced: boolean;
  readonly notified: boolean;
  readonly summary: string;
  readonly text: string;
  readonly fields: AlertFields;
  readonly corrections: readonly Correction[];
}

const COLUMNS = `number, id, rule_id AS ruleId, rule_name AS ruleName, severity, kind, scope, instance, start_ms AS startMs,
  fired_at_ms AS firedAtMs, end_ms AS endMs, resolved_at_ms AS resolvedAtMs, energy_millijoules AS energyMillijoules,
  grams, withdrawn, silenced, notified, summary, text, fields, corrections`;

/** Each has an index of its own. */
const LISTS = {
  all: `SELECT ${COLUMNS} FROM alert_episodes WHERE number < ?1 ORDER BY number DESC LIMIT ?2`,
  open: `SELECT ${COLUMNS} FROM alert_episodes WHERE resolved_at_ms IS NULL AND number < ?1 ORDER BY number DESC LIMIT ?2`,
  rule: `SELECT ${COLUMNS} FROM alert_episodes WHERE rule_id = ?3 AND number < ?1 ORDER BY number DESC LIMIT ?2`,
  openOfRule: `SELECT ${COLUMNS} FROM alert_episodes INDEXED BY alert_episodes_open
    WHERE resolved_at_ms IS NULL AND rule_id = ?3 AND number < ?1 ORDER BY number DESC LIMIT ?2`,
} as const;

export interface EpisodeQuery {
  readonly limit: number;
  /** Null: from the newest. */
  readonly before: number | null;
  readonly openOnly: boolean;
  readonly ruleId: string | null;
}

/** Newest first. */
export async function listEpisodes(db: D1Database, query: EpisodeQuery): Promise<StoredEpisode[]> {
  const before = query.before ?? Number.MAX_SAFE_INTEGER;
  const statement =
    query.ruleId === null
      ? db.prepare(query.openOnly ? LISTS.open : LISTS.all).bind(before, query.limit)
      : db.prepare(query.openOnly ? LISTS.openOfRule : LISTS.rule).bind(before, query.limit, query.ruleId);
  const { results } = await statement.all<
    Omit<StoredEpisode, 'withdrawn' | 'silenced' | 'notified' | 'fields' | 'corrections'> & {
      withdrawn: number;
      silenced: number;
      notified: number;
      fields: string;
      corrections: string;
    }
  >();
  return results.map((row) => ({
    ...row,
    withdrawn: row.withdrawn === 1,
    silenced: row.silenced === 1,
    notified: row.notified === 1,
    fields: JSON.parse(row.fields),
    corrections: JSON.parse(row.corrections),
  }));
}

export interface FiringCount {
  readonly ruleName: string;
  readonly severity: string;
  readonly firing: number;
}

/** By the index of what is open; a rule that is switched off or gone ends what it had. */
const COUNT_FIRING = `
  SELECT rule.name AS ruleName, rule.rule ->> 'severity' AS severity, COALESCE(open.firing, 0) AS firing
  FROM alert_rules AS rule LEFT JOIN (
    SELECT rule_id, COUNT(*) AS firing FROM alert_episodes INDEXED BY alert_episodes_open
     WHERE resolved_at_ms IS NULL GROUP BY rule_id) AS open ON open.rule_id = rule.id
  WHERE rule.rule ->> 'enabled' ORDER BY rule.name`;

/** Of every rule that is switched on: at most a thousand. */
export async function countFiring(db: D1Database): Promise<FiringCount[]> {
  return (await db.prepare(COUNT_FIRING).all<FiringCount>()).results;
}
