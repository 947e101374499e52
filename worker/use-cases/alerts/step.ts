/**
 * One step of the evaluation: sums some nodes of one hour, or folds the windows that are summed and tells what
 * changed. Each reads where the last one stopped and commits whole or not at all, so that runs that are missed, late,
 * doubled or side by side leave the same behind.
 */
import type { AlertNotification } from '../../../shared/alerts/notification.ts';
import type { ForecastStep } from '../../../shared/alerts/outlook.ts';
import { type Scope, scopeOf } from '../../../shared/alerts/scope.ts';
import { type HardwareHistory, hardwareAsKnown } from '../../../shared/embodied/own-figures.ts';
import { Places } from '../../../shared/settings/place.ts';
import { HOUR_MS, WINDOW_MS } from '../../../shared/time/window.ts';
import { type Cursor, commitStep, type Pass, readCursor } from '../../storage/alert-cursor.ts';
import { readLateHours, takeLateHours } from '../../storage/alert-late-hours.ts';
import { readRules, type StoredRule } from '../../storage/alert-rules.ts';
import { readStates, type StoredState } from '../../storage/alert-states.ts';
import { readSums, writeSums } from '../../storage/alert-sums.ts';
import type { StoredWindow } from '../../storage/alert-windows.ts';
import { openDatabase } from '../../storage/database.ts';
import { type FleetNode, readFleet } from '../../storage/fleet.ts';
import { type RecordedSetting, readSettings } from '../../storage/settings.ts';
import type { Shards } from '../../storage/shards.ts';
import { zonesInUse } from '../grid-zones-in-use.ts';
import { concludeStep } from './conclude.ts';
import { gather } from './gather.ts';
import { ensureUsual, type UsualDays } from './grid-context.ts';
import { storedScope } from './parse-scope.ts';
import { beginAt, correctable, nextPass, restatedSettings, settingsSeen, watermarkOf } from './plan.ts';

export interface AlertDependencies {
  /** What is kept of alerts stands in shard 0. */
  readonly shards: Shards;
  readonly nowMs: number;
  /** As agents are asked, or were asked so lately that some may not know better. */
  readonly reportEverySeconds: number;
  /** Nodes that one step sums. */
  readonly nodesPerStep: number;
  /** By zone, what the newest forecast says from an instant on; zones without one are missing. */
  readonly forecastsOf: (
    gridZones: readonly string[],
    atMs: number,
  ) => Promise<ReadonlyMap<string, readonly ForecastStep[]>>;
  /** Statements that put notifications into the outbox, each id once. */
  readonly enqueue: (notifications: readonly AlertNotification[]) => readonly D1PreparedStatement[];
}

export interface StepOutcome {
  /** `idle`: no rule; `more`: another step is due at once; `lost`: another run was faster. */
  readonly outcome: 'idle' | 'more' | 'done' | 'lost';
  /** How many nodes there are to sum. */
  readonly nodes: number;
}

/** All that a step knows before it sums or folds. */
export interface StepContext {
  readonly version: number;
  readonly cursor: Cursor;
  readonly rules: readonly StoredRule[];
  readonly states: readonly StoredState[];
  readonly scopes: ReadonlyMap<number, Scope>;
  readonly fleet: readonly FleetNode[];
  readonly places: Places;
  readonly catalog: HardwareHistory;
  readonly settings: readonly RecordedSetting[];
  readonly gridZones: readonly string[];
  /** To be committed with whatever the step commits. */
  readonly taken: readonly D1PreparedStatement[];
}

export async function evaluateStep(dependencies: AlertDependencies): Promise<StepOutcome> {
  const { shards, nowMs, reportEverySeconds } = dependencies;
  const db = shards.main;
  const [{ version, cursor: stored }, all, states] = await Promise.all([
    readCursor(db),
    readRules(db),
    readStates(db),
  ]);
  const rules = all.filter(({ rule }) => rule.enabled);
  if (rules.length === 0 && states.length === 0) return { outcome: 'idle', nodes: 0 };

  const [fleet, byShard, late] = await Promise.all([
    shards.rows(readFleet),
    shards.each((shard) => readSettings(openDatabase(shard))),
    readLateHours(db),
  ]);
  const settings = byShard.flat();
  const seen = byShard.map((rows) => rows.length);
  const begun =
    stored === null || states.length === 0 ? beginAt(watermarkOf(nowMs, reportEverySeconds), seen) : stored;
  const restated = restatedSettings(byShard, begun);
  const cursor: Cursor = {
    ...begun,
    ...settingsSeen(seen),
    lateHours: correctable([...begun.lateHours, ...late, ...restated.hours], begun),
    refold: begun.refold || restated.trust,
  };
  // Those that come while an hour is summed wait there until it is.
  if (begun.pass === null && (await collectElsewhere(shards, { version, cursor }, begun)))
    return { outcome: 'more', nodes: fleet.length };
  const context: StepContext = {
    version,
    cursor,
    rules,
    states,
    scopes: new Map(rules.map(({ number, rule }) => [number, storedScope(rule.filter)])),
    fleet,
    places: new Places(settings),
    catalog: hardwareAsKnown(settings),
    settings,
    gridZones: zonesInUse(settings, nowMs),
    taken: late.length === 0 ? [] : [takeLateHours(db, late)],
  };
  return { outcome: await advance(dependencies, context), nodes: fleet.length };
}

