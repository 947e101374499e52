/** Turns what zod found wrong into one problem that names the field and the fix. */
import type { Context } from 'hono';
import type { ZodError } from 'zod';
import { type Problem, problemResponse } from './problem.ts';

type Issue = ZodError['issues'][number];
type Outcome =
  | { readonly target: string; readonly success: true }
  | { readonly target: string; readonly success: false; readonly error: ZodError };

/** The default hook of every route: 422 `invalid_body` for bodies, 400 `invalid_parameter` for all else. */
export function answerInvalid(outcome: Outcome, context: Context): Response | undefined {
  if (outcome.success) return undefined;
  return problemResponse(
    context,
    outcome.target === 'json' || outcome.target === 'form'
      ? invalidBody(outcome.error)
      : invalidParameter(outcome.error),
  );
}

/** For routes that read their body themselves. */
export function invalidBody(error: ZodError): Problem {
  const { path, message, more } = firstIssue(error);
  const pointer = path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
  const where = pointer === '' ? 'The body' : pointer;
  return { code: 'invalid_body', detail: `${where}: ${message}.${more}`, field: pointer };
}

function invalidParameter(error: ZodError): Problem {
  const { path, message, more } = firstIssue(error);
  const name = path.join('.');
  return { code: 'invalid_parameter', detail: `${name}: ${message}.${more}`, field: name };
}

function firstIssue(error: ZodError): { path: PropertyKey[]; message: string; more: string } {
  const issue = error.issues[0]!;
  const others = error.issues.length - 1;
  const more = others === 0 ? '' : ` (${others} more ${others === 1 ? 'thing is' : 'things are'} wrong.)`;
  // An unknown key is reported at its parent: name the key itself.
  const path = issue.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0]!] : issue.path;
  return { path, message: describe(issue), more };
}

function describe(issue: Issue): string {
  if (issue.code === 'unrecognized_keys') {
    // A schema may say more than zod does: which version knows what.
    return issue.message.startsWith('Unrecognized key')
      ? 'unknown field; remove it or check its spelling'
      : issue.message;
  }
  if (issue.code === 'invalid_key' && issue.issues[0] !== undefined) return issue.issues[0].message;
  const expected = issue.message.replace(/^Invalid input: /, '').replace(/\.$/, '');
  return expected.replace(/^(.*), received undefined$/, 'missing; $1');
}
