import { SCOPE_KEYS, type Scope, scopeOf } from '../../../shared/alerts/scope.ts';
import { parseFilter } from '../../http/filter.ts';
import { ok, type Result } from '../../http/problem.ts';

/** Problem: `invalid_parameter`. */
export function parseScope(filter: string): Result<Scope> {
  const terms = parseFilter(filter, SCOPE_KEYS);
  return terms.ok ? ok(scopeOf(terms.value)) : terms;
}

/** Of a filter that was checked when it was stored. */
export function storedScope(filter: string): Scope {
  const scope = parseScope(filter);
  if (!scope.ok) throw new RangeError(`a stored filter cannot be read: ${scope.problem.detail}`);
  return scope.value;
}