/**
 * Hours that changed late stand in the database of their nodes. They are put down here before they are taken there, and
 * before they are read: one that changes again meanwhile is marked again. @returns whether there were any
 */
async function collectElsewhere(
  shards: Shards,
  { version, cursor }: { readonly version: number; readonly cursor: Cursor },
  begun: Cursor,
): Promise<boolean> {
  const late = await shards.each(async (db, shard) => (shard === 0 ? [] : readLateHours(db)));
  if (late.every((hours) => hours.length === 0)) return false;
  const next = { ...cursor, lateHours: correctable([...cursor.lateHours, ...late.flat()], begun) };
  if (await commitStep(shards.main, version, next, []))
    await shards.each(async (db, shard) => {
      if (late[shard]!.length > 0) await takeLateHours(db, late[shard]!).run();
    });
  return true;
}

async function advance(
  dependencies: AlertDependencies,
  context: StepContext,
): Promise<StepOutcome['outcome']> {
  const { shards, nowMs, reportEverySeconds } = dependencies;
  const db = shards.main;
  const { cursor, rules, version } = context;
  const evaluated = rules.map(({ rule }) => rule);
  const watermarkMs = watermarkOf(nowMs, reportEverySeconds);
  const pass = cursor.pass ?? nextPass(cursor, watermarkMs, distinctScopes(context), evaluated);
  // An hour that changes while it is summed is marked again, and summed once more.
  const lateHours =
    cursor.pass !== null
      ? cursor.lateHours
      : cursor.lateHours.filter((hour) => hour * HOUR_MS !== pass?.hourStartMs);
  const toMs = Math.max(pass?.toMs ?? 0, cursor.headMs);

  const grid = evaluated.some(({ kind }) => kind === 'dirtyHours' || kind === 'dirtyHoursAhead');
  const days = { fromMs: Math.min(cursor.checkpointMs, toMs - WINDOW_MS), toMs };
  const usual = await ensureUsual(db, grid ? context.gridZones : [], days, nowMs, context.settings);
  if (usual === null) return 'more';

  let windows: readonly StoredWindow[] = [];
  if (pass !== null) {
    const scopes = pass.scopes.map(storedScope);
    const before = pass.afterNode === 0 ? [] : await readSums(db);
    const request = { ...pass, scopes, before, most: dependencies.nodesPerStep };
    const gathered = await gather(shards, request, context.fleet, context.places, context.catalog);
    if (gathered.afterNode !== null) {
      const next = { ...cursor, lateHours, pass: { ...pass, afterNode: gathered.afterNode } };
      const committed = await commitStep(db, version, next, [
        ...context.taken,
        ...writeSums(db, gathered.windows),
      ]);
      return committed ? 'more' : 'lost';
    }
    windows = gathered.windows.map((facts, i) => ({ startMs: pass.hourStartMs + i * WINDOW_MS, facts }));
  }
  return concludeStep(dependencies, context, { pass, lateHours, windows, toMs, usual });
}

/** The whole fleet is always summed: a message compares with the other zones. */
function distinctScopes({ scopes }: StepContext): Scope[] {
  const byText = new Map([scopeOf([]), ...scopes.values()].map((scope) => [scope.text, scope]));
  return [...byText.values()];
}

export interface Summed {
  readonly pass: Pass | null;
  /** To be summed after it. */
  readonly lateHours: readonly number[];
  /** Of the pass, in order. */
  readonly windows: readonly StoredWindow[];
  /** Where the head is going to stand. */
  readonly toMs: number;
  readonly usual: UsualDays;
}
