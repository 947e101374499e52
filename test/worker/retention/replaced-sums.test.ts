/** Objects of sums that others took the place of leave the bucket, once no database can be restored to a minute that names them. */
import { applyD1Migrations, env } from 'cloudflare:test';
import { beforeAll, expect, test } from 'vitest';
import { LABEL_TABLES } from '../../../shared/rollup/label-sums.ts';
import { retentionSettings } from '../../../shared/settings/retention.ts';
import { Attic, withAttic } from '../../../worker/storage/attic.ts';
import { readLabelHours } from '../../../worker/storage/rollup-labels.ts';
import { readOwnerHours } from '../../../worker/storage/rollup-node-days.ts';
import { nameOf } from '../../../worker/storage/rollup-objects.ts';
import { runRetention } from '../../../worker/use-cases/retention/run.ts';
import { runRollups, TURN_NODE_HOURS } from '../../../worker/use-cases/rollup/run.ts';
import { DAY_MS, gpu, HOUR_MS } from '../emissions/support.ts';
import { fleetOn, type TestFleet } from '../shards/support.ts';
import { host } from '../support/enrolment.ts';

const { DB, SHARD_0, ARCHIVE, TEST_MIGRATIONS } = env as unknown as {
  DB: D1Database;
  SHARD_0: D1Database;
  ARCHIVE: R2Bucket;
  TEST_MIGRATIONS: Parameters<typeof applyD1Migrations>[1];
};
const DAY = 24 * HOUR_MS;
const SETTINGS = retentionSettings({ RETENTION_SERIES_DAYS: '2', RETENTION_WINDOWS_DAYS: '2' });
const iso = (day: number) => new Date(DAY_MS + day * DAY).toISOString();
/** Days that have hours in the bucket. */
const DAYS = 4;
/** All that these tests ask for is summed then; what comes after it takes its time. */
const SUMMED_HOUR = DAY_MS / HOUR_MS + (DAYS + 2) * 24;

interface Site {
  readonly db: D1Database;
  readonly fleet: TestFleet;
  /** Ids of two nodes, in two blocks of 64. */
  readonly nodes: string[];
}
/** Two databases of one bucket: their rows have the same keys. */
const sites: readonly Site[] = [DB, SHARD_0].map((db) => ({ db, fleet: fleetOn([db], DAY_MS), nodes: [] }));
const [own, other] = sites as [Site, Site];

let nowMs = DAY_MS;
function at(day: number): void {
  nowMs = DAY_MS + day * DAY;
  for (const { fleet } of sites) fleet.nowMs = nowMs;
}

/** Until all that is marked is summed. */
async function rollUp({ db }: Site, bucket = ARCHIVE): Promise<void> {
  for (let turn = 0; turn < 20; turn++) {
    await runRollups(withAttic(db, new Attic(bucket)), nowMs, TURN_NODE_HOURS.paid);
    const row = await db
      .prepare(
        'SELECT (SELECT COUNT(*) FROM rollup_marks) AS marks, done_hour AS done, marked_hour AS marked FROM rollup_state',
      )
      .first<{ marks: number; done: number; marked: number }>();
    if (row?.marks === 0 && row.done === row.marked && row.done >= SUMMED_HOUR) return;
  }
  throw new Error('the rollups do not come to an end');
}

const retain = ({ db }: Site, bucket = ARCHIVE, clockMs = nowMs) =>
  runRetention({ db, bucket, settings: SETTINGS, nowMs: clockMs });

async function retainAll(site: Site): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await retain(site);
}

/** The second node was elsewhere since then. */
const move = ({ fleet, nodes }: Site, site: string, day: number) =>
  fleet.ask('PATCH', `/v1/nodes/${nodes[1]}`, { site, effectiveFrom: iso(day) });

interface Noted {
  readonly key: number;
  readonly mark: number;
  readonly replacedAtMs: number;
}

const noted = async ({ db }: Site) =>
  (
    await db
      .prepare('SELECT key, mark, replaced_at_ms AS replacedAtMs FROM replaced_sums ORDER BY id')
      .all<Noted>()
  ).results;

/** Of the database: what it notes is told by it. */
const clockOf = async ({ db }: Site) =>
  (await db.prepare('SELECT unixepoch() * 1000 AS nowMs').first<{ nowMs: number }>())!.nowMs;

/** As if what was noted had been at the clock of these tests. */
const setNotes = ({ db }: Site) =>
  db.prepare('UPDATE replaced_sums SET replaced_at_ms = ?1').bind(nowMs).run();

async function named({ db }: Site): Promise<string[]> {
  const { results } = await db
    .prepare('SELECT key, mark FROM rollup_node_days WHERE mark IS NOT NULL')
    .all<{ key: number; mark: number }>();
  return results.map(nameOf).sort();
}

const inBucket = async () => (await ARCHIVE.list({ prefix: 'sums/' })).objects.map(({ key }) => key);

