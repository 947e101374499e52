/** Shapes of the routes of forecasts. */
import { z } from '@hono/zod-openapi';
import { instantOutput } from '../http/schemas.ts';
import { basis, scope, signal } from './grid-schemas.ts';

const provider = z.string().openapi({
  description: '`wattshed` where the forecast was made here, from the stored series.',
  example: 'wattshed',
});
const method = z.string().nullable().openapi({
  description: 'How it was made, and from how much history; null where a provider does not say.',
  example: 'learned, from 400 days of electricity-maps',
});
const issuedAt = instantOutput.openapi({
  description: 'When it was made, by the word of whoever made it; else when it came.',
});
const kind = z.literal('forecast');

export const forecastAnswer = z
  .object({
    gridZone: z.string(),
    basis,
    signal,
    from: instantOutput,
    to: instantOutput,
    reason: z
      .string()
      .nullable()
      .openapi({ description: 'Why there is no forecast; null where there is one.' }),
    provider: provider.nullable(),
    method,
    scope: scope.nullable(),
    issuedAt: issuedAt.nullable(),
    fetchedAt: instantOutput.nullable(),
    steps: z.array(
      z
        .object({
          start: instantOutput,
          end: instantOutput,
          gramsPerKwh: z.number().openapi({ description: 'gCO2eq/kWh', example: 187.3 }),
          low: z
            .number()
            .nullable()
            .openapi({ description: '80 % of outcomes are expected between `low` and `high`, g/kWh.' }),
          high: z.number().nullable().openapi({
            description:
              'Null as long as too few forecasts of a provider are kept to tell how far they are off.',
          }),
          kind,
          provider,
          method,
          issuedAt,
          fetchedAt: instantOutput,
        })
        .openapi('ForecastStep'),
    ),
  })
  .openapi('Forecast');

const span = z.object({ start: instantOutput, end: instantOutput });
const choice = span
  .extend({
    spans: z.array(span).openapi({ description: 'When it runs: several where it may pause.' }),
    gramsPerKwh: z.number().openapi({ description: 'Expected mean over the time that it runs.' }),
    grams: z.number(),
    gramsLow: z.number().openapi({ description: '80 % of outcomes are expected between low and high.' }),
    gramsHigh: z.number(),
  })
  .openapi('GreenestChoice');
const saving = z
  .object({
    grams: z.number().openapi({ description: 'Positive: the choice emits less.' }),
    gramsLow: z.number(),
    gramsHigh: z.number(),
    ratio: z.number().openapi({ description: 'Of the grams of starting at once.' }),
    worthWaiting: z.boolean().openapi({ description: 'False where the band covers zero.' }),
  })
  .openapi('GreenestSaving');

export const greenestAnswer = z
  .object({
    basis,
    signal,
    scope: scope.nullable().openapi({ description: 'Of every forecast that is compared.' }),
    durationMinutes: z.number(),
    notBefore: instantOutput,
    deadline: instantOutput,
    powerWatts: z.number(),
    interruptible: z.boolean(),
    best: choice
      .extend({ gridZone: z.string() })
      .nullable()
      .openapi({ description: 'Zone and start of the least expected grams; null where no zone has any.' }),
    startNow: choice
      .extend({ gridZone: z.string() })
      .nullable()
      .openapi({ description: 'The same job at `notBefore` in the first zone asked for.' }),
    saving: saving.nullable().openapi({ description: 'Of `best` against `startNow`.' }),
    worthWaiting: z.boolean().openapi({
      description: 'Whether `best` is known to emit less than `startNow`: false where the band covers zero.',
    }),
    zones: z
      .array(
        z.object({
          gridZone: z.string(),
          best: choice,
          startNow: choice.nullable(),
          saving: saving.nullable().openapi({ description: 'Within the zone, by waiting alone.' }),
          forecast: z.object({
            kind,
            provider,
            method,
            scope,
            issuedAt,
            fetchedAt: instantOutput,
            until: instantOutput.openapi({ description: 'No later start was looked at.' }),
          }),
        }),
      )
      .openapi({ description: 'Least expected grams first.' }),
    excluded: z
      .array(z.object({ gridZone: z.string(), reason: z.string() }))
      .openapi({ description: 'Zones that could not be judged, and why.' }),
  })
  .openapi('Greenest');
