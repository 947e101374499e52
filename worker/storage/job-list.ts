/** Lists of jobs: pages of their numbers, by what was said of them. */
import { lastFact } from './job-facts.ts';
import { ranInHours } from './job-nodes.ts';

export interface JobsQuery {
  readonly limit: number;
  /** Numbers below this one; default: from the newest. */
  readonly before?: number | undefined;
  readonly project?: string | undefined;
  readonly user?: string | undefined;
  readonly phase?: string | undefined;
  readonly withinProjects?: readonly string[] | null | undefined;
  /** Whole hours since 1970, both included. */
  readonly hours?: { readonly first: number; readonly last: number } | undefined;
}

/** Jobs that one page looks at; with a filter that few of them pass, a page may be short and still have a next one. */
const LOOKED_AT = 10_000;

/** The last word of people, else that of the agents. */
const effective = (key: string) =>
  `COALESCE(${lastFact('page', `'${key}'`)}, ${lastFact('page', `'agent.${key}'`)}, page.${key})`;

const LIST_JOBS = `
  SELECT page.number AS number
  FROM (SELECT number, project, user, phase FROM jobs WHERE number < ?1 ORDER BY number DESC LIMIT ${LOOKED_AT}) AS page
  WHERE (?3 IS NULL OR ${effective('project')} = ?3) AND (?4 IS NULL OR ${effective('user')} = ?4)
    AND (?5 IS NULL OR ${effective('phase')} = ?5) AND (?6 IS NULL OR ${ranInHours('page.number', '?6', '?7')})
    AND (?8 IS NULL OR ${effective('project')} IN (SELECT value FROM json_each(?8)))
  ORDER BY page.number DESC LIMIT ?2`;

const LOOKED = `
  SELECT MIN(number) AS last, COUNT(*) AS count
  FROM (SELECT number FROM jobs WHERE number < ?1 ORDER BY number DESC LIMIT ${LOOKED_AT})`;

/** Numbers, newest first, and where to go on: null where there are no more jobs to look at. */
export async function listJobNumbers(
  db: D1Database,
  query: JobsQuery,
): Promise<{ readonly numbers: readonly number[]; readonly next: number | null }> {
  const { limit, before = Number.MAX_SAFE_INTEGER, project, user, phase, hours, withinProjects } = query;
  const within = withinProjects && JSON.stringify(withinProjects);
  const filter = [project, user, phase, hours?.first, hours?.last, within].map((value) => value ?? null);
  const found = await db
    .prepare(LIST_JOBS)
    .bind(before, limit + 1, ...filter)
    .all<{ number: number }>();
  const numbers = found.results.map(({ number }) => number);
  if (numbers.length > limit) return { numbers: numbers.slice(0, limit), next: numbers[limit - 1]! };
  // Only then: a page that is full has looked at no more than it holds.
  const looked = await db.prepare(LOOKED).bind(before).first<{ last: number; count: number }>();
  return { numbers, next: looked?.count === LOOKED_AT ? looked.last : null };
}
