/** Where a node stands over time, with what holds there: the settings that its emissions depend on. */
import { ALL_KNOWN } from '../audit/as-known.ts';
import { DEFAULT_LIFETIME_YEARS, type Lifetime } from '../embodied/amortization.ts';
import type { TimeRange } from '../time/window.ts';
import { type SettingHistory, type SettingRow, segmentsOver, settingHistory, valueAt } from './effective.ts';
import { ALL_FACTOR_KEYS, type SiteFactors, siteFactors } from './site-factors.ts';

/** One span during which nothing of this changes. */
export interface Place extends TimeRange {
  readonly siteId: string | null;
  /** Null where the site has none: its energy is excluded from emissions. */
  readonly gridZone: string | null;
  /** 1 where the site has none: only what the meters saw. */
  readonly pueRatio: number;
  /** Of hardware; the default where the site says none, whatever held where its nodes stood before. */
  readonly lifetimeYears: number;
  readonly factors: SiteFactors;
}

/** Of hardware, over the places of its node: those that differ from the one before. */
export function lifetimesOf(places: readonly Pick<Place, 'startMs' | 'lifetimeYears'>[]): Lifetime[] {
  return places
    .filter(({ lifetimeYears }, i) => lifetimeYears !== places[i - 1]?.lifetimeYears)
    .map(({ startMs, lifetimeYears }) => ({ fromMs: startMs, years: lifetimeYears }));
}

const DEFAULT_PUE_RATIO = 1;
const SITE_KEYS = ['gridZone', 'pueRatio', 'embodiedLifetimeYears', ...ALL_FACTOR_KEYS];

/** Finds the places of nodes, from every setting in the order in which they were recorded. */
export class Places {
  readonly #bySubject: ReadonlyMap<string, readonly SettingRow[]>;
  readonly #histories = new Map<string, SettingHistory>();
  readonly #knownAtMs: number;

  /** @param knownAtMs as it was known then: what was recorded later is left out */
  constructor(rows: readonly SettingRow[], knownAtMs: number = ALL_KNOWN) {
    this.#knownAtMs = knownAtMs;
    const bySubject = new Map<string, SettingRow[]>();
    for (const row of rows) {
      const known = bySubject.get(row.subject);
      if (known) known.push(row);
      else bySubject.set(row.subject, [row]);
    }
    this.#bySubject = bySubject;
  }

  /**
   * Without gaps, in order of time. A node stood at its first site from the beginning: the window in which it enrolled
   * started before it did.
   */
  of(nodeNumber: number, range: TimeRange): Place[] {
    const sites = this.#history(`node:${nodeNumber}`, 'site');
    return segmentsOver(sites, range).flatMap((segment) =>
      this.ofSite(segment.value ?? sites.rows[0]?.value ?? null, segment),
    );
  }

  /** What holds at a site, without gaps, in order of time. */
  ofSite(siteId: string | null, range: TimeRange): Place[] {
    const subject = `site:${siteId}`;
    const histories = new Map(SITE_KEYS.map((key) => [key, this.#history(subject, key)]));
    const starts = [...histories.values()].flatMap((history) =>
      segmentsOver(history, range).map(({ startMs }) => startMs),
    );
    const cuts = [...new Set(starts)].sort((a, b) => a - b);
    return cuts.map((startMs, i) => {
      const holds = (key: string) => valueAt(histories.get(key)!, startMs);
      const pue = holds('pueRatio');
      const lifetime = holds('embodiedLifetimeYears');
      return {
        startMs,
        endMs: cuts[i + 1] ?? range.endMs,
        siteId,
        gridZone: holds('gridZone'),
        pueRatio: pue === null ? DEFAULT_PUE_RATIO : Number(pue),
        lifetimeYears: lifetime === null ? DEFAULT_LIFETIME_YEARS : Number(lifetime),
        factors: siteFactors(holds),
      };
    });
  }

  #history(subject: string, key: string): SettingHistory {
    const name = `${subject} ${key}`;
    let history = this.#histories.get(name);
    if (!history) {
      history = settingHistory(this.#bySubject.get(subject) ?? [], subject, key, this.#knownAtMs);
      this.#histories.set(name, history);
    }
    return history;
  }
}
