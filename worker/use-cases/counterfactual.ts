/** What the measured load of a range would have emitted, had its jobs run later or elsewhere (shared/counterfactual). */
import {
  type IntensityTable,
  intensityTable,
  isEmptyTable,
} from '../../shared/counterfactual/intensity-table.ts';
import type { Load, LoadBook } from '../../shared/counterfactual/load.ts';
import {
  type Charge,
  chargeAt,
  type Moves,
  movesOf,
  type Question,
  workOf,
} from '../../shared/counterfactual/move.ts';
import { type MovedFigures, MovedSums } from '../../shared/counterfactual/sums.ts';
import { JOB_WORDS, jobValue } from '../../shared/emissions/owners.ts';
import { type Basis, SCOPES, type Scope, type Signal } from '../../shared/grid/intensity.ts';
import { withinScope } from '../../shared/grid/resolve.ts';
import { otherScope } from '../../shared/grid/scope.ts';
import { findZone } from '../../shared/grid/zones.ts';
import { Places } from '../../shared/settings/place.ts';
import { DAY_MS, HOUR_MS, WINDOW_MS, windowStart } from '../../shared/time/window.ts';
import { MILLIJOULES_PER_KWH } from '../../shared/units.ts';
import { fail, ok, type Result } from '../http/problem.ts';
import { rangeProblem } from '../http/time-range.ts';
import { readFleet } from '../storage/fleet.ts';
import { readFleetJobs } from '../storage/fleet-jobs.ts';
import { readAllSettings } from '../storage/settings.ts';
import type { Shards } from '../storage/shards.ts';
import type { StoredJob } from '../storage/stored-jobs.ts';
import { type ForecastMove, forecastMove, readKept } from './counterfactual-forecasts.ts';
import { type FleetLoads, type JobLoad, readLoads } from './counterfactual-loads.ts';
import { loadIntensities } from './grid-intensity.ts';
import { unknownZone } from './grid-unknown-zone.ts';

export const MAX_SLACK_HOURS = 168;
/** Other zones that jobs may move to. */
export const MAX_OTHER_ZONES = 10;

/** What one answer takes at most. */
export interface Bounds {
  /** Read: about a second of work, and ten queries. */
  readonly nodeHours: number;
  /** Of the range, those not looked at included. */
  readonly jobs: number;
  /** Multiplications: half a second to a second. */
  readonly work: number;
}
const BOUNDS: Bounds = { nodeHours: 20_000, jobs: 5_000, work: 150_000_000 };

export interface CounterfactualQuery {
  /** Default: start of the UTC day that `toMs` ends in. */
  readonly fromMs?: number | undefined;
  /** Default: now. */
  readonly toMs?: number | undefined;
  readonly slackMs: number;
  readonly gridZones: readonly string[];
  readonly basis: Basis;
  readonly signal: Signal;
  /** All is charged and compared by values of one scope; default: consumption where a zone that something ran in has it. */
  readonly scope?: Scope | undefined;
  /** A job that was heard of within this may still be running. */
  readonly goesOnMs: number;
  /** Jobs to look at, those with the most energy first. */
  readonly limit: number;
  readonly project?: string | undefined;
  readonly user?: string | undefined;
  readonly phase?: string | undefined;
}

export interface JobMove {
  readonly job: StoredJob;
  readonly load: Load;
  readonly latestStartMs: number;
  readonly moves: Moves;
  readonly figures: MovedFigures;
  readonly forecast: ForecastMove;
}

/** Energy that is not moved, with what it emitted where an intensity is known. */
export interface Unmoved {
  readonly energyKwh: number;
  readonly facilityEnergyKwh: number;
  readonly emittedGrams: number;
  /** Part of the energy that no intensity is known for. */
  readonly unknownEnergyKwh: number;
}

export interface Counterfactual {
  readonly fromMs: number;
  readonly toMs: number;
  readonly scope: Scope;
  readonly totals: MovedFigures;
  /** By name; null: jobs without a project. */
  readonly projects: readonly { readonly project: string | null; readonly figures: MovedFigures }[];
  /** The most energy first. */
  readonly jobs: readonly JobMove[];
  readonly notLookedAt: Unmoved & { readonly jobs: number };
  readonly idle: Unmoved;
  readonly unattributed: Unmoved;
  readonly excluded: readonly { readonly job: string; readonly reason: string; readonly energyKwh: number }[];
  readonly excludedZones: readonly { readonly gridZone: string; readonly reason: string }[];
}

const NO_SERIES = 'no series on this basis';