/** Hours of nodes and of labels, as who cuts days reads them. */
async function hoursOf({ db }: Site): Promise<string> {
  const housed = withAttic(db, new Attic(ARCHIVE));
  const days = Array.from({ length: DAYS }, (_, day) => DAY_MS / DAY + day);
  const found: unknown[] = [];
  for await (const page of readOwnerHours(
    housed,
    days.map((day) => ({ day, blocks: [0, 1] })),
    () => true,
  ))
    found.push(...page);
  for await (const page of readLabelHours(housed, days, LABEL_TABLES, () => true)) found.push(...page);
  expect(found.length).toBeGreaterThan(3 * DAYS);
  return JSON.stringify(found, (_, value: unknown) => (value instanceof Map ? [...value] : value));
}

beforeAll(async () => {
  await applyD1Migrations(SHARD_0, TEST_MIGRATIONS);
  for (const { db, fleet, nodes } of sites) {
    await fleet.ask('POST', '/v1/sites', { id: 'ber', gridZone: 'DE', pueRatio: 1.2 });
    await fleet.ask('POST', '/v1/sites', { id: 'waw', gridZone: 'PL', pueRatio: 1.1 });
    const key = { label: 'replaced', site: 'ber', maxUses: null };
    const { key: secret } = await fleet.ask<{ key: string }>('POST', '/v1/enrolment-keys', key);
    const tokens: string[] = [];
    for (const [place, name] of ['near', 'far'].entries()) {
      if (place === 1)
        await db
          .prepare(
            `INSERT INTO nodes (number, id, hostname, labels, fingerprint, machine_fingerprint, agent_version, simulated, enrolled_at_ms, retired_at_ms)
             SELECT 70, 'none', 'none', '{}', 'none', 'none', '0.1.0', 0, ?1, ?1`,
          )
          .bind(DAY_MS)
          .run();
      const { nodeId, token } = await fleet.ask<{ nodeId: string; token: string }>(
        'POST',
        '/v1/enroll',
        host(name),
        secret,
      );
      nodes.push(nodeId);
      tokens.push(token);
    }
    fleet.nowMs = DAY_MS + (DAYS - 0.5) * DAY;
    for (const [place, token] of tokens.entries()) {
      const reports = [0, 1, 2].map((day) => ({
        windowStartMs: DAY_MS + day * DAY + 5 * HOUR_MS,
        epoch: `epochof${place}`,
        revision: 1,
        final: true,
        devices: [gpu(`GPU-${place}`, 90_000_000)],
        jobs: [
          {
            id: 'slurm:c:1',
            project: 'llm',
            devices: [{ id: `GPU-${place}`, energyMillijoules: 40_000_000, allocatedMilliseconds: 200_000 }],
          },
        ],
      }));
      const body = { version: 1, sentAtMs: fleet.nowMs, agentVersion: '0.1.0', reports };
      expect(await fleet.ask('POST', '/v1/ingest', body, token)).toMatchObject({ accepted: 3 });
    }
  }
  at(DAYS + 2.2);
  for (const site of sites) {
    await rollUp(site);
    await retainAll(site);
  }
});

/** Named, or noted as replaced: nothing else is in the bucket. */
async function expectAccounted(): Promise<void> {
  const known = await Promise.all(
    sites.map(async (site) => [...(await named(site)), ...(await noted(site)).map(nameOf)]),
  );
  expect(await inBucket()).toEqual(known.flat().sort());
}

test('what a change replaces is noted with it, and nothing else', async () => {
  const before = await named(own);
  // Two blocks of nodes on each day, and a row of labels on those that had a job.
  expect(before.length).toBeGreaterThanOrEqual(2 * DAYS + 3);
  await expectAccounted();
  at(10);
  await move(own, 'waw', 2.5);
  const begunMs = await clockOf(own);
  await rollUp(own);
  const replaced = await noted(own);
  const after = await named(own);
  const gone = before.filter((name) => !after.includes(name));
  expect(gone.length).toBeGreaterThan(0);
  expect(replaced.map(nameOf)).toEqual(expect.arrayContaining(gone));
  const instants = [begunMs, ...replaced.map(({ replacedAtMs }) => replacedAtMs), await clockOf(own)];
  expect(instants).toEqual(instants.toSorted());
  expect(await noted(other)).toEqual([]);
  await expectAccounted();
});

test('it stays for as long as a database can be restored, and then only what is named is there', async () => {
  await setNotes(own);
  const stood = [await hoursOf(own), await hoursOf(other)];
  const replaced = (await noted(own)).map(nameOf);
  at(10 + 30.9);
  for (const site of sites) await retain(site);
  expect(await inBucket()).toEqual(expect.arrayContaining(replaced));
  at(10 + 31);
  // The other database knows nothing of them.
  await retain(other);
  expect(await inBucket()).toEqual(expect.arrayContaining(replaced));
  await retain(own);
  expect(await noted(own)).toEqual([]);
  expect((await inBucket()).filter((name) => replaced.includes(name))).toEqual([]);
  await expectAccounted();
  expect([await hoursOf(own), await hoursOf(other)]).toEqual(stood);
});

