/** One change of the log, as answers show it. */
import { z } from '@hono/zod-openapi';
import { instant, instantOrNull, instantOutput } from '../http/schemas.ts';
import type { RecordedChange } from '../storage/changes.ts';

const anyValue = (description: string) => z.unknown().openapi({ description });

export const changeSchema = z
  .object({
    id: z.number().int(),
    recordedAt: instantOutput,
    who: z.string().openapi({
      description: 'Id of a token or an enrolment key, `grid:<provider>`, `node:<id>` or `server`.',
    }),
    subject: z.string().openapi({ example: 'site:berlin' }),
    what: z.string().openapi({
      description:
        'A setting (`gridZone`, `pueRatio`, `site`, `retiredAt`, ...), `intensity`, `energy`, `quarantine`, or another name.',
      example: 'pueRatio',
    }),
    from: anyValue(
      'What held before; null: nothing. Of `intensity`: how many values were replaced, and their mean; the values themselves are under `/v1/grid/{gridZone}/revisions`.',
    ),
    to: anyValue('What holds since; null: nothing. Of `intensity`: all values written, and their mean.'),
    effectiveFrom: instantOutput
      .nullable()
      .openapi({ description: 'Start of the time whose figures it touches; null: without bound.' }),
    effectiveTo: instantOutput
      .nullable()
      .openapi({ description: 'End of the time whose figures it touches; null: without bound.' }),
    why: z.string().nullable(),
  })
  .openapi('Change');

export function changeReply({
  recordedAtMs,
  effectiveFromMs,
  effectiveToMs,
  ...change
}: RecordedChange): z.input<typeof changeSchema> {
  return {
    ...change,
    recordedAt: instant(recordedAtMs),
    effectiveFrom: instantOrNull(effectiveFromMs),
    effectiveTo: instantOrNull(effectiveToMs),
  };
}
