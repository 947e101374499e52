/** The jobs that an answer is about: those asked for by name, and those that the hours name. */
import type { JobRequest } from '../../shared/emissions/join.ts';
import type { JobFacts } from '../../shared/emissions/owners.ts';
import type { HourLedger } from '../../shared/ledger/hour.ts';
import { findJobNumbers, readFleetJobs } from '../storage/fleet-jobs.ts';
import type { Shards } from '../storage/shards.ts';
import { onlyJob, type Term } from './emissions-filter.ts';

/** Numbers of the jobs that are asked for by name, so that only their nodes are read; null where none is. */
export async function namedJobs(
  shards: Shards,
  { jobNumbers }: { readonly jobNumbers?: readonly number[] | undefined },
  terms: readonly Term[],
): Promise<readonly number[] | null> {
  if (jobNumbers !== undefined) return jobNumbers;
  const id = onlyJob(terms);
  if (id === null) return null;
  return findJobNumbers(shards, id);
}

/** The jobs that the hours name, read as they appear: all of them would be too many. */
export class KnownJobs {
  readonly #shards: Shards;
  readonly #knownAtMs: number;
  readonly #byNumber = new Map<number, JobFacts>();
  readonly #texts = new Map<string, string>();

  constructor(shards: Shards, knownAtMs: number) {
    this.#shards = shards;
    this.#knownAtMs = knownAtMs;
  }

  readonly jobOf: JobRequest['jobOf'] = (number) => {
    const job = this.#byNumber.get(number);
    if (job === undefined) throw new RangeError(`job ${number} of an hour is not in the registry`);
    return job;
  };

  async readNamedIn(hours: readonly { readonly ledger: HourLedger }[]): Promise<void> {
    const named = hours.flatMap(({ ledger }) => ledger.windows.flat().flatMap(({ jobShares }) => jobShares));
    await this.read([...new Set(named.map(({ jobNumber }) => jobNumber))]);
  }

  async read(numbers: readonly number[]): Promise<void> {
    const fresh = numbers.filter((number) => !this.#byNumber.has(number));
    for (const { numbers: all, ...job } of await readFleetJobs(this.#shards, fresh, this.#knownAtMs)) {
      // Hundreds of thousands in a month of a large fleet, with the same few projects and users.
      const facts = {
        number: job.number,
        id: job.id,
        project: this.#same(job.project),
        user: this.#same(job.user),
        phase: this.#same(job.phase),
      };
      for (const number of all) this.#byNumber.set(number, facts);
    }
  }

  /** The same text once. */
  #same(text: string | null): string | null {
    if (text === null) return null;
    const known = this.#texts.get(text);
    if (known !== undefined) return known;
    this.#texts.set(text, text);
    return text;
  }
}
