/** Feeds stored and new windows to every rule, in order: one window of one scope is joined once, whoever asks for it. */
import type { ZoneWindow } from '../../../shared/alerts/condition.ts';
import { NO_ZONE, type WindowFacts } from '../../../shared/alerts/facts.ts';
import { amountsOf, RuleFold, type RuleState } from '../../../shared/alerts/fold.ts';
import { isReplayable } from '../../../shared/alerts/rule.ts';
import type { Scope } from '../../../shared/alerts/scope.ts';
import { HOUR_MS } from '../../../shared/time/window.ts';
import type { StoredState } from '../../storage/alert-states.ts';
import { readWindows, type StoredWindow } from '../../storage/alert-windows.ts';
import type { GridContext } from './grid-context.ts';
import type { Observations, Observed } from './observe.ts';

/** A rule that is evaluated. */
export interface LiveRule {
  readonly state: StoredState;
  readonly scope: Scope;
}

export interface FoldRequest {
  readonly live: readonly LiveRule[];
  /** Fold again from the checkpoint; else only what is new. */
  readonly refold: boolean;
  readonly checkpointMs: number;
  readonly headMs: number;
  /** Summed in this step, in order; those that end by the head stand in for what is stored. */
  readonly windows: readonly StoredWindow[];
  /** Where states are to be kept for the next checkpoint; null: not now. */
  readonly snapshotAtMs: number | null;
}

export interface FoldedRule extends LiveRule {
  readonly fold: RuleFold;
  /** As it stood at `snapshotAtMs`. */
  snapshot: RuleState | null;
  /** Of the newest window, by instance. */
  observed: ReadonlyMap<string, Observed>;
}

export interface Folded {
  readonly rules: readonly FoldedRule[];
  readonly newest: StoredWindow | null;
}

/** Four hours of a thousand scopes are some megabytes. */
const HOURS_AT_ONCE = 4;

export async function foldWindows(
  db: D1Database,
  request: FoldRequest,
  grid: GridContext,
  observations: Observations,
): Promise<Folded> {
  const rules: FoldedRule[] = request.live.map(({ state, scope }) => {
    const again = request.refold && isReplayable(state.rule);
    const fold = new RuleFold(state.rule, again ? state.checkpoint : state.head);
    return { state, scope, fold, snapshot: null, observed: new Map() };
  });
  let newest: StoredWindow | null = null;
  for await (const window of windowsOf(db, request)) {
    if (request.snapshotAtMs !== null && window.startMs >= request.snapshotAtMs)
      for (const rule of rules) rule.snapshot ??= rule.fold.state;
    addWindow(rules, window, request.headMs, grid, observations);
    newest = window;
  }
  return { rules, newest };
}

async function* windowsOf(db: D1Database, request: FoldRequest): AsyncGenerator<StoredWindow> {
  const { refold, checkpointMs, headMs } = request;
  const summed = new Map(request.windows.map((window) => [window.startMs, window]));
  if (refold) {
    for (let fromMs = checkpointMs; fromMs < headMs; fromMs += HOURS_AT_ONCE * HOUR_MS) {
      const stored = await readWindows(db, fromMs, Math.min(headMs, fromMs + HOURS_AT_ONCE * HOUR_MS));
      for (const window of stored) yield summed.get(window.startMs) ?? window;
    }
  }
  for (const window of request.windows) if (window.startMs >= headMs) yield window;
}

function addWindow(
  rules: readonly FoldedRule[],
  { startMs, facts }: StoredWindow,
  headMs: number,
  grid: GridContext,
  observations: Observations,
): void {
  const zonesOf = new Map<string, ReadonlyMap<string, ZoneWindow>>();
  for (const rule of rules) {
    const { state, scope, fold } = rule;
    if (startMs < state.sinceMs) continue;
    let zones = zonesOf.get(scope.text);
    if (zones === undefined) {
      zones = zoneWindows(startMs, facts, scope.text, grid);
      zonesOf.set(scope.text, zones);
    }
    if (isReplayable(state.rule)) fold.addZones(startMs, zones);
    else if (startMs >= headMs) {
      rule.observed = observations.of(state.rule, scope, startMs, facts);
      for (const instance of new Set([...Object.keys(fold.state), ...rule.observed.keys()])) {
        const window = zones.get(instance);
        const signal = rule.observed.get(instance)?.signal ?? 'unknown';
        fold.addObserved(instance, { startMs, signal, amounts: amountsOf(window ? [window] : []) });
      }
    }
  }
}

export function zoneWindows(
  startMs: number,
  facts: WindowFacts,
  scopeText: string,
  grid: GridContext,
): Map<string, ZoneWindow> {
  return new Map(
    Object.entries(facts[scopeText] ?? {}).map(([zone, ofZone]) => [
      zone,
      {
        startMs,
        facts: ofZone,
        gramsPerKwh: zone === NO_ZONE ? null : (grid.point(zone, startMs)?.gramsPerKwh ?? null),
        scope: zone === NO_ZONE ? null : grid.scope(zone, startMs),
        usual: zone === NO_ZONE ? null : grid.usual(zone, startMs),
      },
    ]),
  );
}
