/** The `filter` parameter: `site:berlin,label.team:nlp`, all of which must hold. */
import { fail, ok, type Result } from './problem.ts';

export interface FilterTerm<K extends string> {
  /** One of the names that the route allows, or `label`. */
  readonly key: K | 'label';
  /** For `label`: its name. */
  readonly label: string;
  readonly value: string;
}

const MAX_TERMS = 16;

/** Problem: `invalid_parameter`. The value may hold colons (`job:slurm:cluster:4711`), not commas. */
export function parseFilter<K extends string>(
  text: string | undefined,
  allowed: readonly K[],
): Result<FilterTerm<K>[]> {
  if (text === undefined || text === '') return ok([]);
  const parts = text.split(',');
  if (parts.length > MAX_TERMS) return refuse(`expected at most ${MAX_TERMS} terms`);
  const terms: FilterTerm<K>[] = [];
  for (const part of parts) {
    const colon = part.indexOf(':');
    const name = part.slice(0, Math.max(colon, 0)).trim();
    const value = part.slice(colon + 1).trim();
    if (name === '' || value === '') return refuse(`expected name:value, got "${part}"`);
    const key = allowed.find((candidate) => candidate === name);
    if (key !== undefined) terms.push({ key, label: '', value });
    else if (name.startsWith('label.') && name.length > 6)
      terms.push({ key: 'label', label: name.slice(6), value });
    else return refuse(`"${name}" is not one of ${[...allowed, 'label.<name>'].join(', ')}`);
  }
  return ok(terms);
}

/** One text for one question: terms trimmed, sorted and each once. Says nothing of whether they are allowed. */
export function canonicalFilter(text: string): string {
  const terms = text.split(',').map((part) => {
    const colon = part.indexOf(':');
    return colon < 0 ? part.trim() : `${part.slice(0, colon).trim()}:${part.slice(colon + 1).trim()}`;
  });
  return [...new Set(terms)].sort().join(',');
}

const refuse = (message: string) => fail('invalid_parameter', `filter: ${message}.`, 'filter');
