/** Errors as `application/problem+json` (RFC 9457) with a closed list of codes that clients can rely on. */
import type { Context, TypedResponse } from 'hono';

export const PROBLEM_STATUS = {
  invalid_body: 422,
  malformed_body: 400,
  invalid_parameter: 400,
  range_too_long: 400,
  unsupported_version: 422,
  unsupported_encoding: 415,
  unsupported_media_type: 415,
  body_too_large: 413,
  unauthenticated: 401,
  forbidden_scope: 403,
  wrong_node: 403,
  not_found: 404,
  method_not_allowed: 405,
  revision_conflict: 409,
  already_exists: 409,
  in_use: 409,
  period_not_over: 409,
  period_overlaps: 409,
  host_already_enrolled: 409,
  enrolment_key_exhausted: 403,
  unknown_grid_zone: 422,
  overloaded: 503,
  internal_error: 500,
} as const;

export type ProblemCode = keyof typeof PROBLEM_STATUS;

export interface Problem {
  readonly code: ProblemCode;
  /** A sentence that names the field and the fix. */
  readonly detail: string;
  /** JSON pointer or parameter name of what is wrong, where one thing is. */
  readonly field?: string;
}

/** Expected outcome of parsing or a use case: a value, or the problem to answer with. */
export type Result<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: Problem };

export const ok = <T>(value: T): Result<T> => ({ ok: true, value });
export const fail = (code: ProblemCode, detail: string, field?: string): { ok: false; problem: Problem } => ({
  ok: false,
  problem: field === undefined ? { code, detail } : { code, detail, field },
});

/** Fits every route, whichever answers it declares (`never` is part of every type); bodies of success stay checked. */
export type ProblemResponse = Response & TypedResponse<never, never, 'json'>;

export function problemResponse(
  context: Context,
  problem: Problem,
  headers: Record<string, string> = {},
  /** Members beyond the standard ones (RFC 9457 section 3.2). */
  extension: object = {},
): ProblemResponse {
  const status = PROBLEM_STATUS[problem.code];
  return context.body(
    JSON.stringify({
      type: `/docs#${problem.code}`,
      title: problem.code.replaceAll('_', ' '),
      status,
      ...problem,
      ...extension,
    }),
    status,
    { 'Content-Type': 'application/problem+json', ...headers },
  ) as Response as ProblemResponse;
}