test('a database that is restored to a minute of the last 30 days finds what it names', async () => {
  const [stood, then] = [await hoursOf(own), await copyOf(own)];
  await move(own, 'waw', 0.5);
  await rollUp(own);
  expect(await hoursOf(own)).not.toBe(stood);
  await setNotes(own);
  at(10 + 31 + 30);
  await retain(own);
  await restore(own, then);
  expect(await hoursOf(own)).toBe(stood);
  // Notes of minutes that are no more went with them: what they told of is named again.
  at(10 + 31 + 40);
  await retain(own);
  expect(await hoursOf(own)).toBe(stood);
});

test('a note of what a row names deletes nothing', async () => {
  const before = await named(own);
  await own.db
    .prepare(
      `INSERT INTO replaced_sums (key, mark, replaced_at_ms)
       SELECT key, mark, 0 FROM rollup_node_days WHERE mark IS NOT NULL`,
    )
    .run();
  await retain(own);
  expect(await noted(own)).toEqual([]);
  expect(await inBucket()).toEqual(expect.arrayContaining(before));
});

test('a run that breaks off notes nothing, and one that another overtook nothing more', async () => {
  await move(own, 'ber', 1.5);
  const before = await named(own);
  const ended = withBucket('put', async (put) => {
    await put();
    throw new Error('the run ended');
  });
  await expect(rollUp(own, ended)).rejects.toThrow('ended');
  expect([await noted(own), await named(own)]).toEqual([[], before]);
  let isOvertaken = false;
  const overtaken = withBucket('put', async (put) => {
    const object = await put();
    if (!isOvertaken) {
      isOvertaken = true;
      await rollUp(own);
    }
    return object;
  });
  await rollUp(own, overtaken);
  expect(isOvertaken).toBe(true);
  const after = await named(own);
  const replaced = (await noted(own)).map(nameOf).sort();
  expect(new Set(replaced).size).toBe(replaced.length);
  expect(replaced).toEqual(expect.arrayContaining(before.filter((name) => !after.includes(name))));
  expect(replaced.filter((name) => after.includes(name))).toEqual([]);
  expect(await inBucket()).toEqual(expect.arrayContaining([...after, ...replaced]));
});

test('a run that breaks off between bucket and database deletes again, as two at once do', async () => {
  await setNotes(own);
  const replaced = (await noted(own)).map(nameOf);
  expect(replaced.length).toBeGreaterThan(0);
  nowMs += 31 * DAY;
  const kept = [...(await named(own)), ...(await named(other))];
  const ended = withBucket('delete', async (remove) => {
    await remove();
    throw new Error('the run ended');
  });
  await expect(retain(own, ended)).rejects.toThrow('ended');
  expect((await noted(own)).map(nameOf)).toEqual(replaced);
  await Promise.all([retain(own), retain(own)]);
  expect(await noted(own)).toEqual([]);
  const left = await inBucket();
  expect(left.filter((name) => replaced.includes(name))).toEqual([]);
  expect(left).toEqual(expect.arrayContaining(kept));
});

test('a turn deletes a thousand, in one call', async () => {
  await own.db
    .prepare(
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500)
       INSERT INTO replaced_sums (key, mark, replaced_at_ms) SELECT i, i, ?1 FROM n`,
    )
    .bind(nowMs - 31 * DAY)
    .run();
  const calls: number[] = [];
  const counting = withBucket('delete', (remove, names) => {
    calls.push((names as string[]).length);
    return remove();
  });
  await retain(own, counting);
  expect((await noted(own)).length).toBe(500);
  await retain(own, counting);
  await retain(own, counting);
  expect(calls).toEqual([1_000, 500]);
});

const SUMS = ['rollup_node_days', 'replaced_sums'];
type Copy = readonly { readonly table: string; readonly rows: readonly Record<string, unknown>[] }[];

async function copyOf({ db }: Site): Promise<Copy> {
  const copy = [];
  for (const table of SUMS)
    copy.push({
      table,
      rows: (await db.prepare(`SELECT * FROM ${table}`).all<Record<string, unknown>>()).results,
    });
  return copy;
}

async function restore({ db }: Site, copy: Copy): Promise<void> {
  for (const { table, rows } of copy) {
    await db.prepare(`DELETE FROM ${table}`).run();
    for (const row of rows) {
      const values = Object.values(row).map((value) =>
        Array.isArray(value) ? new Uint8Array(value) : value,
      );
      const places = values.map((_, index) => `?${index + 1}`).join(', ');
      await db
        .prepare(`INSERT INTO ${table} (${Object.keys(row).join(', ')}) VALUES (${places})`)
        .bind(...values)
        .run();
    }
  }
}

/** The bucket, with another way to do this to objects of sums. */
function withBucket(
  method: 'put' | 'delete',
  work: (own: () => Promise<unknown>, first: unknown) => Promise<unknown>,
): R2Bucket {
  return new Proxy(ARCHIVE, {
    get(bucket, property) {
      const its = Reflect.get(bucket, property).bind(bucket);
      return property === method ? (...of: unknown[]) => work(() => its(...of), of[0]) : its;
    },
  });
}
