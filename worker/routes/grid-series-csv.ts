/**
 * A user's series as CSV (RFC 4180): a header that names the columns, then one interval a line. Basis, signal and scope,
 * which no column says, stand in the query. It becomes the JSON of the same route, so that one set of checks holds.
 */
import type { MiddlewareHandler } from 'hono';
import { nearestWord } from '../../shared/edit-distance.ts';
import type { AppEnv } from '../http/app.ts';
import { fail, ok, problemResponse, type Result } from '../http/problem.ts';
import { instantInput } from '../http/schemas.ts';
import { seriesProblem, type UserPoint } from '../use-cases/grid-user-series.ts';

const COLUMNS = ['start', 'end', 'gramsPerKwh'] as const;
type Column = (typeof COLUMNS)[number];
/** Of the query; a JSON body has them itself. */
const QUERY = ['basis', 'signal', 'scope', 'why'] as const;

/** Goes before the route's validation; at most `maxPoints` lines. */
export function csvAsJson(maxPoints: number): MiddlewareHandler<AppEnv> {
  return async (context, next) => {
    const { raw } = context.req;
    const isCsv = /^text\/csv\s*(;|$)/i.test(raw.headers.get('Content-Type') ?? '');
    const said = Object.fromEntries(QUERY.map((name) => [name, context.req.query(name)] as const));
    const inQuery = QUERY.find((name) => said[name] !== undefined);
    if (!isCsv) {
      if (inQuery === undefined) return next();
      const detail = `${inQuery}: goes into the body where that is JSON; the query is for text/csv.`;
      return problemResponse(context, { code: 'invalid_parameter', detail, field: inQuery });
    }
    if (said.basis === undefined) {
      const detail = 'basis: missing; a CSV does not say it, so add ?basis=lifecycle or ?basis=direct.';
      return problemResponse(context, { code: 'invalid_parameter', detail, field: 'basis' });
    }
    const points = parseSeriesCsv(await raw.text(), maxPoints);
    if (!points.ok) return problemResponse(context, points.problem);
    const headers = new Headers(raw.headers);
    headers.set('Content-Type', 'application/json');
    headers.delete('Content-Length');
    const body = JSON.stringify({
      ...said,
      points: points.value.map(({ startMs, endMs, gramsPerKwh }) => ({
        start: new Date(startMs).toISOString(),
        end: new Date(endMs).toISOString(),
        gramsPerKwh,
      })),
    });
    context.req.raw = new Request(raw.url, { method: raw.method, headers, body });
    await next();
  };
}

function parseSeriesCsv(text: string, maxPoints: number): Result<UserPoint[]> {
  const lines = text.replace(/^\uFEFF/, '').split(/\r\n|\n/);
  while (lines.at(-1) === '') lines.pop();
  const [header, ...rows] = lines;
  const columns = readHeader(cellsOf(header ?? ''));
  if (!columns.ok) return columns;
  if (rows.length === 0) return wrong(2, null, 'missing; give one interval a line after the header');
  if (rows.length > maxPoints) return wrong(maxPoints + 2, null, `a body has ${maxPoints} intervals at most`);
  const points: UserPoint[] = [];
  for (const [index, row] of rows.entries()) {
    const point = readRow(cellsOf(row), columns.value, index + 2);
    if (!point.ok) return point;
    points.push(point.value);
  }
  const problem = seriesProblem(points);
  return problem === null ? ok(points) : wrong(problem.index + 2, null, problem.what);
}

/** Cells of a line; a quoted one may hold commas, and quotes written twice. */
function cellsOf(line: string): string[] {
  return [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(([, quoted, plain]) =>
    (quoted?.replaceAll('""', '"') ?? plain ?? '').trim(),
  );
}

function readHeader(cells: readonly string[]): Result<readonly Column[]> {
  for (const cell of cells) {
    if (!COLUMNS.some((column) => column === cell)) {
      const what = `no column is called "${cell.slice(0, 40)}"; did you mean "${nearestWord(cell, COLUMNS)}"? The columns are ${COLUMNS.join(', ')}`;
      return wrong(1, null, what);
    }
    if (cells.indexOf(cell) !== cells.lastIndexOf(cell)) return wrong(1, cell, 'is there twice');
  }
  const missing = COLUMNS.find((column) => !cells.includes(column));
  return missing === undefined ? ok(cells as readonly Column[]) : wrong(1, missing, 'the column is missing');
}

function readRow(cells: readonly string[], columns: readonly Column[], line: number): Result<UserPoint> {
  if (cells.length !== columns.length) {
    const what = `${cells.length} cells where the header has ${columns.length}; a number has a point, not a comma`;
    return wrong(line, null, what);
  }
  const cell = (column: Column) => cells[columns.indexOf(column)]!;
  const start = instantInput.safeParse(cell('start'));
  if (!start.success) return wrong(line, 'start', start.error.issues[0]!.message);
  const end = instantInput.safeParse(cell('end'));
  if (!end.success) return wrong(line, 'end', end.error.issues[0]!.message);
  const grams = cell('gramsPerKwh');
  // An empty cell is no zero, and neither is a word.
  if (!/^\d+(\.\d+)?$/.test(grams)) {
    return wrong(line, 'gramsPerKwh', `expected a number of 0 or more, got "${grams.slice(0, 40)}"`);
  }
  return ok({ startMs: start.data, endMs: end.data, gramsPerKwh: Number(grams) });
}

function wrong(line: number, column: string | null, what: string) {
  const where = column === null ? `line ${line}` : `line ${line}, column ${column}`;
  return fail('invalid_body', `${where}: ${what}.`, where);
}