/** Problems: `invalid_parameter`, `unknown_grid_zone`, `range_too_long`. */
export async function counterfactual(
  shards: Shards,
  query: CounterfactualQuery,
  nowMs: number,
  bounds: Bounds = BOUNDS,
): Promise<Result<Counterfactual>> {
  const toMs = query.toMs ?? nowMs;
  const fromMs = query.fromMs ?? Math.floor((toMs - 1) / DAY_MS) * DAY_MS;
  const backwards = rangeProblem(fromMs, toMs);
  if (backwards !== null) return { ok: false, problem: backwards };
  const unknown = query.gridZones.find((gridZone) => findZone(gridZone) === null);
  if (unknown !== undefined) return unknownZone(unknown, 'gridZones');
  const fleet = await shards.rows(readFleet);
  const hours = Math.ceil(toMs / HOUR_MS) - Math.floor(fromMs / HOUR_MS);
  if (fleet.length * hours > bounds.nodeHours) {
    return fail(
      'range_too_long',
      `That is ${fleet.length} nodes over ${hours} hours; one answer covers at most ${bounds.nodeHours} node-hours. Ask for at most ${Math.floor(bounds.nodeHours / fleet.length)} hours at once.`,
      'from',
    );
  }
  const places = new Places(await readAllSettings(shards));
  const numbers = fleet.map(({ number }) => number);
  const loads = await readLoads(
    shards,
    numbers,
    places,
    { fromMs, toMs, nowMs, goesOnMs: query.goesOnMs },
    bounds.nodeHours,
  );
  if (loads.jobs.size > bounds.jobs) {
    return fail(
      'range_too_long',
      `${loads.jobs.size} jobs ran then; one answer covers at most ${bounds.jobs}. Ask for a shorter range.`,
      'from',
    );
  }
  const { tables, scope, ofOtherScope } = await loadTables(shards.main, query, loads, { fromMs, nowMs });
  const wanted = (await readFleetJobs(shards, [...loads.jobs.keys()], nowMs)).filter((job) =>
    JOB_WORDS.every((key) => query[key] === undefined || jobValue(job, key) === query[key]),
  );
  const whyNone = (gridZone: string) => (ofOtherScope.has(gridZone) ? `${NO_SERIES} of ${scope}` : NO_SERIES);
  const known = { tables, scope, whyNone };
  const found = await moveAll(shards.main, query, wanted, loads, known, { nowMs, maxWork: bounds.work });
  const tableOf = tableIn(tables);
  return ok({
    fromMs,
    toMs,
    scope,
    ...found,
    idle: unmoved([loads.idle], tableOf),
    unattributed: unmoved([loads.unattributed], tableOf),
    excludedZones: query.gridZones
      .filter((gridZone) => tableOf(gridZone) === null)
      .map((gridZone) => ({ gridZone, reason: whyNone(gridZone) })),
  });
}

type Tables = ReadonlyMap<string, IntensityTable>;
const tableIn =
  (tables: Tables): Question['tableOf'] =>
  (gridZone) =>
    tables.get(gridZone) ?? null;

/** Of every zone that something ran in or may move to, over all that any job may reach; zones of which nothing is known are left out. */
async function loadTables(
  db: D1Database,
  { basis, signal, scope: asked, slackMs, gridZones }: CounterfactualQuery,
  { jobs, idle, unattributed }: FleetLoads,
  { fromMs, nowMs }: { readonly fromMs: number; readonly nowMs: number },
): Promise<{
  readonly tables: Tables;
  readonly scope: Scope;
  /** Of zones that have values of the other scope. */
  readonly ofOtherScope: Tables;
}> {
  const books = [idle, unattributed, ...[...jobs.values()].map(({ book }) => book)];
  const startMs = windowStart(fromMs);
  const lastMs = Math.max(startMs, ...books.map((book) => book.endMs));
  // The window that is open has energy already; nothing is known beyond it.
  const endMs = Math.min(lastMs + slackMs, windowStart(nowMs) + WINDOW_MS);
  const homes = books.flatMap((book) => [...book.gridZones]);
  const wanted = [...new Set([...homes, ...gridZones])].filter((gridZone) => gridZone !== null);
  const range = { gridZones: wanted, basis, signal, fromMs: startMs, toMs: endMs };
  const resolvers = await loadIntensities(db, range);
  const tablesOf = (scope: Scope) => {
    const tables = new Map<string, IntensityTable>();
    for (const [gridZone, resolve] of resolvers) {
      const table = intensityTable(withinScope(resolve, scope), startMs, endMs);
      if (!isEmptyTable(table)) tables.set(gridZone, table);
    }
    return tables;
  };
  const byScope = { consumption: tablesOf('consumption'), production: tablesOf('production') };
  const isHome = (gridZone: string) => homes.includes(gridZone);
  const scope = asked ?? SCOPES.find((one) => [...byScope[one].keys()].some(isHome)) ?? 'consumption';
  return { tables: byScope[scope], scope, ofOtherScope: byScope[otherScope(scope)] };
}

interface KnownIntensities {
  readonly tables: Tables;
  readonly scope: Scope;
  /** Why a zone has no table, or not for all of a job. */
  readonly whyNone: (gridZone: string) => string;
}

