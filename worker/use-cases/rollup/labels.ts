/**
 * Whether a database keeps sums by label: one whose nodes fill more than a block, since a block is read in one row, and whose
 * runs have room for them. Jobs that run in several databases have one label: what is said of them in another is followed.
 */
import { ALL_KNOWN } from '../../../shared/audit/as-known.ts';
import { JOB_WORDS } from '../../../shared/emissions/owners.ts';
import { LABELS_VERSION } from '../../../shared/rollup/label-sums.ts';
import { HOUR_MS } from '../../../shared/time/window.ts';
import { byKey } from '../../storage/by-node.ts';
import { isLabel } from '../../storage/job-facts.ts';
import { type JobWords, readJobWords, readLastJobWord, type WordsSeen } from '../../storage/job-words.ts';
import {
  beginLabels,
  endLabels,
  type FollowedJobs,
  keepFollowedJobs,
  readFollowedJobs,
} from '../../storage/rollup-label-state.ts';
import type { RollupState } from '../../storage/rollup-state.ts';
import type { Shards } from '../../storage/shards.ts';
import { type JobRow, readJobRowsById } from '../../storage/stored-jobs.ts';

/**
 * What databases say of jobs, asked once in a run: each of many follows all others, and a run has a thousand queries. Those that
 * were followed in one turn are followed from the same on in the next.
 */
export class FleetWords {
  readonly #known = new Map<string, Promise<JobWords>>();

  since(db: D1Database, shard: number, seen: WordsSeen): Promise<JobWords> {
    const key = `${shard} ${seen}`;
    const known = this.#known.get(key) ?? readJobWords(db, seen);
    this.#known.set(key, known);
    return known;
  }
}

/**
 * @param words of this turn
 * @returns whether they are kept in this turn
 */
export async function followLabels(
  db: D1Database,
  shards: Shards,
  words: FleetWords,
  { labelsVersion }: RollupState,
  areWanted: boolean,
  nowMs: number,
): Promise<boolean> {
  if (!areWanted) {
    if (labelsVersion !== null) await endLabels(db);
    return false;
  }
  const nowHour = Math.floor(nowMs / HOUR_MS);
  if (labelsVersion !== LABELS_VERSION)
    await beginLabels(db, LABELS_VERSION, await allThatWasSaid(db, shards), nowHour);
  else if (shards.count > 1) await followJobs(db, shards, words, nowHour);
  return true;
}

async function allThatWasSaid(db: D1Database, shards: Shards): Promise<FollowedJobs> {
  const seen = await shards.rows(async (other, shard) =>
    other === db ? [] : [[shard, await readLastJobWord(other)] as const],
  );
  return Object.fromEntries(seen);
}

/** Marks the days of jobs of which another database says otherwise. */
async function followJobs(db: D1Database, shards: Shards, words: FleetWords, nowHour: number): Promise<void> {
  const followed = await readFollowedJobs(db);
  const news = await shards.rows(async (other, shard) =>
    other === db ? [] : [{ shard, ...(await words.since(other, shard, followed[shard] ?? [0, 0])) }],
  );
  const said = new Set(news.flatMap((own) => own.said));
  const fresh = news.flatMap(({ jobs }) => jobs).filter((id) => !said.has(id));
  const seen = Object.fromEntries(news.map((own) => [own.shard, own.seen]));
  if (JSON.stringify(seen) === JSON.stringify(followed)) return;
  const ids = [...said, ...(await namedOtherwise(db, shards, fresh))];
  await keepFollowedJobs(db, seen, ids, nowHour);
}

/**
 * Of jobs that are new to another database, those that ran here and of which not all say the same. That the last one says what
 * is said here is not enough: between the two a third may have named them otherwise.
 */
async function namedOtherwise(db: D1Database, shards: Shards, ids: readonly string[]): Promise<string[]> {
  const here = await readJobRowsById(db, ids, ALL_KNOWN);
  if (here.length === 0) return [];
  const known = here.map(({ id }) => id);
  const rows = byKey(await shards.rows((each) => readJobRowsById(each, known, ALL_KNOWN)), ({ id }) => id);
  return here.flatMap((own) => {
    const isOther = (row: JobRow) =>
      row.facts.some(isLabel) || JOB_WORDS.some((word) => row[word] !== null && row[word] !== own[word]);
    return rows.get(own.id)!.some(isOther) ? [own.id] : [];
  });
}
