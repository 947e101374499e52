/** Problems as the API document shows them. */
import { z } from '@hono/zod-openapi';
import { PROBLEM_STATUS, type ProblemCode } from './problem.ts';

const CODES = Object.keys(PROBLEM_STATUS) as [ProblemCode, ...ProblemCode[]];

export const problemSchema = z
  .object({
    type: z.string().openapi({ example: '/docs#not_found' }),
    title: z.string().openapi({ example: 'not found' }),
    status: z.number().int().openapi({ example: 404 }),
    code: z.enum(CODES),
    detail: z.string().openapi({ description: 'A sentence that names what is wrong and the fix.' }),
    field: z.string().optional().openapi({
      description: 'JSON pointer into the body, or name of the parameter, where one thing is wrong.',
    }),
  })
  .openapi('Problem', { description: 'Every error (RFC 9457), as application/problem+json.' });

/**
 * The refusals of a route that are its own, for `responses` of `createRoute`; those that every route has (token, scope,
 * invalid input, overload) are added to the document in one place. Typed as nothing, because `problemResponse` fits all.
 */
export function problems(...codes: readonly ProblemCode[]): object {
  const byStatus = new Map<number, ProblemCode[]>();
  for (const code of codes) {
    const status = PROBLEM_STATUS[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries([...byStatus].map(([status, group]) => [status, problemAnswer(group)]));
}

export const problemAnswer = (codes: readonly ProblemCode[]) => ({
  description: codes.map((code) => `\`${code}\``).join(', '),
  content: { 'application/problem+json': { schema: problemSchema } },
});
