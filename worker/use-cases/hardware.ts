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
  FIGURE_HOLDS_FROM_MS,
  FIGURE_KEY,
  hardwareAsKnown,
  hardwareSubject,
  ownFigures,
} from '../../shared/embodied/own-figures.ts';
import { fail, ok, type Result } from '../http/problem.ts';
import { openDatabase } from '../storage/database.ts';
import { addSettings, readSettings } from '../storage/settings.ts';
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

export async function readHardware(db: D1Database): Promise<HardwareCatalog> {
  return hardwareAsKnown(await readSettings(openDatabase(db)));
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
): Promise<CatalogEntry[]> {
  const wanted = text?.toLowerCase();
  const holds = ({ id, name, aliases = [] }: CatalogEntry) =>
    wanted === undefined || [id, name, ...aliases].some((each) => each.toLowerCase().includes(wanted));
  const hardware = await readHardware(db);
  return hardware.entries
    .filter((entry) => type === undefined || entry.kind === type)
    .filter((entry) => kind === undefined || entry.provenance === kind)
    .filter((entry) => holds(entry) && entry.id > after)
    .sort((a, b) => (a.id < b.id ? -1 : 1))
    .slice(0, limit + 1);
}

/** What stands for a GPU or CPU that calls itself so. */
export async function matchHardware(db: D1Database, kind: NamedKind, name: string): Promise<CatalogMatch> {
  return (await readHardware(db)).find(kind, name);
}

/** Problem: `not_found`. */
export async function getHardware(db: D1Database, id: string): Promise<Result<CatalogEntry>> {
  const hardware = await readHardware(db);
  return hardware.has(id) ? ok(hardware.entry(id)) : noEntry(id);
}

/** Sets the figure of an entry, or adds a GPU or CPU that the catalog lacks. Problem: `invalid_body`. */
export async function setFigure(
  db: D1Database,
  id: string,
  input: FigureInput,
  recorder: Recorder,
): Promise<Result<CatalogEntry>> {
  const figure = toFigure(id, input);
  if (!figure.ok) return figure;
  const rows = await readSettings(openDatabase(db));
  const own = ownFigures(rows);
  if (!own.has(id) && own.size >= MAX_OWN_FIGURES)
    return fail(
      'invalid_body',
      `There are ${MAX_OWN_FIGURES} own figures already, the most that are kept; delete one.`,
    );
  await record(db, id, JSON.stringify(figure.value), recorder);
  return getHardware(db, id);
}

/** The published figure holds again; an entry that was the operator's is gone. Problem: `not_found`. */
export async function takeFigureBack(db: D1Database, id: string, recorder: Recorder): Promise<Result<null>> {
  const own = ownFigures(await readSettings(openDatabase(db)));
  if (!own.has(id))
    return fail(
      'not_found',
      `There is no own figure of "${id}"; GET /v1/hardware?kind=operator lists those.`,
      'entryId',
    );
  await record(db, id, '', recorder);
  return ok(null);
}

async function record(
  db: D1Database,
  id: string,
  value: string,
  { nowMs, by, why }: Recorder,
): Promise<void> {
  const setting = {
    subject: hardwareSubject(id),
    key: FIGURE_KEY,
    value,
    effectiveFromMs: FIGURE_HOLDS_FROM_MS,
    recordedAtMs: nowMs,
    recordedBy: by,
  };
  await addSettings(openDatabase(db), [setting], why ?? null);
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
