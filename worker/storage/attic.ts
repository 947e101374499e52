/**
 * The bucket beside a database: what is rarely asked for lies there, in objects that are never written again. The database names
 * the objects that count, so whoever reads one state of it sees one state of both (docs/decisions/0012-days-in-the-bucket.md).
 */

/** Objects, or parts of them, that one request or run reads: it has 1,000 calls for all that it does. */
const MOST_READS = 750;
/** Parts that are so close together are read as one. */
const GAP_BYTES = 65_536;
/** Connections that the platform gives at once. */
const AT_ONCE = 6;

/** Of one request or one run. */
export class Attic {
  readonly #bucket: R2Bucket;
  #reads = 0;

  constructor(bucket: R2Bucket) {
    this.#bucket = bucket;
  }

  /**
   * @returns what was asked for, in order
   * @throws TooManyReadsError beyond what one request may read
   */
  async read(parts: readonly ObjectPart[]): Promise<Uint8Array[]> {
    const runs = runsOf(parts);
    this.#reads += runs.length;
    if (this.#reads > MOST_READS) throw new TooManyReadsError();
    const found = new Map<ObjectPart, Uint8Array>();
    let next = 0;
    const work = async () => {
      while (next < runs.length) {
        const run = runs[next++]!;
        const bytes = await this.#get(run);
        for (const part of run.parts) {
          const start = part.offset - run.offset;
          // A copy: what was read between the parts need not be held as long as they are.
          found.set(part, bytes.slice(start, start + part.length));
        }
      }
    };
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, runs.length) }, work));
    return parts.map((part) => found.get(part)!);
  }

  async readWhole(name: string): Promise<Uint8Array> {
    const bytes = await this.find(name);
    if (bytes === null) throw missing(name);
    return bytes;
  }

  /** Null where there is no such object. */
  async find(name: string): Promise<Uint8Array | null> {
    if (++this.#reads > MOST_READS) throw new TooManyReadsError();
    return asked(async () => bytesOf(await this.#bucket.get(name)));
  }

  /** Names that begin so, at most a thousand. */
  async list(prefix: string): Promise<string[]> {
    if (++this.#reads > MOST_READS) throw new TooManyReadsError();
    return (await asked(() => this.#bucket.list({ prefix }))).objects.map(({ key }) => key);
  }

  /** @throws Error where an object has this name: another run's, which may count already */
  async write(name: string, bytes: Uint8Array): Promise<void> {
    const onlyIf = { etagDoesNotMatch: '*' };
    const written = await asked(() => this.#bucket.put(name, bytes, { onlyIf }));
    if (written === null)
      throw new Error(`${name} is in the bucket already; the next turn takes another name`);
  }

  /** At most a thousand; those that are gone already are gone. */
  async remove(names: readonly string[]): Promise<void> {
    await asked(() => this.#bucket.delete([...names]));
  }

  async #get({ name, offset, length }: Run): Promise<Uint8Array> {
    const range = { offset, length };
    const bytes = await asked(async () => bytesOf(await this.#bucket.get(name, { range })));
    if (bytes === null) throw missing(name);
    if (bytes.length !== length)
      throw new Error(`${name} ends too early: it is not the object that was written`);
    return bytes;
  }
}

export interface ObjectPart {
  readonly name: string;
  /** In bytes. */
  readonly offset: number;
  readonly length: number;
}

interface Run extends ObjectPart {
  readonly parts: readonly ObjectPart[];
}

/** One read each. */
function runsOf(parts: readonly ObjectPart[]): Run[] {
  const runs: { name: string; offset: number; length: number; parts: ObjectPart[] }[] = [];
  const ordered = [...parts].sort((a, b) =>
    a.name === b.name ? a.offset - b.offset : a.name < b.name ? -1 : 1,
  );
  for (const part of ordered) {
    const last = runs.at(-1);
    if (last?.name === part.name && part.offset <= last.offset + last.length + GAP_BYTES) {
      last.length = Math.max(last.length, part.offset + part.length - last.offset);
      last.parts.push(part);
    } else runs.push({ ...part, parts: [part] });
  }
  return runs;
}

const bytesOf = async (object: R2ObjectBody | null) =>
  object === null ? null : new Uint8Array(await object.arrayBuffer());

/** @throws BucketError where the bucket fails */
async function asked<T>(question: () => Promise<T>): Promise<T> {
  try {
    return await question();
  } catch (error) {
    throw new BucketError(error);
  }
}

const missing = (name: string) =>
  new Error(`${name} is missing from the bucket, and figures are made from it: restore it`);

/** The bucket did not do what it was asked, and may do it the next time. `cause` says what went wrong. */
export class BucketError extends Error {
  constructor(cause: unknown) {
    super(`the bucket ARCHIVE failed: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

/** More objects than one request may read. */
export class TooManyReadsError extends Error {
  constructor() {
    super(
      `Days of so long ago lie in files, and one answer reads at most ${MOST_READS} of them: one for each day and 64 nodes. Ask for fewer days at once, or narrow \`filter\`.`,
    );
  }
}

/** A database that knows the bucket beside it. */
interface Housed extends D1Database {
  readonly attic?: Attic | undefined;
}

/** Null where the operator has no archive, or the database was opened without. */
export const atticOf = (db: D1Database): Attic | null => (db as Housed).attic ?? null;

/** @throws Error without one: what lies there is not left out of an answer */
export function needAttic(db: D1Database): Attic {
  const attic = atticOf(db);
  if (attic === null)
    throw new Error('the binding ARCHIVE is missing, and days of the ledger or of sums lie in that bucket');
  return attic;
}

/** The same database; what is read of it may lie in the attic. */
export function withAttic(db: D1Database, attic: Attic | null): D1Database {
  const housed: Housed = {
    prepare: (sql) => db.prepare(sql),
    batch: (statements) => db.batch(statements),
    exec: (sql) => db.exec(sql),
    withSession: (constraint) => db.withSession(constraint),
    dump: () => db.dump(),
    attic: attic ?? undefined,
  };
  return housed;
}
