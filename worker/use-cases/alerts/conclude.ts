/** The last part of a step: folds what is summed, holds it against what was told, and commits both. */

import type { WindowFacts } from '../../../shared/alerts/facts.ts';
import type { AlertNotification } from '../../../shared/alerts/notification.ts';
import type { ForecastStep } from '../../../shared/alerts/outlook.ts';
import { isReplayable } from '../../../shared/alerts/rule.ts';
import type { Silence } from '../../../shared/alerts/silence.ts';
import { missedAfterMs } from '../../../shared/pace/silence.ts';
import { DAY_MS, WINDOW_MS } from '../../../shared/time/window.ts';
import { type Cursor, commitStep } from '../../storage/alert-cursor.ts';
import { type EpisodeWrite, writeEpisodes } from '../../storage/alert-episodes.ts';
import { readGridPrints } from '../../storage/alert-grid.ts';
import { readSilences } from '../../storage/alert-silences.ts';
import { removeStates, type StoredState, writeStates } from '../../storage/alert-states.ts';
import { removeSums } from '../../storage/alert-sums.ts';
import { readWindows, removeWindowsBefore, writeWindows } from '../../storage/alert-windows.ts';
import { type FoldedRule, foldWindows, type LiveRule } from './fold-windows.ts';
import { loadGridContext } from './grid-context.ts';
import { Observations } from './observe.ts';
import { storedScope } from './parse-scope.ts';
import { movedCheckpoint, watermarkOf } from './plan.ts';
import { beginState, type RuleChanges, ruleChanges, sumsThePast } from './rule-changes.ts';
import { endAll, type SettleContext, type Settled, settle } from './settle.ts';
import { type SituationSources, situationOf } from './situation.ts';
import type { AlertDependencies, StepContext, StepOutcome, Summed } from './step.ts';

export async function concludeStep(
  dependencies: AlertDependencies,
  context: StepContext,
  summed: Summed,
): Promise<StepOutcome['outcome']> {
  const { shards, nowMs, reportEverySeconds } = dependencies;
  const db = shards.main;
  const { cursor, gridZones } = context;
  const { headMs, checkpointMs } = cursor;
  const { windows, toMs, pass, lateHours } = summed;
  const changes = ruleChanges(context.rules, context.states);
  const movedMs = movedCheckpoint(cursor, toMs);
  const prints = await readGridPrints(db, gridZones, {
    fromMs: checkpointMs - DAY_MS,
    headMs,
    nextFromMs: (movedMs ?? checkpointMs) - DAY_MS,
    toMs,
  });
  const refold =
    cursor.refold ||
    movedMs !== null ||
    (cursor.gridPrint !== null && cursor.gridPrint !== prints.before) ||
    (await factsRestated(db, cursor, summed, changes.live));
  const rulesChanged = changes.ended.length > 0 || changes.begun.length > 0;
  if (pass === null && !refold && context.taken.length === 0 && !rulesChanged) return 'done';

  const fromMs = refold ? checkpointMs : headMs;
  const range = { fromMs: Math.min(fromMs, toMs - WINDOW_MS), toMs };
  const grid = await loadGridContext(db, gridZones, range, summed.usual, context.settings);
  const forecasts = new Forecasts(dependencies, toMs);
  if (changes.live.some(({ state }) => state.rule.kind === 'dirtyHoursAhead'))
    await forecasts.load(gridZones);
  const observations = await Observations.read(
    shards,
    changes.live.map(({ state, scope }) => ({ rule: state.rule, scope })),
    { ...context, grid, forecasts: forecasts.known, missedAfterMs: missedAfterMs(reportEverySeconds) },
    { fromMs: headMs, toMs },
  );
  const request = { live: changes.live, refold, checkpointMs, headMs, windows, snapshotAtMs: movedMs };
  const { rules, newest } = await foldWindows(db, request, grid, observations);
  await forecasts.load(dirtyZones(rules));

  const settling: Settling = {
    sources: { newest, grid, forecasts: forecasts.known },
    context: {
      fromMs,
      headMs,
      toMs,
      keepFromMs: movedMs ?? checkpointMs,
      nowMs,
      silences: await silencesAfter(db, headMs),
    },
    movedMs,
  };
  const outcome = settleRules(rules, changes, settling);
  const waiting = await beginRules(dependencies, context, changes, outcome, { sinceMs: toMs, refold });

  const next: Cursor = {
    headMs: toMs,
    checkpointMs: movedMs ?? checkpointMs,
    gridPrint: prints.after,
    settingsSeen: cursor.settingsSeen,
    settingsSeenElsewhere: cursor.settingsSeenElsewhere,
    lateHours,
    refold: false,
    pass: null,
  };
  const committed = await commitStep(db, context.version, next, [
    ...context.taken,
    ...(pass === null || pass.afterNode === 0 ? [] : [removeSums(db)]),
    ...writeWindows(db, windows),
    ...(movedMs === null ? [] : [removeWindowsBefore(db, movedMs)]),
    ...removeStates(db, outcome.removed),
    ...writeStates(db, outcome.states),
    ...writeEpisodes(db, outcome.writes),
    ...dependencies.enqueue(outcome.notifications),
  ]);
  if (!committed) return 'lost';
  return waiting || toMs < watermarkOf(nowMs, reportEverySeconds) || lateHours.length > 0 ? 'more' : 'done';
}

