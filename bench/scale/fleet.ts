/** The fleet at work: sites and intensities, nodes that enrol by key, and doors into the Worker with their bill. */
import { deflateRawSync } from 'node:zlib';
import { encodeSeries } from '../../shared/ledger/series-codec.ts';
import { bindingOf } from '../../shared/settings/shards.ts';
import { HOUR_MS } from '../../shared/time/window.ts';
import { cpuSeconds } from '../agent/process-use.ts';
import { type MeteredSite, startMeteredSite } from '../metered-site.ts';
import { hostname, hourMs, SERIES_KINDS, SITES, START_MS, samplesOf, siteOf, ZONES } from './truth.ts';

/** What the platform gives a Worker. */
export const WORKER_MEBIBYTES = 128;
/** Enrolments in one request of the bench. */
const AT_ONCE = 250;

export interface Bill {
  readonly written: number;
  readonly read: number;
  readonly statements: number;
  /** Characters of the longest bound text. */
  readonly longestValue: number;
  /** Rows by table. */
  readonly writtenTo: Readonly<Record<string, number>>;
  /** Of workerd: the Worker and its databases. */
  readonly cpuSeconds: number;
}

export interface Node {
  readonly node: number;
  readonly id: string;
  /** Null: nobody reports with it. */
  readonly token: string | null;
  readonly number: number;
  /** Binding of the database that holds it. */
  readonly database: string;
}

export class Fleet {
  readonly site: MeteredSite;
  readonly series: readonly string[];

  private constructor(site: MeteredSite, series: readonly string[]) {
    this.site = site;
    this.series = series;
  }

  /** @param shards databases */
  static async start(shards: number): Promise<Fleet> {
    const databases = Array.from({ length: shards }, (_, shard) => bindingOf(shard));
    // Windows come to the archive when series have left it by the preset; here one day is read with both.
    const settings = { RETENTION_ARCHIVED_SERIES_DAYS: 'always' };
    const heapMebibytes = WORKER_MEBIBYTES;
    const options = { databases, archive: true, plan: 'paid', settings, heapMebibytes } as const;
    const site = await startMeteredSite('bench/scale/worker.mjs', options);
    const series = Array.from({ length: SERIES_KINDS }, (_, kind) =>
      deflateRawSync(encodeSeries(samplesOf(kind))).toString('base64'),
    );
    const fleet = new Fleet(site, series);
    await fleet.door('series', series);
    return fleet;
  }

  async door<T>(name: string, body: unknown): Promise<T> {
    return (await this.site.ask<{ answer: T }>(`/__${name}`, body)).answer;
  }

  setClock(nowMs: number): Promise<void> {
    return this.door('clock', nowMs);
  }

  get<T>(path: string): Promise<T> {
    return this.site.ask<T>(path, undefined, undefined, 'GET');
  }

