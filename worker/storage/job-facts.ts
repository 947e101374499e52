/** What was said of jobs after their first report: rows are only added, and of one key the last holds. */
import { JOB_WORDS } from '../../shared/emissions/owners.ts';
import { HOUR_MS } from '../../shared/time/window.ts';
import { type Author, recordChange } from './changes.ts';
import type { JobNumber } from './jobs.ts';
import { markJobs } from './rollup-label-state.ts';

/** SQL: the last word on one key of a job, people's or, as `agent.` and the key, that of agents. */
export const lastFact = (job: string, key: string) =>
  `(SELECT fact.value FROM job_facts AS fact WHERE fact.job_number = ${job}.number AND fact.key = ${key} ORDER BY fact.id DESC LIMIT 1)`;

/** What people say of one job: keys of `job_facts`; null takes back. */
export type JobFactsSaid = Readonly<Record<string, string | null>>;

export const UNITS = 'units.';

/** Keys of facts that sums by label are made by, people's and agents'. */
const LABELS: ReadonlySet<string> = new Set(JOB_WORDS.flatMap((word) => [word, `agent.${word}`]));
/** Others are counts of what jobs made. */
export const isLabel = ({ key }: { readonly key: string }): boolean => LABELS.has(key);

const SAY = `
  INSERT INTO job_facts (job_number, key, value, recorded_at_ms, recorded_by) VALUES (?1, ?2, ?3, ?4, ?5)`;

const LAST_SAID = 'SELECT key, value, MAX(id) AS id FROM job_facts WHERE job_number = ?1 GROUP BY key';

/** Names of units that one job may have. */
export const MAX_UNITS_PER_JOB = 16;
/** Whatever people and programs say of one job, each word once: every answer that names the job reads them. */
export const MAX_FACTS_PER_JOB = 2_000;

const COUNT_SAID = `SELECT COUNT(*) AS count FROM job_facts WHERE job_number = ?1 AND key NOT LIKE 'agent.%'`;

/** What had not been said before of one key. */
export interface News {
  readonly key: string;
  readonly from: string | null;
  readonly to: string | null;
}

/** What of it is news to this database; or what of it is more than is kept of one job. */
export async function newsOfJob(
  db: D1Database,
  jobNumber: number,
  said: JobFactsSaid,
): Promise<readonly News[] | 'units' | 'facts'> {
  const [last, counted] = await db.batch<{ key: string; value: string | null; count: number }>([
    db.prepare(LAST_SAID).bind(jobNumber),
    db.prepare(COUNT_SAID).bind(jobNumber),
  ]);
  // Not what holds: an agent may say the same now and something else later.
  const before = new Map(last!.results.map(({ key, value }) => [key, value]));
  const units = [...new Map([...before, ...Object.entries(said)])].filter(
    ([key, value]) => key.startsWith(UNITS) && value !== null,
  );
  if (units.length > MAX_UNITS_PER_JOB) return 'units';
  const news = Object.entries(said)
    .map(([key, to]) => ({ key, from: before.get(key) ?? null, to }))
    .filter(({ from, to }) => from !== to);
  const isTooMuch = counted!.results[0]!.count + news.length > MAX_FACTS_PER_JOB;
  if (news.length > 0 && isTooMuch) return 'facts';
  return news;
}

/**
 * Records and logs it in one transaction: six rows each.
 * @param isLogged false where the log of another database tells of it
 */
export async function writeJobFacts(
  db: D1Database,
  job: JobNumber,
  news: readonly News[],
  author: Author,
  nowMs: number,
  isLogged: boolean,
): Promise<void> {
  const shown = (key: string, value: string | null) =>
    key.startsWith(UNITS) && value !== null ? Number(value) : value;
  const statements = news.flatMap(({ key, from, to }) => {
    const change = {
      subject: `job:${job.id}`,
      what: key,
      from: shown(key, from),
      to: shown(key, to),
      effectiveFromMs: null,
      effectiveToMs: null,
    };
    const say = db.prepare(SAY).bind(job.number, key, to, nowMs, author.who);
    return isLogged ? [say, recordChange(db, { recordedAtMs: nowMs, ...author, ...change })] : [say];
  });
  if (statements.length === 0) return;
  if (news.some(isLabel)) statements.push(markJobs(db, [job.id], Math.floor(nowMs / HOUR_MS)));
  await db.batch(statements);
}
