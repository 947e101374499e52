/** Nodes that enrol and report to the metered Worker, on a clock that is set. */
import { HOUR_MS, WINDOW_MS } from '../../shared/time/window.ts';
import { type MeteredSite, type SiteOptions, startMeteredSite } from '../metered-site.ts';
import { enrolFleet } from './enrol-fleet.ts';
import type { NodeWindows } from './node-windows.ts';

const START_MS = Date.UTC(2026, 5, 1);
export const MINUTE_MS = 60_000;
export const DAY_MINUTES = 1_440;
const DAY_MS = DAY_MINUTES * MINUTE_MS;
const ZONES = ['PL', 'US-CAL-CISO'];

/** As the metered Worker tells it. */
export interface Meter {
  readonly written: number;
  readonly read: number;
  readonly statements: number;
  /** Statements that a run of each of the five turns of the cron had at most, then of summing hours and of alerts. */
  readonly mostInTurn: readonly number[];
  readonly writtenTo: Readonly<Record<string, number>>;
}

export interface FleetOptions extends SiteOptions {
  readonly nodes: number;
  readonly windows: NodeWindows;
  readonly withSeries: boolean;
  readonly hostSeries: boolean;
}

export class SimulatedFleet {
  readonly #site: MeteredSite;
  readonly #options: FleetOptions;
  #tokens: readonly string[] = [];

  private constructor(site: MeteredSite, options: FleetOptions) {
    this.#site = site;
    this.#options = options;
  }

  static async start(options: FleetOptions): Promise<SimulatedFleet> {
    const site = await startMeteredSite('bench/cost/metered-worker.mjs', options);
    const fleet = new SimulatedFleet(site, options);
    await fleet.setClock(0);
    fleet.#tokens = await enrolFleet(site.ask, options.nodes, ZONES);
    // The first report of each node registers its devices and its job: once in its life, not each day.
    await fleet.report(0, 0.1, 1);
    return fleet;
  }

  /** @param afterMs since the start */
  setClock(afterMs: number): Promise<Meter> {
    return this.#site.ask<Meter>('/__clock', START_MS + afterMs);
  }

  /** One report of each node. */
  async report(window: number, share: number, revision: number): Promise<number> {
    await this.#send([window], share, revision);
    return this.#tokens.length;
  }

  /** Each node's hour in one request. */
  reportHour(hour: number): Promise<void> {
    return this.#send(
      Array.from({ length: 12 }, (_, place) => hour * 12 + place),
      1,
      2,
    );
  }

  /** The cron of this minute. */
  cron(): Promise<Meter> {
    return this.#site.ask<Meter>('/__cron', null);
  }

  /** From now on a provider of grid data answers for the zones, or none does any more. */
  async provider(answers: boolean): Promise<void> {
    await this.#site.ask('/__provider', answers);
  }

  /** One value an hour in each zone, by an operator's word. */
  async intensity(fromHour: number, hours: number, gramsPerKwh: number): Promise<void> {
    const at = (hour: number) => new Date(START_MS + hour * HOUR_MS).toISOString();
    const points = Array.from({ length: hours }, (_, hour) => ({
      start: at(fromHour + hour),
      end: at(fromHour + hour + 1),
      gramsPerKwh: gramsPerKwh + hour,
    }));
    const series = { basis: 'lifecycle', signal: 'average', scope: 'consumption', points };
    for (const zone of ZONES) await this.#site.ask(`/v1/grid/${zone}/intensity`, series, undefined, 'PUT');
  }

  /** Bytes by table. */
  tables(): ReadonlyMap<string, number> {
    return this.#site.tables();
  }

  /** Files by dataset; none without an archive. */
  async archived(): Promise<ReadonlyMap<string, { readonly files: number; readonly bytes: number }>> {
    const sums = new Map<string, { files: number; bytes: number }>();
    if (!this.#options.archive) return sums;
    const bucket = await this.#site.bucket();
    for (let cursor: string | undefined; ; ) {
      const page = await bucket.list(cursor === undefined ? {} : { cursor });
      for (const { key, size } of page.objects) {
        const dataset = key.split('/')[0]!;
        const sum = sums.get(dataset) ?? { files: 0, bytes: 0 };
        sums.set(dataset, { files: sum.files + 1, bytes: sum.bytes + size });
      }
      if (!page.truncated) return sums;
      cursor = page.cursor;
    }
  }

  /** Tasks that are past the first day go on to the day given: what steps over a day costs is counted with that day. */
  async passEmptyDays(today: number): Promise<void> {
    const first = START_MS / DAY_MS;
    await this.#site.db
      .prepare('UPDATE retention_tasks SET day = ?1, position = 0 WHERE day > ?2')
      .bind(first + today, first)
      .run();
  }

  stop(): Promise<void> {
    return this.#site.stop();
  }

  async #send(windows: readonly number[], share: number, revision: number): Promise<void> {
    const { windows: load, withSeries, hostSeries } = this.#options;
    const requests = this.#tokens.map((token, node) => {
      const reports = windows.map((window) => {
        const windowStartMs = START_MS + window * WINDOW_MS;
        return load.reportOf({ node, window, windowStartMs, share, revision, withSeries, hostSeries });
      });
      const json = { version: 1, sentAtMs: START_MS, agentVersion: '0.1.0', reports };
      return { path: '/v1/ingest', token, json };
    });
    await this.#site.ask('/__many', requests);
  }
}
