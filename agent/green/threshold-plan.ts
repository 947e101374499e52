/** A plan from the live intensity of a zone: start once it is at or below a value. */
import { USUAL_DAYS, type Usual, usualOf } from '../../shared/alerts/usual.ts';
import type { Scope } from '../../shared/grid/intensity.ts';
import { DAY_MS, HOUR_MS, WINDOW_MS } from '../../shared/time/window.ts';
import { type Api, ApiError } from '../api/api-client.ts';
import type { Plan } from './wait.ts';
import { intensityText } from './words.ts';

export interface SeriesQuestion {
  readonly gridZone: string;
  readonly basis: string;
  readonly signal: string;
}

interface Point {
  readonly start: string;
  readonly end: string;
  readonly gramsPerKwh: number;
  readonly kind: string;
  readonly scope: Scope;
}

export interface Limit {
  readonly atMostGramsPerKwh: number;
  /** Of the values that it was told from; null: it was given. */
  readonly scope: Scope | null;
}

/** @throws ApiError, HttpError */
export async function thresholdPlan(
  api: Api,
  question: SeriesQuestion,
  { atMostGramsPerKwh, scope }: Limit,
  previous: Plan | null,
): Promise<Plan> {
  const nowMs = Date.now();
  const now = (await readSeries(api, question, nowMs - HOUR_MS)).at(-1);
  const { gridZone } = question;
  const limit = `${Number(atMostGramsPerKwh.toPrecision(4))} g/kWh`;
  // A yearly average is the same in every hour: it never says that this one is greener.
  if (now === undefined || now.kind === 'annual') {
    const text = `${gridZone} has no live intensity now; the limit is ${limit}`;
    return previous?.source === 'none'
      ? previous
      : watching('none', text, { gramsPerKwh: null, atMostGramsPerKwh });
  }
  // What is usual of the other scope is not known while it is as new as this: the limit stands, and the deadline.
  if (scope !== null && now.scope !== scope) {
    const text = `${gridZone} is of ${now.scope} now, and the limit of ${limit} was told from its ${scope}: the two are not compared`;
    const fields = { scope: now.scope, gramsPerKwh: now.gramsPerKwh, atMostGramsPerKwh };
    return { ...watching(`other ${now.scope}`, text, fields), isNews: true };
  }
  const { gramsPerKwh, kind } = now;
  const fields = { gramsPerKwh, kind, atMostGramsPerKwh };
  const value = `${gridZone} is at ${intensityText(gramsPerKwh)} (${kind})`;
  if (gramsPerKwh <= atMostGramsPerKwh)
    return {
      startMs: nowMs,
      source: 'below',
      reason: 'below',
      text: `${value}, at or below ${limit}`,
      fields,
    };
  return watching(`${gramsPerKwh} ${kind}`, `${value}, above ${limit}`, fields);
}

function watching(source: string, text: string, fields: Plan['fields']): Plan {
  return { startMs: Number.POSITIVE_INFINITY, source, reason: 'watching', text, fields };
}

/**
 * What the zone usually has: of its last 30 days, as far as they were live and of the scope that it has now. Null where
 * none were.
 *
 * @throws ApiError, HttpError
 */
export async function usualOfZone(api: Api, question: SeriesQuestion): Promise<Usual | null> {
  const points = await readSeries(api, question, Date.now() - USUAL_DAYS * DAY_MS);
  const live = points.filter(({ kind }) => kind !== 'annual');
  const scope = live.at(-1)?.scope;
  if (scope === undefined) return null;
  const values = live
    .filter((point) => point.scope === scope)
    .flatMap(({ start, end, gramsPerKwh }): number[] =>
      Array(Math.round((Date.parse(end) - Date.parse(start)) / WINDOW_MS)).fill(gramsPerKwh),
    );
  return usualOf(values, scope);
}

async function readSeries(
  api: Api,
  { gridZone, basis, signal }: SeriesQuestion,
  fromMs: number,
): Promise<Point[]> {
  const { series } = await api.get(`/v1/grid/${encodeURIComponent(gridZone)}/intensity`, {
    from: new Date(fromMs).toISOString(),
    basis,
    signal,
  });
  if (!Array.isArray(series)) throw new ApiError('server', 'the server answers something else than a series');
  return series as Point[];
}
