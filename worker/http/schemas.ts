/** Pieces of request and reply shapes that several routes share. */
import { z } from '@hono/zod-openapi';

const EARLIEST_MS = 0;
const LATEST_MS = Date.UTC(2100, 0, 1);

/** RFC 3339 in, epoch milliseconds inside. */
export const instantInput = z.iso
  .datetime({ offset: true, error: 'expected an RFC 3339 instant with an offset, like 2026-01-31T12:00:00Z' })
  .transform((text) => Date.parse(text))
  .refine((ms) => ms >= EARLIEST_MS && ms < LATEST_MS, 'expected an instant between the years 1970 and 2100')
  .openapi({ type: 'string', format: 'date-time', example: '2026-01-31T12:00:00Z' });

/** RFC 3339 UTC out. */
export const instantOutput = z.string().openapi({ format: 'date-time', example: '2026-01-31T12:00:00.000Z' });

export const instant = (ms: number): string => new Date(ms).toISOString();
export const instantOrNull = (ms: number | null): string | null => (ms === null ? null : instant(ms));

/**
 * An object with `exactOptional` fields. Left alone the generator of /openapi.json calls them required, since they do not
 * take `undefined`.
 */
export const withAbsentFields = <T extends z.ZodObject>(object: T): T =>
  object.openapi({
    required: Object.keys(object.shape).filter((name) => object.shape[name]?._zod.optin !== 'optional'),
  });

/** One line of text that people read. */
export const lineOfText = (maxLength: number) =>
  z
    .string()
    .min(1, `expected 1 to ${maxLength} characters`)
    .max(maxLength, `expected 1 to ${maxLength} characters`)
    .regex(/^[^\p{Cc}]*$/u, 'expected one line without control characters');

/** The reason of a change of the past, for the change log. */
export const whyInput = lineOfText(500)
  .optional()
  .openapi({ description: 'The reason, kept in the change log.', example: 'meter of hall 2 replaced' });

export const siteIdInput = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,39}$/, 'expected 1 to 40 of a-z, 0-9 and "-", not starting with "-"')
  .openapi({ example: 'berlin' });

export const labelKeyInput = z
  .string()
  .regex(
    /^[A-Za-z0-9]([A-Za-z0-9._/-]{0,61}[A-Za-z0-9])?$/,
    'expected a label name of 1 to 63 of A-Z, a-z, 0-9, ".", "_", "/" and "-", starting and ending with a letter or digit',
  );

/** The value travels in filters (`label.team:nlp,site:berlin`), so it holds no comma. */
export const labelValueInput = lineOfText(128).regex(/^[^,]*$/, 'expected a value without a comma');

export const MAX_LABELS = 32;
const fewLabels = (labels: object) => Object.keys(labels).length <= MAX_LABELS;

export const labelsInput = z
  .record(labelKeyInput, labelValueInput)
  .refine(fewLabels, `expected at most ${MAX_LABELS} labels`)
  .openapi({ example: { team: 'nlp' } });

/** A merge: what is not named stays, null removes. */
export const labelsPatchInput = z
  .record(labelKeyInput, labelValueInput.nullable())
  .refine(fewLabels, `expected at most ${MAX_LABELS} labels`)
  .openapi({ example: { team: 'nlp', rack: null } });

export const labelsOutput = z.record(z.string(), z.string()).openapi({ example: { team: 'nlp' } });
