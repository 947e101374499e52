import { createRoute, z } from '@hono/zod-openapi';
import { BASES } from '../../shared/grid/intensity.ts';
import type { App } from '../http/app.ts';
import { requireReadOfProjects } from '../http/guard.ts';
import { problemResponse } from '../http/problem.ts';
import { problems } from '../http/problem-schema.ts';
import { instant, instantInput, instantOutput, lineOfText } from '../http/schemas.ts';
import { type EstimateAnswer, type EstimateRequest, estimateEmissions } from '../use-cases/estimate.ts';
import { emissionsSchema, figuresReply, figuresSchema } from './emissions-schema.ts';

const amount = (what: string, min: number, max: number) =>
  z
    .number(`expected ${what}`)
    .min(min, `expected ${what} from ${min} to ${max}`)
    .max(max, `expected ${what} from ${min} to ${max}`);
const share = (what: string) => amount(what, 0, 1);
const named = (description: string) => lineOfText(500).openapi({ description });

const givenEmbodied = z.strictObject({
  kgCo2eq: amount('kilograms', 0, 1e9),
  source: named('Where the figure comes from.'),
});

const hostInput = z.strictObject({
  devicesPerHost: amount('a number of devices', 1, 1_024).openapi({
    description: 'Each device carries one part in so many of the host.',
    example: 8,
  }),
  powerWatts: amount('watts', 0, 1e6)
    .optional()
    .openapi({ description: 'Mean of one host, without its devices. Default: not counted.' }),
  parts: z
    .array(
      z.strictObject({
        type: z.enum(['cpu', 'memory', 'ssd', 'hdd'], 'expected cpu, memory, ssd or hdd'),
        name: lineOfText(200).optional().openapi({ description: 'Of a CPU.' }),
        capacityGigabytes: amount('gigabytes', 0, 1e7)
          .optional()
          .openapi({ description: 'Of memory (GiB) or an SSD (GB).' }),
        count: amount('a number of pieces', 1, 10_000).default(1),
      }),
    )
    .max(64, 'expected at most 64 parts')
    .optional()
    .openapi({
      description: 'Beside chassis, motherboard, power supplies and assembly, which every host has.',
    }),
  embodied: givenEmbodied.optional().openapi({ description: 'In place of `parts`.' }),
});

const estimateBody = z
  .strictObject({
    hardware: lineOfText(200).openapi({
      description: 'GPU, TPU, CPU or server, by the name of the catalog or of its driver.',
      example: 'NVIDIA H100 80GB HBM3',
    }),
    count: amount('a number of pieces', 1, 1e7).int('expected a whole number').default(1),
    hours: amount('hours', 0, 1e8).optional().openapi({
      description:
        'For which each piece ran; default: all the time between `from` and `to`. With a count of 1 and no dates: GPU hours.',
    }),
    powerWatts: amount('watts', 0, 1e6).optional().openapi({ description: 'Mean of one piece.' }),
    utilizationRatio: share('a utilization').optional().openapi({
      description: 'In place of `powerWatts`: power is modelled from it, with wide bounds (docs/method.md).',
    }),
    host: hostInput.optional().openapi({ description: 'What the pieces stand in; default: not counted.' }),
    gridZone: z.string().min(1).max(40).optional().openapi({ example: 'DE' }),
    cloudRegion: z
      .string()
      .min(1)
      .max(60)
      .optional()
      .openapi({ description: 'In place of `gridZone`.', example: 'aws:eu-north-1' }),
    intensity: z
      .strictObject({
        gramsPerKwh: amount('gCO2eq/kWh', 0, 5_000),
        source: named('Where the intensity comes from.'),
      })
      .optional()
      .openapi({ description: 'In place of `gridZone`: your own, the same for all of the time.' }),
    from: instantInput
      .optional()
      .openapi({ description: 'With dates, stored series count; without, the yearly average.' }),
    to: instantInput.optional().openapi({ description: 'Default: `from` and the hours.' }),
    pueRatio: amount('a PUE', 1, 5)
      .optional()
      .openapi({ description: 'May be left out for a cloud region whose PUE is published.', example: 1.2 }),
    basis: z.enum(BASES, 'expected lifecycle or direct').default('lifecycle'),
    embodied: givenEmbodied
      .optional()
      .openapi({ description: 'Of one piece, in place of the catalog’s figure.' }),
    embodiedLifetimeYears: amount('a number of years', 0.5, 30).optional(),
    expectedUtilizationRatio: amount('a share of the lifetime', 0.01, 1).optional().openapi({
      description:
        'Share of the lifetime in which hardware is used: embodied emissions are then spread over the active hours alone, as in the BLOOM study. Such figures do not add up to a fleet’s.',
    }),
  })
  .refine(({ powerWatts, utilizationRatio }) => powerWatts === undefined || utilizationRatio === undefined, {
    path: ['utilizationRatio'],
    message: 'expected either powerWatts or utilizationRatio',
  })
  .refine(
    ({ gridZone, cloudRegion, intensity }) =>
      [gridZone, cloudRegion, intensity].filter((one) => one !== undefined).length === 1,
    { path: ['gridZone'], message: 'expected one of gridZone, cloudRegion and intensity' },
  )
  .refine(({ host }) => host?.parts === undefined || host.embodied === undefined, {
    path: ['host', 'embodied'],
    message: 'expected either parts or embodied',
  })
  .openapi('EstimateRequest');

