/**
 * The databases of a fleet. A shard is the whole world of its nodes: their tokens, hours, jobs, quarantine, log and rollups,
 * so that what belongs together is written in one batch. Shard 0 holds besides what is of the whole fleet: sites, keys,
 * grid, alerts, periods (docs/decisions/0010-shards.md). One shard is the ordinary case and runs the same code.
 */

import { bindingOf, MAX_SHARDS } from '../../shared/settings/shards.ts';
import { Attic, withAttic } from './attic.ts';
import { byKey } from './by-node.ts';
import { namedDatabase } from './named-database.ts';

/** Numbers of nodes that one shard gives out: more than a database can hold hours of. */
export const NODES_PER_SHARD = 2 ** 20;
/** Likewise of jobs: with their index they take 150 bytes each. Of 64 shards numbers stay below 2^32. */
export const JOBS_PER_SHARD = 2 ** 26;
/** Ids of rows that every shard counts for itself, such as changes: outside they are told apart by this. */
const ROWS_PER_SHARD = 2 ** 44;

/** A request has six connections at once; what is beyond them would wait anyway, and hold its memory meanwhile. */
const AT_ONCE = 6;

export const shardOfNode = (nodeNumber: number): number => Math.floor(nodeNumber / NODES_PER_SHARD);
export const shardOfJob = (jobNumber: number): number => Math.floor(jobNumber / JOBS_PER_SHARD);

/** Number among the nodes of its shard: what keys that hold more than a node are made from. */
export const localNode = (nodeNumber: number): number => nodeNumber % NODES_PER_SHARD;
export const localJob = (jobNumber: number): number => jobNumber % JOBS_PER_SHARD;
/** A shard gives out numbers above these. */
export const firstNodeOf = (shard: number): number => shard * NODES_PER_SHARD;
export const firstJobOf = (shard: number): number => shard * JOBS_PER_SHARD;

/** Id of a row as it is told outside, where rows of all shards stand in one list. */
export const fleetRowId = (shard: number, id: number): number => shard * ROWS_PER_SHARD + id;
export const parseFleetRowId = (id: number): { readonly shard: number; readonly id: number } => ({
  shard: Math.floor(id / ROWS_PER_SHARD),
  id: id % ROWS_PER_SHARD,
});

/** A shard did not do what it was asked: no figure is told without its nodes. `cause` says what went wrong. */
export class ShardError extends Error {
  readonly binding: string;

  constructor(shard: number, cause: unknown) {
    super(`database ${bindingOf(shard)} failed: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
    this.binding = bindingOf(shard);
  }
}

/** What a shard is asked; `shard` is its number. */
type Ask<T> = (db: D1Database, shard: number) => Promise<T>;
type AskOf<T> = (db: D1Database, own: readonly number[], shard: number) => Promise<readonly T[]>;

export class Shards {
  readonly #databases: readonly D1Database[];

  constructor(databases: readonly [D1Database, ...D1Database[]]) {
    // Whoever asks one of several past the methods below, and fails, is told which it was.
    this.#databases =
      databases.length === 1
        ? databases
        : databases.map((db, shard) => namedDatabase(db, (error) => toShardError(shard, error)));
  }

  /** Shard 0. */
  get main(): D1Database {
    return this.#databases[0]!;
  }

  get count(): number {
    return this.#databases.length;
  }

  /** @throws RangeError for a shard that is not configured: numbers in use lead there, so a binding was lost */
  at(shard: number): D1Database {
    const database = this.#databases[shard];
    if (database === undefined)
      throw new RangeError(`the binding ${bindingOf(shard)} is missing, and nodes live in that database`);
    return database;
  }

  ofNode(nodeNumber: number): D1Database {
    return this.at(shardOfNode(nodeNumber));
  }

  /** The same fleet over other databases, one for each. */
  map(other: (db: D1Database, shard: number) => D1Database): Shards {
    const [first, ...rest] = this.#databases.map(other);
    return new Shards([first!, ...rest]);
  }

  /** Asks one shard. @throws ShardError */
  ask<T>(shard: number, ask: Ask<T>): Promise<T> {
    return named(shard, () => ask(this.at(shard), shard));
  }

  /** Rows of one shard as they come. @throws ShardError */
  async *stream<T>(shard: number, read: (db: D1Database) => AsyncGenerator<T>): AsyncGenerator<T> {
    try {
      yield* read(this.at(shard));
    } catch (error) {
      throw toShardError(shard, error);
    }
  }

  /** Asks every shard. @returns answers in order of the shards @throws ShardError of the first that fails */
  async each<T>(ask: Ask<T>): Promise<T[]> {
    return inTurns(
      this.#databases.map((db, shard) => () => named(shard, () => ask(db, shard))),
      AT_ONCE,
    );
  }

  /** Asks every shard for rows: all of them, in order of the shards. */
  async rows<T>(ask: Ask<readonly T[]>): Promise<T[]> {
    return (await this.each(ask)).flat();
  }

  /** Asks the shards of these nodes, each for its own. @returns rows in order of the shards */
  async ofNodes<T>(nodeNumbers: readonly number[], ask: AskOf<T>): Promise<T[]> {
    return this.#ofNumbers(nodeNumbers, shardOfNode, ask);
  }

  /** Asks the shards of these jobs, each for its own. */
  async ofJobs<T>(jobNumbers: readonly number[], ask: AskOf<T>): Promise<T[]> {
    return this.#ofNumbers(jobNumbers, shardOfJob, ask);
  }

  async #ofNumbers<T>(
    numbers: readonly number[],
    shardOf: (number: number) => number,
    ask: AskOf<T>,
  ): Promise<T[]> {
    const parts = [...byKey(numbers, shardOf)].sort(([a], [b]) => a - b);
    const asked = parts.map(
      ([shard, own]) =>
        () =>
          named(shard, () => ask(this.at(shard), own, shard)),
    );
    return (await inTurns(asked, AT_ONCE)).flat();
  }
}

/** Of one request or one run. @param env the bindings; those of databases beyond the first gap are not looked at */
export function createShards(env: { readonly DB: D1Database; readonly ARCHIVE?: R2Bucket }): Shards {
  const bindings = env as unknown as Readonly<Record<string, D1Database | undefined>>;
  // Of all databases together: it is what one request may read of the bucket.
  const attic = env.ARCHIVE === undefined ? null : new Attic(env.ARCHIVE);
  const databases: [D1Database, ...D1Database[]] = [withAttic(env.DB, attic)];
  for (let shard = 1; shard < MAX_SHARDS; shard++) {
    const database = bindings[bindingOf(shard)];
    if (database === undefined) break;
    databases.push(withAttic(database, attic));
  }
  return new Shards(databases);
}

async function named<T>(shard: number, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    throw toShardError(shard, error);
  }
}

function toShardError(shard: number, error: unknown): ShardError {
  return error instanceof ShardError ? error : new ShardError(shard, error);
}

/** As many at once as allowed. @returns answers in order */
async function inTurns<T>(tasks: readonly (() => Promise<T>)[], atOnce: number): Promise<T[]> {
  const answers: T[] = [];
  let next = 0;
  const work = async () => {
    while (next < tasks.length) {
      const index = next++;
      answers[index] = await tasks[index]!();
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, tasks.length) }, work));
  return answers;
}
