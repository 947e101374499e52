/** The hardware catalog as this fleet uses it: published figures, with the operator's own in front. */
import {
  type CatalogEntry,
  type CatalogMatch,
  type HardwareCatalog,
  type NamedKind,
  type OwnFigure,
  type Provenance,
  PUBLISHED,
} from '../../shared/embodied/catalog.ts';
import {
  ALWAYS_MS,
  FIGURE_KEY,
  hardwareAsKnown,
  hardwareAt,
  hardwareSubject,
  isOwn,
  type OwnHistory,
  ownFigures,
} from '../../shared/embodied/own-figures.ts';
import { fail, ok, type Result } from '../http/problem.ts';
import { openDatabase } from '../storage/database.ts';
import { addSettings, readSharedSettings } from '../storage/settings.ts';
import type { Recorder } from './sites.ts';

/** A figure as an operator gives it. */
export interface FigureInput extends Omit<OwnFigure, 'low' | 'high' | 'part'> {
  readonly low?: number | undefined;
  readonly high?: number | undefined;
  /** Only for what the catalog lacks. */
  readonly type?: NamedKind | undefined;
  readonly name?: string | undefined;
  readonly names?: readonly string[] | undefined;
}

/** Each is read with every answer. */
const MAX_OWN_FIGURES = 500;
/** Each is a catalog of its own, in every answer. */
const MAX_DATES = 24;

/** Without what was taken back where nothing held. */
const withoutRepeats = (history: OwnHistory): OwnHistory =>
  history.filter(({ value }, i) => value !== null || (history[i - 1]?.value ?? null) !== null);

/** That holds at `atMs`. */
export async function readHardware(db: D1Database, atMs: number): Promise<HardwareCatalog> {
  return hardwareAt(hardwareAsKnown(await readSharedSettings(openDatabase(db))), atMs);
}

/** An entry as it holds now, with the operator's own figures of it over time. */
export interface EntryWithHistory extends CatalogEntry {
  readonly ownHistory: OwnHistory;
}

async function readNow(db: D1Database, nowMs: number) {
  const rows = await readSharedSettings(openDatabase(db));
  const own = ownFigures(rows);
  const hardware = hardwareAt(hardwareAsKnown(rows), nowMs);
  const withHistory = (entry: CatalogEntry): EntryWithHistory => ({
    ...entry,
    ownHistory: withoutRepeats(own.get(entry.id) ?? []),
  });
  return { hardware, withHistory };
}

export interface HardwareQuery {
  readonly type?: string | undefined;
  readonly kind?: Provenance | undefined;
  readonly text?: string | undefined;
  readonly limit: number;
  /** Id of the entry after which the page begins. */
  readonly after?: string | undefined;
}

/** By id; one more than `limit` where there are more. */
export async function listHardware(
  db: D1Database,
  { type, kind, text, limit, after = '' }: HardwareQuery,
  nowMs: number,
): Promise<EntryWithHistory[]> {
  const wanted = text?.toLowerCase();
  const holds = ({ id, name, aliases = [] }: CatalogEntry) =>
    wanted === undefined || [id, name, ...aliases].some((each) => each.toLowerCase().includes(wanted));
  const { hardware, withHistory } = await readNow(db, nowMs);
  return hardware.entries
    .filter((entry) => type === undefined || entry.kind === type)
    .filter((entry) => kind === undefined || entry.provenance === kind)
    .filter((entry) => holds(entry) && entry.id > after)
    .sort((a, b) => (a.id < b.id ? -1 : 1))
    .slice(0, limit + 1)
    .map(withHistory);
}

/** What stands for a GPU or CPU that calls itself so. */
export async function matchHardware(
  db: D1Database,
  kind: NamedKind,
  name: string,
  nowMs: number,
): Promise<{ readonly entry: EntryWithHistory; readonly by: CatalogMatch['by'] }> {
  const { hardware, withHistory } = await readNow(db, nowMs);
  const { entry, by } = hardware.find(kind, name);
  return { entry: withHistory(entry), by };
}

/** Problem: `not_found`. */
export async function getHardware(
  db: D1Database,
  id: string,
  nowMs: number,
): Promise<Result<EntryWithHistory>> {
  const { hardware, withHistory } = await readNow(db, nowMs);
  return hardware.has(id) ? ok(withHistory(hardware.entry(id))) : noEntry(id);
}

/**
 * Sets the figure of an entry, or adds a GPU or CPU that the catalog lacks: from a date on, or for all time, whatever was
 * given for other dates. Problem: `invalid_body`.
 */
