/** Shapes of the grid routes. */
import { z } from '@hono/zod-openapi';
import { BASES, INTENSITY_KINDS, SCOPES, SIGNALS } from '../../shared/grid/intensity.ts';
import { CIRCUITS } from '../grid/service-state.ts';
import { instantInput, instantOutput, whyInput } from '../http/schemas.ts';

export const gridZoneParam = z.object({
  gridZone: z.string().max(40).openapi({ description: 'Electricity Maps key.', example: 'DK-DK1' }),
});

export const basis = z.enum(BASES).openapi({
  description:
    '`lifecycle` counts building the plants and their fuel; `direct` is combustion alone. Never converted into each other.',
});
export const signal = z.enum(SIGNALS);
export const scope = z.enum(SCOPES).openapi({
  description: "`consumption` has imports in it; `production` is what the zone's own plants make.",
});

export const intensityPoint = z
  .object({
    start: instantOutput,
    end: instantOutput,
    gramsPerKwh: z.number().openapi({ description: 'gCO2eq/kWh', example: 187.3 }),
    kind: z.enum(INTENSITY_KINDS),
    provider: z
      .string()
      .openapi({ description: '`user` for your own series, `annual` for the table of yearly averages.' }),
    scope,
    method: z
      .string()
      .nullable()
      .openapi({ description: 'How it was estimated or carried on, or the source of a yearly average.' }),
    issuedAt: instantOutput.nullable(),
    fetchedAt: instantOutput,
  })
  .openapi('IntensityPoint');

export const seriesAnswer = z
  .object({
    gridZone: z.string(),
    basis,
    signal,
    from: instantOutput,
    to: instantOutput,
    series: z.array(intensityPoint),
  })
  .openapi('IntensitySeries');

export const zonesAnswer = z.object({
  zones: z.array(
    z
      .object({
        key: z.string(),
        name: z.string(),
        country: z.string().nullable(),
        inUse: z.boolean(),
        cloudRegions: z
          .array(
            z.object({
              key: z.string().openapi({ example: 'aws:eu-north-1' }),
              sources: z.array(z.string()),
              otherZones: z.array(z.string()),
            }),
          )
          .openapi({
            description:
              'Regions that lie in it, with the tables that say so, or `operator` where you have placed one; `otherZones` is where other tables place it. A site takes the key as `cloudRegion`.',
          }),
        annual: z
          .object({ gramsPerKwh: z.number(), year: z.number().int(), source: z.string() })
          .nullable()
          .openapi({
            description: 'The yearly average, lifecycle, that stands in where no series is known.',
          }),
        providers: z
          .array(
            z.object({
              provider: z.string(),
              service: z.string().openapi({ description: 'Whom it asks: see `services`.' }),
              basis,
              signal,
              scope,
              lastOkAt: instantOutput.nullable(),
              lastErrorAt: instantOutput.nullable(),
              lastError: z.string().nullable(),
              consecutiveFailures: z.number().int(),
              nextDueAt: instantOutput.nullable(),
            }),
          )
          .openapi({
            description:
              'Who is asked for it, while it is in use. Empty: the yearly average is all there is.',
          }),
      })
      .openapi('GridZone'),
  ),
  services: z
    .array(
      z
        .object({
          service: z.string(),
          providers: z.array(z.string()).openapi({ description: 'Those that ask it.' }),
          circuit: z.enum(CIRCUITS).openapi({
            description:
              '`closed`: it is asked for whatever is due. `open`: it has failed three times in a row, or has told a limit, and is asked for nothing before `retryAt`. `halfOpen`: one request finds out whether it answers again.',
          }),
          consecutiveFailures: z.number().int().openapi({
            description: 'In a row, whatever zone it was asked for; 0 while it answers.',
          }),
          retryAt: instantOutput.nullable(),
          lastErrorAt: instantOutput.nullable(),
          lastError: z.string().nullable(),
        })
        .openapi('GridService'),
    )
    .openapi({ description: 'Whom the providers of this deployment ask, and whether it is asked now.' }),
});

export const revision = z
  .object({
    id: z.number().int(),
    start: instantOutput,
    basis,
    signal,
    scope,
    provider: z.string(),
    oldGramsPerKwh: z.number(),
    oldKind: z.string(),
    oldFetchedAt: instantOutput,
    newGramsPerKwh: z.number(),
    newKind: z.string(),
    recordedAt: instantOutput,
  })
  .openapi('IntensityRevision');

/** A month of 5-minute values. */
export const MAX_POINTS = 9_000;

/** What a CSV has no column for. */
export const userSeriesQuery = z.strictObject({
  basis: basis.optional().openapi({ description: 'With text/csv only, and required there.' }),
  signal: signal.optional().openapi({ description: 'With text/csv only; default: average.' }),
  scope: scope.optional().openapi({ description: 'With text/csv only; default: consumption.' }),
  why: whyInput,
});

export const userSeriesCsv = z.string().openapi({
  description: `A header, then one interval a line, ${MAX_POINTS} at most. Columns, in any order: \`start\` and \`end\` (RFC 3339 with an offset), \`gramsPerKwh\` (gCO2eq/kWh). An error names line and column.`,
  example:
    'start,end,gramsPerKwh\n2026-01-31T12:00:00Z,2026-01-31T13:00:00Z,187.3\n2026-01-31T13:00:00Z,2026-01-31T14:00:00Z,0\n',
});

export const userSeries = z
  .strictObject({
    basis,
    signal: signal.default('average'),
    scope: scope.default('consumption'),
    points: z
      .array(z.strictObject({ start: instantInput, end: instantInput, gramsPerKwh: z.number().min(0) }))
      .min(1)
      .max(MAX_POINTS)
      .openapi({ description: 'Intervals of whole five minutes, a day at most each, not overlapping.' }),
    why: whyInput,
  })
  .openapi('UserSeries');