interface Movable extends JobLoad {
  readonly job: StoredJob;
  readonly load: Load;
  readonly stayed: Charge;
}

async function moveAll(
  db: D1Database,
  query: CounterfactualQuery,
  wanted: readonly StoredJob[],
  loads: FleetLoads,
  { tables, scope, whyNone }: KnownIntensities,
  { nowMs, maxWork }: { readonly nowMs: number; readonly maxWork: number },
): Promise<Pick<Counterfactual, 'totals' | 'projects' | 'jobs' | 'notLookedAt' | 'excluded'>> {
  const tableOf = tableIn(tables);
  const excluded: { job: string; reason: string; energyKwh: number }[] = [];
  const leaveOut = (job: StoredJob, { inRangeMillijoules }: JobLoad, reason: string) =>
    excluded.push({ job: job.id, reason, energyKwh: Number(inRangeMillijoules) / MILLIJOULES_PER_KWH });
  const movable: Movable[] = [];
  for (const job of wanted) {
    const own = loads.jobs.get(job.number)!;
    const load = own.book.toLoad();
    const stayed = chargeAt(load, { startMs: load.startMs, gridZone: null }, tableOf);
    const reason = own.leftOut ?? (stayed.unknownMillijoules > 0 ? whyUnknown(load, whyNone) : null);
    if (reason === null) movable.push({ ...own, job, load, stayed });
    else leaveOut(job, own, reason);
  }
  movable.sort((a, b) => Number(b.book.energyMillijoules - a.book.energyMillijoules));
  const gridZones = query.gridZones.filter((gridZone) => tables.has(gridZone));
  const lookedAt = movable.slice(0, query.limit);
  const homes = lookedAt.flatMap(({ book }) => [...book.gridZones]).filter((zone) => zone !== null);
  const kept = await readKept(
    db,
    query,
    [...new Set([...homes, ...gridZones])],
    lookedAt.map(({ load }) => load),
  );

  const totals = new MovedSums();
  const projects = new Map<string | null, MovedSums>();
  const jobs: JobMove[] = [];
  let room = maxWork;
  for (const one of lookedAt) {
    const { job, load, book, stayed } = one;
    // What has not happened yet has no intensity.
    const lastEndMs = Math.min(book.endMs + query.slackMs, windowStart(nowMs));
    const latestStartMs = Math.max(load.startMs, lastEndMs - (book.endMs - load.startMs));
    const question = { load, latestStartMs, gridZones, tableOf };
    const work = workOf(question);
    const moves = work > room ? null : movesOf(question);
    if (moves === null) {
      leaveOut(job, one, 'with so many starts and zones it is more than one answer computes; ask for less');
      continue;
    }
    room -= work;
    const forecast = forecastMove(question, kept, scope);
    const best = chargeAt(load, moves.best, tableOf);
    const moved = { book, load, moves, stayed, best, forecastGrams: forecast.move?.grams ?? null };
    const ofJob = new MovedSums();
    const ofProject = projects.get(job.project) ?? new MovedSums();
    projects.set(job.project, ofProject);
    for (const sums of [totals, ofProject, ofJob]) sums.add(moved);
    jobs.push({ job, load, latestStartMs, moves, figures: ofJob.toFigures(), forecast });
  }
  const rest = movable.slice(query.limit);
  return {
    totals: totals.toFigures(),
    projects: [...projects]
      .sort(([a], [b]) => ((a ?? '') < (b ?? '') ? -1 : 1))
      .map(([project, sums]) => ({ project, figures: sums.toFigures() })),
    jobs,
    notLookedAt: {
      jobs: rest.length,
      ...unmoved(
        rest.map(({ book }) => book),
        tableOf,
      ),
    },
    excluded,
  };
}

function whyUnknown({ parts }: Load, whyNone: KnownIntensities['whyNone']): string {
  if (parts.some(({ gridZone }) => gridZone === null)) return 'no grid zone is set for the site';
  const reasons = parts.map(({ gridZone }) => whyNone(gridZone!));
  return reasons.find((reason) => reason !== NO_SERIES) ?? NO_SERIES;
}

function unmoved(books: readonly LoadBook[], tableOf: Question['tableOf']): Unmoved {
  let energy = 0n;
  let facilityEnergyKwh = 0;
  let emittedGrams = 0;
  let unknown = 0;
  for (const book of books) {
    const load = book.toLoad();
    const charge = chargeAt(load, { startMs: load.startMs, gridZone: null }, tableOf);
    energy += book.energyMillijoules;
    emittedGrams += charge.grams;
    unknown += charge.unknownMillijoules;
    for (const part of load.parts) for (const kwh of part.facilityKwh) facilityEnergyKwh += kwh;
  }
  const energyKwh = Number(energy) / MILLIJOULES_PER_KWH;
  return { energyKwh, facilityEnergyKwh, emittedGrams, unknownEnergyKwh: unknown / MILLIJOULES_PER_KWH };
}
