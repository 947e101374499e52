import type { ProblemCode } from '../../http/problem.ts';

/** The closed list of codes in words; `type` of a problem points here. */
export const PROBLEM_MEANINGS: Readonly<Record<ProblemCode, string>> = {
  invalid_body: 'The body is JSON, but a field is missing, unknown or out of bounds; `field` points at it.',
  malformed_body: 'The body is not what its Content-Type or Content-Encoding says.',
  invalid_parameter: 'A path or query parameter is missing, unknown or out of bounds; `field` names it.',
  range_too_long:
    'The time range has more steps than one answer holds; ask for a shorter one or a longer step.',
  unsupported_version: 'The body is of a version that this server does not know.',
  unsupported_encoding: 'Content-Encoding is neither gzip nor identity.',
  unsupported_media_type: 'Content-Type is not what the route takes.',
  body_too_large: 'The body is over the bound, as sent or unpacked; send less at once.',
  unauthenticated: 'The token is missing, mistyped, unknown, expired or revoked.',
  forbidden_scope: 'The token is good, but not for this.',
  wrong_node: 'The token belongs to another node.',
  not_found: 'No such route, or nothing with this id.',
  method_not_allowed: 'The path exists, with the methods in `Allow`.',
  revision_conflict: 'Another content under a revision that is known: two agents report as one node.',
  already_exists: 'The id is taken.',
  in_use: 'Something else refers to it, which the detail names; change that first.',
  period_not_over: 'The last hour of the period has not settled yet; the detail says when it will have.',
  period_overlaps: 'A period of the same scope that is closed holds some of this time.',
  host_already_enrolled: 'The host is a node, and the key does not allow to replace it.',
  enrolment_key_exhausted: 'The key was used as often as it may be.',
  unknown_grid_zone: 'No such grid zone; the nearest ones are named.',
  overloaded: 'The database cannot take it now; send the same again after `Retry-After` seconds.',
  internal_error: 'A fault of the server; its log says which.',
};