export async function setFigure(
  db: D1Database,
  id: string,
  { effectiveFromMs, ...input }: FigureInput & { readonly effectiveFromMs?: number | undefined },
  recorder: Recorder,
): Promise<Result<EntryWithHistory>> {
  const figure = toFigure(id, input);
  if (!figure.ok) return figure;
  if (effectiveFromMs !== undefined && effectiveFromMs > recorder.nowMs)
    return fail('invalid_body', '/effectiveFrom: must not be in the future.', '/effectiveFrom');
  const said = ownFigures(await readSharedSettings(openDatabase(db)));
  const own = new Map([...said].filter(([, history]) => isOwn(history)));
  if (!own.has(id) && own.size >= MAX_OWN_FIGURES)
    return fail(
      'invalid_body',
      `There are ${MAX_OWN_FIGURES} own figures already, the most that are kept; delete one.`,
    );
  const dates = datesOf(own.values());
  if (effectiveFromMs !== undefined && !dates.has(effectiveFromMs) && dates.size >= MAX_DATES)
    return fail(
      'invalid_body',
      `/effectiveFrom: own figures hold from ${MAX_DATES} dates already, the most that are kept; use one of those: ${[...dates].map((ms) => new Date(ms).toISOString()).join(', ')}.`,
      '/effectiveFrom',
    );
  const from =
    effectiveFromMs === undefined ? datesOf([said.get(id) ?? []]).add(ALWAYS_MS) : [effectiveFromMs];
  await record(db, id, from, JSON.stringify(figure.value), recorder);
  return getHardware(db, id, recorder.nowMs);
}

/**
 * The published figure holds again, from a date on or for all time; an entry that was the operator's is gone.
 * Problems: `not_found`, `invalid_parameter`.
 */
export async function takeFigureBack(
  db: D1Database,
  id: string,
  effectiveFromMs: number | undefined,
  recorder: Recorder,
): Promise<Result<null>> {
  const history = ownFigures(await readSharedSettings(openDatabase(db))).get(id);
  if (history === undefined || !isOwn(history))
    return fail(
      'not_found',
      `There is no own figure of "${id}"; GET /v1/hardware?kind=operator lists those that hold now.`,
      'entryId',
    );
  if (effectiveFromMs !== undefined && effectiveFromMs > recorder.nowMs)
    return fail('invalid_parameter', 'effectiveFrom must not be in the future.', 'effectiveFrom');
  const from = effectiveFromMs === undefined ? datesOf([history]) : [effectiveFromMs];
  await record(db, id, from, '', recorder);
  return ok(null);
}

const datesOf = (histories: Iterable<OwnHistory>): Set<number> =>
  new Set([...histories].flatMap((history) => history.map(({ fromMs }) => fromMs)));

async function record(
  db: D1Database,
  id: string,
  dates: Iterable<number>,
  value: string,
  { nowMs, by, why }: Recorder,
): Promise<void> {
  const settings = [...dates].map((effectiveFromMs) => ({
    subject: hardwareSubject(id),
    key: FIGURE_KEY,
    value,
    effectiveFromMs,
    recordedAtMs: nowMs,
    recordedBy: by,
  }));
  await addSettings(openDatabase(db), settings, why ?? null);
}

function toFigure(id: string, { low, high, type, name, names, ...figure }: FigureInput): Result<OwnFigure> {
  const bad = (field: string, text: string) => fail('invalid_body', `/${field}: ${text}`, `/${field}`);
  const { kgCo2eq } = figure;
  const bounded = { ...figure, low: low ?? kgCo2eq, high: high ?? kgCo2eq };
  if (bounded.low > kgCo2eq) return bad('low', 'expected at most kgCo2eq.');
  if (bounded.high < kgCo2eq) return bad('high', 'expected at least kgCo2eq.');
  if (PUBLISHED.has(id)) {
    if (type !== undefined || name !== undefined || names !== undefined)
      return bad(
        'names',
        `"${id}" is an entry of the catalog and keeps its type and names; leave type, name and names out.`,
      );
    return ok(bounded);
  }
  if (type === undefined || names === undefined)
    return bad(
      'names',
      `the catalog has no "${id}" (GET /v1/hardware lists its entries); for a GPU or CPU that it lacks give type and names as well.`,
    );
  return ok({ ...bounded, part: { kind: type, name: name ?? names[0]!, names } });
}

const noEntry = (id: string) =>
  fail('not_found', `The catalog has no entry "${id}"; GET /v1/hardware lists them.`, 'entryId');