  /** An answer that is no JSON. @throws where it is no success */
  async text(path: string): Promise<string> {
    const headers = { Authorization: `Bearer ${this.site.adminToken}`, Connection: 'close' };
    const response = await fetch(this.site.url + path, { headers });
    const text = await response.text();
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${text}`);
    return text;
  }

  /** What it takes to do this, in all databases. */
  async billOf<T>(work: () => Promise<T>): Promise<{ readonly result: T; readonly bill: Bill }> {
    const before = await this.#bills();
    const cpuBefore = cpuSeconds(this.site.processId);
    const result = await work();
    const cpu = cpuSeconds(this.site.processId) - cpuBefore;
    const after = await this.#bills();
    const growth = (of: 'written' | 'read' | 'statements') => sum(after, of) - sum(before, of);
    const longestValue = Math.max(0, ...after.map((bill) => bill.longestValue));
    const bill = { written: growth('written'), read: growth('read'), statements: growth('statements') };
    const writtenTo = Object.fromEntries(
      Object.entries(byTable(after)).map(([table, rows]) => [table, rows - (byTable(before)[table] ?? 0)]),
    );
    return { result, bill: { ...bill, longestValue, writtenTo, cpuSeconds: cpu } };
  }

  async #bills() {
    return Object.values(
      (await this.site.ask<{ bills: Record<string, Omit<Bill, 'cpuSeconds'>> }>('/__bills', null)).bills,
    );
  }

  /** Bytes by binding. */
  async databaseBytes(): Promise<ReadonlyMap<string, number>> {
    const sizes = new Map<string, number>();
    for (const [name, database] of this.site.databases)
      sizes.set(name, (await database.prepare('SELECT 1').run()).meta.size_after);
    return sizes;
  }

  /** What was set aside, one line for each reason. */
  async quarantined(): Promise<readonly string[]> {
    const lines: string[] = [];
    for (const [name, database] of this.site.databases) {
      const { results } = await database
        .prepare('SELECT code, COUNT(*) AS count, MIN(detail) AS detail FROM quarantine GROUP BY code')
        .all<{ code: string; count: number; detail: string }>();
      for (const { code, count, detail } of results) lines.push(`${name}: ${count} ${code}: ${detail}`);
    }
    return lines;
  }

  async prepareSites(hours: number): Promise<void> {
    await this.setClock(START_MS);
    for (let site = 0; site < SITES; site++)
      await this.site.ask('/v1/sites', {
        id: `site-${site}`,
        gridZone: ZONES[site % ZONES.length],
        pueRatio: 1.2,
      });
    for (const [index, zone] of ZONES.entries()) {
      const points = Array.from({ length: hours }, (_, hour) => ({
        start: new Date(hourMs(hour)).toISOString(),
        end: new Date(hourMs(hour) + HOUR_MS).toISOString(),
        gramsPerKwh: 100 + index * 40 + hour,
      }));
      const series = { basis: 'lifecycle', signal: 'average', scope: 'consumption', points };
      await this.site.ask(`/v1/grid/${zone}/intensity`, series, undefined, 'PUT');
    }
  }

  async enrol(nodes: number, progress: (done: number) => void): Promise<Node[]> {
    const keys: string[] = [];
    for (let site = 0; site < SITES; site++) {
      const asked = { label: 'bench', site: `site-${site}`, maxUses: null };
      keys.push((await this.site.ask<{ key: string }>('/v1/enrolment-keys', asked)).key);
    }
    const enrolled: { nodeId: string; token: string }[] = [];
    for (let first = 0; first < nodes; first += AT_ONCE) {
      const hosts = Array.from({ length: Math.min(AT_ONCE, nodes - first) }, (_, i) => first + i);
      const requests = hosts.map((node) => {
        const fingerprint = String(node).padStart(64, '0');
        const host = { fingerprint, machineFingerprint: fingerprint, agentVersion: '0.1.0' };
        const json = { hostname: hostname(node), ...host };
        return { path: '/v1/enroll', token: keys[siteOf(node)], json };
      });
      enrolled.push(...(await this.door<typeof enrolled>('many', requests)));
      progress(enrolled.length);
    }
    const places = await this.#places();
    return enrolled.map(({ nodeId: id, token }, node) => ({ node, id, token, ...places.get(id)! }));
  }

  /** Nodes `[from, to)` as if they had enrolled, spread over the databases; without tokens and log. */
  async seed(from: number, to: number, nowMs: number): Promise<Node[]> {
    const names = [...this.site.databases.keys()];
    for (const [shard, name] of names.entries()) {
      const database = this.site.databases.get(name)!;
      const { last } = (await database
        .prepare('SELECT MAX(number) AS last FROM nodes')
        .first<{ last: number | null }>())!;
      const first = (last ?? shard * NODES_PER_SHARD) + 1;
      const own = range(from, to).filter((node) => node % names.length === shard);
      const rows = JSON.stringify(own.map((node, i) => [first + i, hostname(node), `site-${siteOf(node)}`]));
      await database.batch(SEED.map((sql) => database.prepare(sql).bind(rows, nowMs)));
      if (shard > 0) await this.site.db.prepare(SEED_DIRECTORY).bind(rows, nowMs).run();
    }
    const places = await this.#places();
    return range(from, to).map((node) => {
      const id = hostname(node);
      return { node, id, token: null, ...places.get(id)! };
    });
  }

  async #places(): Promise<ReadonlyMap<string, { readonly number: number; readonly database: string }>> {
    const places = new Map<string, { number: number; database: string }>();
    for (const [database, binding] of this.site.databases) {
      const { results } = await binding
        .prepare('SELECT id, number FROM nodes')
        .all<{ id: string; number: number }>();
      for (const { id, number } of results) places.set(id, { number, database });
    }
    return places;
  }
}

/** As `worker/storage/shards.ts` has it. */
const NODES_PER_SHARD = 2 ** 20;

const SEED = [
  `INSERT INTO nodes (number, id, hostname, labels, fingerprint, machine_fingerprint, enrolled_at_ms, simulated, agent_version)
   SELECT value ->> 0, value ->> 1, value ->> 1, '{}', value ->> 1, value ->> 1, ?2, 0, '0.1.0' FROM json_each(?1)`,
  `INSERT INTO settings (subject, key, value, effective_from_ms, recorded_at_ms, recorded_by)
   SELECT 'node:' || (value ->> 0), 'site', value ->> 2, 0, ?2, 'bench' FROM json_each(?1)`,
];
const SEED_DIRECTORY = `
  INSERT INTO node_directory (number, id, hostname, fingerprint, machine_fingerprint, key_id, token_id, begun_at_ms, pending)
  SELECT value ->> 0, value ->> 1, value ->> 1, value ->> 1, value ->> 1, 'bench', value ->> 1, ?2, 0 FROM json_each(?1)`;

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

const sum = (bills: readonly Omit<Bill, 'cpuSeconds'>[], of: 'written' | 'read' | 'statements') =>
  bills.reduce((total, bill) => total + bill[of], 0);

function byTable(bills: readonly Omit<Bill, 'cpuSeconds'>[]): Readonly<Record<string, number>> {
  const rows: Record<string, number> = {};
  for (const { writtenTo } of bills)
    for (const [table, count] of Object.entries(writtenTo)) rows[table] = (rows[table] ?? 0) + count;
  return rows;
}
