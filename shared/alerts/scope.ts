/** The scope of a rule: which nodes, places and jobs its filter means. Every term must hold. */

export const SCOPE_KEYS = ['gridZone', 'site', 'node', 'project', 'job'] as const;

export interface ScopeTerm {
  readonly key: (typeof SCOPE_KEYS)[number] | 'label';
  /** For `label`: its name. */
  readonly label: string;
  readonly value: string;
}

export interface Scope {
  /** The filter in one order: equal scopes have equal texts, and their figures are summed once. */
  readonly text: string;
  readonly terms: readonly ScopeTerm[];
}

/** A node in one place. */
export interface ScopedPlace {
  readonly nodeId: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly siteId: string | null;
  readonly gridZone: string | null;
}

export interface ScopedJob {
  readonly id: string;
  readonly project: string | null;
}

const termText = ({ key, label, value }: ScopeTerm) =>
  key === 'label' ? `label.${label}:${value}` : `${key}:${value}`;

export function scopeOf(terms: readonly ScopeTerm[]): Scope {
  const byText = new Map(terms.map((term) => [termText(term), term]));
  const texts = [...byText.keys()].sort();
  return { text: texts.join(','), terms: texts.map((text) => byText.get(text)!) };
}

/** Such a scope is a part of what its nodes used, and knows no idle time, gaps or hardware of its own. */
export const isOfJobs = ({ terms }: Scope): boolean =>
  terms.some(({ key }) => key === 'project' || key === 'job');

export function acceptsPlace({ terms }: Scope, place: ScopedPlace): boolean {
  return terms.every(({ key, label, value }) => {
    if (key === 'node') return place.nodeId === value;
    if (key === 'site') return place.siteId === value;
    if (key === 'gridZone') return place.gridZone === value;
    return key !== 'label' || place.labels[label] === value;
  });
}

export function acceptsJob({ terms }: Scope, job: ScopedJob): boolean {
  return terms.every(({ key, value }) => {
    if (key === 'job') return job.id === value;
    return key !== 'project' || job.project === value;
  });
}

/**
 * Finds the scopes that a place may belong to without trying each: every scope is filed under one of its terms, the one
 * that fits the fewest nodes.
 */
export class ScopeIndex {
  readonly #filed = new Map<string, Scope[]>();

  constructor(scopes: Iterable<Scope>) {
    for (const scope of scopes) {
      const term = ['node', 'label', 'site', 'gridZone']
        .map((key) => scope.terms.find((candidate) => candidate.key === key))
        .find((found) => found !== undefined);
      const key = term === undefined ? '' : termText(term);
      const filed = this.#filed.get(key);
      if (filed) filed.push(scope);
      else this.#filed.set(key, [scope]);
    }
  }

  /** Those that accept the place. */
  of(place: ScopedPlace): Scope[] {
    const keys = [
      '',
      `node:${place.nodeId}`,
      `site:${place.siteId}`,
      `gridZone:${place.gridZone}`,
      ...Object.entries(place.labels).map(([label, value]) => `label.${label}:${value}`),
    ];
    return keys.flatMap((key) => this.#filed.get(key) ?? []).filter((scope) => acceptsPlace(scope, place));
  }
}
