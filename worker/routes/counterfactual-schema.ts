/** The shapes of the counterfactual. */
import { z } from '@hono/zod-openapi';
import type { Move } from '../../shared/counterfactual/move.ts';
import { WINDOW_MS } from '../../shared/time/window.ts';
import { instant, instantInput, instantOutput, lineOfText } from '../http/schemas.ts';
import {
  type Counterfactual,
  type JobMove,
  MAX_OTHER_ZONES,
  MAX_SLACK_HOURS,
} from '../use-cases/counterfactual.ts';
import { basis, scope, signal } from './grid-schemas.ts';

const MAX_LIMIT = 500;
const exactly = (what: string) =>
  lineOfText(256)
    .optional()
    .openapi({ description: `Only jobs of this ${what}.` });
const slackError = `expected a whole number of hours from 0 to ${MAX_SLACK_HOURS}`;

export const counterfactualQuery = z.strictObject({
  from: instantInput.optional().openapi({
    description:
      'Jobs that began at or after it, to five minutes. Default: start of the UTC day that `to` ends in.',
  }),
  to: instantInput.optional().openapi({
    description: 'Jobs that began before it, whole, even where they ended later. Default: now.',
  }),
  slackHours: z.coerce
    .number(slackError)
    .int(slackError)
    .min(0, slackError)
    .max(MAX_SLACK_HOURS, slackError)
    .default(24)
    .openapi({ description: 'How long each job could have waited. 0: moved in place alone.' }),
  gridZones: z
    .string()
    .max(400)
    .optional()
    .transform((text) => (text === undefined ? [] : [...new Set(text.split(',').map((key) => key.trim()))]))
    .refine((zones) => zones.length <= MAX_OTHER_ZONES, `expected at most ${MAX_OTHER_ZONES} keys`)
    .openapi({
      type: 'string',
      description: `Where else each job could have run: up to ${MAX_OTHER_ZONES} keys with commas between. Default: nowhere, moved in time alone.`,
      example: 'FR,SE-SE3',
    }),
  basis: basis.default('lifecycle'),
  signal: signal.default('average'),
  scope: scope.optional().openapi({
    description:
      'All is charged and compared by values of this scope alone; jobs and zones of the other are excluded. Default: consumption, where a zone that something ran in has it.',
  }),
  project: exactly('project'),
  user: exactly('user'),
  phase: exactly('phase'),
  limit: z.coerce
    .number(`expected a whole number from 1 to ${MAX_LIMIT}`)
    .int()
    .min(1)
    .max(MAX_LIMIT, `expected at most ${MAX_LIMIT}`)
    .default(100)
    .openapi({
      description: 'Jobs that are moved, those with the most energy first; the others are in `notLookedAt`.',
    }),
});

const share = z.number().min(0).max(1);
const energyKinds = z.object({ counter: share, integrated: share, modelled: share, simulated: share });
const gridKinds = z.object({ measured: share, estimated: share, forecast: share, annual: share });

const figures = {
  energyKwh: z.number().openapi({ description: 'IT energy, as metered; moving does not change it.' }),
  facilityEnergyKwh: z.number().openapi({ description: 'x the PUE of where it ran, wherever it is moved.' }),
  energyKinds: energyKinds.openapi({ description: 'Shares of the energy by how it was metered.' }),
  recovered: share.openapi({ description: 'Share that a counter consumed while nobody read it.' }),
  emittedGrams: z.number().openapi({ description: 'Operational gCO2eq, as `operationalGrams` elsewhere.' }),
  gridKinds: gridKinds.openapi({
    description: 'Shares of the energy by the kind of the intensity it was charged with.',
  }),
  bestGrams: z.number().openapi({ description: 'The same energy at the best start and zone of each job.' }),
  bestGridKinds: gridKinds.openapi({ description: 'The kinds of intensity that `bestGrams` rests on.' }),
  savedGrams: z.number().min(0).openapi({
    description:
      'emitted - best: the most that could have been saved, in hindsight. Never negative: staying is one of the choices.',
  }),
  savedRatio: share.openapi({ description: 'Of `emittedGrams`; 0 where nothing was emitted.' }),
  savedGramsInTime: z.number().min(0).openapi({ description: 'By waiting alone, where the jobs ran.' }),
  savedGramsInPlace: z.number().min(0).openapi({ description: 'By another zone alone, when the jobs ran.' }),
};

const sums = z
  .object({
    jobs: z.number().int(),
    ...figures,
    withForecast: z
      .object({
        jobs: z.number().int().openapi({ description: 'Of whose start forecasts are kept.' }),
        emittedGrams: z.number().openapi({ description: 'What these jobs emitted.' }),
        grams: z.number(),
        savedGrams: z.number().openapi({ description: 'Negative where the forecasts misled.' }),
      })
      .nullable()
      .openapi({
        description:
          'Had each job gone where the forecasts known at its start said, paid at the actual intensity. Null where that is known of no job.',
      }),
  })
  .openapi('CounterfactualSums');