const bound = (what: string) => z.number().openapi({ description: what });

const answerSchema = emissionsSchema
  .omit({ rolledUpTo: true, hoursWaiting: true, otherGroups: true, intensitySources: true })
  .extend({
    from: instantOutput.nullable().openapi({ description: 'Null where no dates were given.' }),
    to: instantOutput.nullable(),
    embodiedMethod: z.enum(['straightLine', 'activeHours']).openapi({
      description: '`activeHours` with `expectedUtilizationRatio`; never add the two.',
    }),
    totals: figuresSchema.extend({
      energyKwhLow: bound('By the bounds of the power.'),
      energyKwhHigh: z.number(),
      facilityEnergyKwhLow: z.number(),
      facilityEnergyKwhHigh: z.number(),
      operationalGramsLow: bound('By the bounds of the power; those of PUE and intensity are not known.'),
      operationalGramsHigh: z.number(),
      totalGramsLow: bound('operational low + embodied low'),
      totalGramsHigh: z.number(),
    }),
    estimate: z.object({
      hardware: z.string().openapi({ description: 'As the catalog names it.' }),
      count: z.number(),
      hours: z.number(),
      powerWatts: bound('Of one piece.'),
      powerWattsLow: z.number(),
      powerWattsHigh: z.number(),
      gridZone: z.string().nullable().openapi({ description: 'Null where the intensity was given.' }),
      gramsPerKwh: z.number().nullable().openapi({
        description: 'Mean over the energy for which one is known; null without any.',
      }),
      pueRatio: z.number(),
      embodiedMethod: z.enum(['straight line by calendar time', 'active hours']),
      embodiedLifetimeYears: z.number(),
    }),
    assumptions: z
      .array(z.string())
      .openapi({ description: 'What the request left open, and what was taken.' }),
    sources: z.array(z.string()),
  })
  .openapi('EstimateAnswer');

const route = createRoute({
  method: 'post',
  path: '/v1/estimate',
  tags: ['Emissions'],
  summary: 'Estimate after the fact what hardware emitted that nobody metered',
  description:
    'Energy is `modelled`, spread evenly over the time between the dates, and charged as any other: with the stored series of the zone where there is one, else the yearly average (`gridKinds` says which). Nothing is kept, and no other answer has it.',
  ...requireReadOfProjects(),
  request: { body: { required: true, content: { 'application/json': { schema: estimateBody } } } },
  responses: {
    200: {
      description: 'The emissions object, with bounds and what was assumed',
      content: { 'application/json': { schema: answerSchema } },
    },
    ...problems('range_too_long', 'unknown_grid_zone'),
  },
});

export function registerEstimate(app: App): void {
  app.openapi(route, async (context) => {
    const { from: fromMs, to: toMs, ...rest } = context.req.valid('json');
    const request = { ...rest, fromMs, toMs };
    const { nowMs } = context.var;
    const answer = await estimateEmissions(context.var.shards.main, request, nowMs);
    if (!answer.ok) return problemResponse(context, answer.problem);
    return context.json(reply(answer.value, request, nowMs), 200);
  });
}

function reply(answer: EstimateAnswer, request: EstimateRequest, nowMs: number) {
  const { totals, dates, power, gridZone, excludedKwh } = answer;
  return {
    from: dates && instant(dates.startMs),
    to: dates && instant(dates.endMs),
    step: 'none' as const,
    basis: request.basis,
    signal: 'average' as const,
    accounting: 'location' as const,
    embodiedMethod:
      request.expectedUtilizationRatio === undefined ? ('straightLine' as const) : ('activeHours' as const),
    embodiedLifetimeYears: [answer.lifetimeYears],
    asOf: instant(nowMs),
    settledUntil: instant(nowMs),
    totals: figuresReply(totals, 'location'),
    gpuCount: answer.gpuCount,
    series: [],
    groups: [],
    excluded:
      excludedKwh === 0
        ? []
        : [{ gridZone: gridZone ?? '', reason: 'no series on this basis', energyKwh: excludedKwh }],
    estimate: {
      hardware: answer.hardware.name,
      count: request.count,
      hours: answer.hours,
      powerWatts: power.watts,
      powerWattsLow: power.wattsLow,
      powerWattsHigh: power.wattsHigh,
      gridZone,
      gramsPerKwh: answer.gramsPerKwh,
      pueRatio: answer.pueRatio,
      embodiedMethod:
        request.expectedUtilizationRatio === undefined
          ? ('straight line by calendar time' as const)
          : ('active hours' as const),
      embodiedLifetimeYears: answer.lifetimeYears,
    },
    assumptions: [...answer.assumptions],
    sources: [...answer.sources],
  };
}