/** Whether windows that were folded have other sums now, for rules that were evaluated then. */
async function factsRestated(
  db: D1Database,
  { headMs }: Cursor,
  { pass, windows }: Summed,
  live: readonly LiveRule[],
): Promise<boolean> {
  if (pass === null || pass.hourStartMs >= headMs) return false;
  const stored = await readWindows(db, pass.hourStartMs, Math.min(headMs, pass.toMs));
  const now = new Map(windows.map(({ startMs, facts }) => [startMs, facts]));
  const scopes = [...new Set(live.map(({ scope }) => scope.text))];
  const textOf = (facts: WindowFacts | undefined) => JSON.stringify(scopes.map((scope) => facts?.[scope]));
  return stored.some(({ startMs, facts }) => textOf(facts) !== textOf(now.get(startMs)));
}

/** Read for the zones that are asked for, each once. */
class Forecasts {
  readonly known = new Map<string, readonly ForecastStep[]>();
  readonly #asked = new Set<string>();
  readonly #dependencies: AlertDependencies;
  readonly #atMs: number;

  constructor(dependencies: AlertDependencies, atMs: number) {
    this.#dependencies = dependencies;
    this.#atMs = atMs;
  }

  async load(gridZones: readonly string[]): Promise<void> {
    const missing = gridZones.filter((zone) => !this.#asked.has(zone));
    if (missing.length === 0) return;
    for (const zone of missing) this.#asked.add(zone);
    for (const [zone, steps] of await this.#dependencies.forecastsOf(missing, this.#atMs))
      this.known.set(zone, steps);
  }
}

/** Zones of which a message may have to tell how long they stay dirty. */
function dirtyZones(rules: readonly FoldedRule[]): string[] {
  const firing = rules
    .filter(({ state }) => state.rule.kind === 'dirtyHours')
    .flatMap(({ fold }) => [...fold.spans.keys()]);
  return [...new Set(firing)];
}

async function silencesAfter(db: D1Database, instantMs: number): Promise<Silence[]> {
  return (await readSilences(db, instantMs)).map(({ filter, ...silence }) => ({
    ...silence,
    terms: storedScope(filter).terms,
  }));
}

interface Settling {
  readonly sources: SituationSources;
  readonly context: Omit<SettleContext, 'situationOf'>;
  /** Where the checkpoint moves to; null where it stays. */
  readonly movedMs: number | null;
}

interface Outcome {
  readonly states: StoredState[];
  readonly removed: number[];
  readonly writes: EpisodeWrite[];
  readonly notifications: AlertNotification[];
}

function settleRules(rules: readonly FoldedRule[], changes: RuleChanges, settling: Settling): Outcome {
  const outcome: Outcome = { states: [], removed: [], writes: [], notifications: [] };
  const book = ({ writes, notifications }: Settled) => {
    outcome.writes.push(...writes);
    outcome.notifications.push(...notifications);
  };
  for (const folded of rules) {
    const { state, scope, fold, observed } = folded;
    const settled = settle({ rule: state.rule, ruleId: state.ruleId, scope }, state.episodes, fold, {
      ...settling.context,
      // What is seen once is never folded again.
      fromMs: isReplayable(state.rule) ? settling.context.fromMs : settling.context.headMs,
      situationOf: (instance) =>
        situationOf(settling.sources, state.rule, scope.text, instance, fold, observed.get(instance) ?? null),
    });
    book(settled);
    outcome.states.push(stateAfter(folded, settled, settling.movedMs));
  }
  for (const state of changes.ended) {
    const scope = storedScope(state.rule.filter);
    const situation = (instance: string) =>
      situationOf(settling.sources, state.rule, scope.text, instance, null, null);
    book(
      endAll({ rule: state.rule, ruleId: state.ruleId, scope }, state.episodes, {
        ...settling.context,
        situationOf: situation,
      }),
    );
    outcome.removed.push(state.ruleNumber);
  }
  return outcome;
}

function stateAfter(
  { state, fold, snapshot }: FoldedRule,
  settled: Settled,
  movedMs: number | null,
): StoredState {
  const checkpoint = movedMs === null ? state.checkpoint : (snapshot ?? fold.state);
  return { ...state, head: fold.state, checkpoint, episodes: settled.episodes };
}

/** True where some rule has to wait for a step of its own: sums of the past are one a step, and none beside a refold. */
async function beginRules(
  { shards, nowMs }: AlertDependencies,
  context: StepContext,
  { begun }: RuleChanges,
  outcome: Outcome,
  { sinceMs, refold }: { readonly sinceMs: number; readonly refold: boolean },
): Promise<boolean> {
  const heavy = begun.filter(({ rule }) => sumsThePast(rule, sinceMs, context.fleet.length));
  const now = heavy.slice(0, refold ? 0 : 1);
  for (const rule of [...begun.filter((one) => !heavy.includes(one)), ...now])
    outcome.states.push(await beginState(shards, rule, sinceMs, nowMs, context));
  return heavy.length > now.length;
}