const spot = {
  start: instantOutput,
  gridZone: z
    .string()
    .nullable()
    .openapi({ description: 'Null: where it ran, which was in several zones at once.' }),
};
const moved = z.object({ ...spot, grams: z.number(), savedGrams: z.number() });

const jobAnswer = z
  .object({
    job: z.string().openapi({ example: 'slurm:cluster:4711' }),
    project: z.string().nullable(),
    user: z.string().nullable(),
    phase: z.string().nullable(),
    start: instantOutput.openapi({ description: 'Of its first five minutes.' }),
    end: instantOutput.openapi({ description: 'Of its last five minutes.' }),
    gridZones: z.array(z.string()).openapi({ description: 'Where it ran.' }),
    latestStart: instantOutput.openapi({
      description: 'By its slack, and so that it had ended by now: nothing is known of what is to come.',
    }),
    ...figures,
    bestStart: instantOutput,
    bestGridZone: spot.gridZone,
    inTime: moved.openapi({ description: 'The best start where it ran.' }),
    inPlace: moved.openapi({ description: 'The best zone when it ran.' }),
    withForecast: moved.nullable().openapi({
      description:
        'Where the forecasts known at its start would have sent it, paid at the actual intensity: `savedGrams` is negative where they misled.',
    }),
    withForecastReason: z.string().nullable().openapi({ description: 'Why `withForecast` is null.' }),
  })
  .openapi('CounterfactualJob');

const unmoved = z.object({
  energyKwh: z.number(),
  facilityEnergyKwh: z.number(),
  emittedGrams: z.number(),
  unknownEnergyKwh: z
    .number()
    .openapi({ description: 'Part of the energy that no intensity is known for: it has no grams.' }),
});

export const counterfactualAnswer = z
  .object({
    from: instantOutput,
    to: instantOutput,
    slackHours: z.number().int(),
    gridZones: z.array(z.string()),
    basis,
    signal,
    scope,
    accounting: z.literal('location'),
    totals: sums,
    projects: z
      .array(sums.extend({ project: z.string().nullable() }))
      .openapi({ description: 'The same by project; null: jobs of none.' }),
    jobs: z.array(jobAnswer).openapi({ description: 'The most energy first.' }),
    notLookedAt: unmoved
      .extend({ jobs: z.number().int() })
      .openapi({ description: 'Jobs beyond `limit`: in no other figure.' }),
    idle: unmoved.openapi({
      description: 'Of the whole fleet in the range: it stays where it was, and is in no other figure.',
    }),
    unattributed: unmoved,
    excluded: z
      .array(
        z.object({
          job: z.string(),
          reason: z.string(),
          energyKwh: z.number().openapi({ description: 'IT energy in the range.' }),
        }),
      )
      .openapi({ description: 'Jobs that ran in the range and are in no figure, and why.' }),
    excludedZones: z
      .array(z.object({ gridZone: z.string(), reason: z.string() }))
      .openapi({ description: 'Zones asked for that nothing is known of.' }),
  })
  .openapi('Counterfactual');

export function counterfactualReply(
  found: Counterfactual,
  query: Pick<z.infer<typeof counterfactualQuery>, 'slackHours' | 'gridZones' | 'basis' | 'signal'>,
) {
  const { slackHours, gridZones, basis: ofBasis, signal: ofSignal } = query;
  return {
    from: instant(found.fromMs),
    to: instant(found.toMs),
    slackHours,
    gridZones: [...gridZones],
    basis: ofBasis,
    signal: ofSignal,
    scope: found.scope,
    accounting: 'location' as const,
    totals: { ...found.totals },
    projects: found.projects.map(({ project, figures: own }) => ({ project, ...own })),
    jobs: found.jobs.map(jobReply),
    notLookedAt: { ...found.notLookedAt },
    idle: { ...found.idle },
    unattributed: { ...found.unattributed },
    excluded: [...found.excluded],
    excludedZones: [...found.excludedZones],
  };
}

function jobReply({ job, load, latestStartMs, moves, figures: own, forecast }: JobMove) {
  const { jobs: _one, withForecast: _sums, ...rest } = own;
  const { id, project, user, phase } = job;
  const homes = [...new Set(load.parts.map(({ gridZone }) => gridZone!))];
  const home = homes.length === 1 ? homes[0]! : null;
  const reply = ({ startMs, gridZone, grams }: Move) => ({
    start: instant(startMs),
    gridZone: gridZone ?? home,
    grams,
    savedGrams: moves.stayed.grams - grams,
  });
  const best = reply(moves.best);
  return {
    job: id,
    project,
    user,
    phase,
    start: instant(load.startMs),
    end: instant(load.startMs + load.windowCount * WINDOW_MS),
    gridZones: homes,
    latestStart: instant(latestStartMs),
    ...rest,
    bestStart: best.start,
    bestGridZone: best.gridZone,
    inTime: reply(moves.inTime),
    inPlace: reply(moves.inPlace),
    withForecast: forecast.move && reply(forecast.move),
    withForecastReason: forecast.reason,
  };
}
