/** What rules would have fired over the last 30 days: folded over the ledger as it stands now, and kept nowhere. */
import type { ZoneWindow } from '../../../shared/alerts/condition.ts';
import { RuleFold } from '../../../shared/alerts/fold.ts';
import type { Span } from '../../../shared/alerts/machine.ts';
import { type AlertRule, isReplayable } from '../../../shared/alerts/rule.ts';
import { hardwareAsKnown } from '../../../shared/embodied/own-figures.ts';
import { Places } from '../../../shared/settings/place.ts';
import { DAY_MS, HOUR_MS, hourStart, WINDOW_MS } from '../../../shared/time/window.ts';
import { readFleet } from '../../storage/fleet.ts';
import { readAllSettings } from '../../storage/settings.ts';
import type { Shards } from '../../storage/shards.ts';
import { zonesInUse } from '../grid-zones-in-use.ts';
import { zoneWindows } from './fold-windows.ts';
import { gatherPast } from './gather.ts';
import { loadPastGridContext } from './grid-context.ts';
import { storedScope } from './parse-scope.ts';
import { needsHardware, watermarkOf } from './plan.ts';

const LONGEST_MS = 30 * DAY_MS;
/** One request reads and folds no more: seconds of work, and ten queries for the ledger. */
const MAX_NODE_HOURS = 20_000;
const MAX_RULE_HOURS = 40_000;

export interface PastAlert extends Span {
  /** Grid zone, or the whole scope. */
  readonly instance: string;
}

export interface Preview {
  /** Later than 30 days ago where the fleet or the set is too large for that. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly rules: readonly {
    readonly name: string;
    /** By time; null where only the present tells, or the rule is switched off. */
    readonly alerts: readonly PastAlert[] | null;
  }[];
}

export async function previewRules(
  shards: Shards,
  rules: readonly AlertRule[],
  reportEverySeconds: number,
  nowMs: number,
): Promise<Preview> {
  const [fleet, settings] = await Promise.all([shards.rows(readFleet), readAllSettings(shards)]);
  const told = rules.filter((rule) => rule.enabled && isReplayable(rule));
  const hours = Math.floor(
    Math.min(MAX_NODE_HOURS / Math.max(1, fleet.length), MAX_RULE_HOURS / Math.max(1, told.length)),
  );
  const toMs = hourStart(watermarkOf(nowMs, reportEverySeconds));
  const fromMs = toMs - Math.min(LONGEST_MS, hours * HOUR_MS);
  const folds = told.map((rule) => ({ rule, scope: storedScope(rule.filter), fold: new RuleFold(rule, {}) }));
  const scopes = [...new Map(folds.map(({ scope }) => [scope.text, scope])).values()];
  const withHardware = told.some(needsHardware);
  const past = { fromMs, toMs, scopes, withHardware };
  const windows = await gatherPast(shards, past, fleet, new Places(settings), hardwareAsKnown(settings));
  const gridZones = zonesInUse(settings, nowMs, nowMs - fromMs);
  const grid = await loadPastGridContext(shards.main, gridZones, past, settings);
  for (const [index, facts] of windows.entries()) {
    const startMs = fromMs + index * WINDOW_MS;
    const zonesOf = new Map<string, ReadonlyMap<string, ZoneWindow>>(
      scopes.map(({ text }) => [text, zoneWindows(startMs, facts, text, grid)]),
    );
    for (const { scope, fold } of folds) fold.addZones(startMs, zonesOf.get(scope.text)!);
  }
  const alertsOf = new Map(folds.map(({ rule, fold }) => [rule.name, alertsIn(fold)]));
  return { fromMs, toMs, rules: rules.map(({ name }) => ({ name, alerts: alertsOf.get(name) ?? null })) };
}

function alertsIn(fold: RuleFold): PastAlert[] {
  return [...fold.spans]
    .flatMap(([instance, spans]) => spans.map((span) => ({ instance, ...span })))
    .sort((a, b) => a.firedAtMs - b.firedAtMs);
}
