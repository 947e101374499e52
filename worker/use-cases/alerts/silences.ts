/** Silences and maintenance windows as operators keep them. */
import { longestMs } from '../../../shared/alerts/silence.ts';
import { fail, ok, type Problem, type Result } from '../../http/problem.ts';
import {
  deleteSilence,
  findSilence,
  insertSilence,
  listSilences,
  type StoredSilence,
  updateSilence,
} from '../../storage/alert-silences.ts';
import { newAlertId } from './new-id.ts';
import { parseScope } from './parse-scope.ts';
import type { RuleAuthor } from './rules.ts';

/** Each run reads those that may hold; what is over is the operator's to delete. */
const MAX_SILENCES = 500;

export type SilenceInput = Pick<
  StoredSilence,
  'comment' | 'ruleNames' | 'filter' | 'startsAtMs' | 'endsAtMs' | 'repeats'
>;

type SilenceChange = { readonly [K in keyof SilenceInput]?: SilenceInput[K] | undefined };

/** Problem: `not_found`. */
export async function getSilence(db: D1Database, id: string): Promise<Result<StoredSilence>> {
  const found = await findSilence(db, id);
  return found === null ? noSilence(id) : ok(found);
}

/** Problems: `invalid_body`, `in_use` where there are too many. */
export async function createSilence(
  db: D1Database,
  input: SilenceInput,
  { nowMs, tokenId }: RuleAuthor,
): Promise<Result<StoredSilence>> {
  const problem = silenceProblem(input);
  if (problem !== null) return { ok: false, problem };
  if ((await listSilences(db, MAX_SILENCES, '')).length === MAX_SILENCES)
    return fail(
      'in_use',
      `There are ${MAX_SILENCES} silences, as many as there may be; delete those that are over.`,
    );
  const silence = { id: newAlertId('silence'), ...input, createdAtMs: nowMs, createdBy: tokenId };
  await insertSilence(db, silence);
  return ok(silence);
}

/** Fields that are undefined stay. Problems: `not_found`, `invalid_body`. */
export async function changeSilence(
  db: D1Database,
  id: string,
  change: SilenceChange,
): Promise<Result<StoredSilence>> {
  const stored = await findSilence(db, id);
  if (stored === null) return noSilence(id);
  const given = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
  const silence: StoredSilence = { ...stored, ...given };
  const problem = silenceProblem(silence);
  if (problem !== null) return { ok: false, problem };
  await updateSilence(db, id, given);
  return ok(silence);
}

/** Problem: `not_found`. */
export async function removeSilence(db: D1Database, id: string): Promise<Result<null>> {
  return (await deleteSilence(db, id)) ? ok(null) : noSilence(id);
}

function silenceProblem({ filter, startsAtMs, endsAtMs, repeats }: SilenceInput): Problem | null {
  const scope = parseScope(filter);
  if (!scope.ok) return { code: 'invalid_body', detail: `/${scope.problem.detail}`, field: '/filter' };
  const detail =
    endsAtMs <= startsAtMs
      ? '/endsAt: expected an instant after startsAt.'
      : endsAtMs - startsAtMs > longestMs(repeats)
        ? `/endsAt: a silence that repeats ${repeats} ends before it begins again.`
        : null;
  return detail === null ? null : { code: 'invalid_body', detail, field: '/endsAt' };
}

const noSilence = (id: string) => fail('not_found', `There is no silence "${id}".`);
