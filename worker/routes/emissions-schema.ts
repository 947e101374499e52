/** The emissions object of the contract, and the query that asks for it. */
import { z } from '@hono/zod-openapi';
import type { Figures } from '../../shared/emissions/figures.ts';
import type { GridUse } from '../../shared/emissions/grid-uses.ts';
import {
  DEFAULT_LOW_UTILIZATION_RATIO,
  type FigureStep,
  GROUP_KEYS,
  NO_GROUP,
} from '../../shared/emissions/join.ts';
import type { ContractUse } from '../../shared/emissions/supply.ts';
import { STEPS } from '../../shared/emissions/time-steps.ts';
import { BASES, INTENSITY_KINDS, SCOPES, SIGNALS } from '../../shared/grid/intensity.ts';
import { settledUntil } from '../../shared/ledger/settled.ts';
import { instant, instantInput, instantOutput } from '../http/schemas.ts';
import type { Emissions } from '../use-cases/emissions.ts';
import { ACCOUNTINGS } from '../use-cases/emissions-query.ts';
import { contractOutput, contractReply } from './site-factors-schema.ts';

export const emissionsQuery = z.strictObject({
  from: instantInput.optional().openapi({
    description:
      'Default: start of the UTC day that `to` ends in. Windows count where they start. Of a part of an hour a fleet of more than 64 nodes is told energies and grams exactly, and of coverage, GPU time, hardware and kinds the share of the hour.',
  }),
  to: instantInput
    .optional()
    .openapi({ description: 'Default: now, or `asOf`. Nothing is counted beyond it.' }),
  step: z.enum(STEPS).default('none').openapi({ description: '`none`: no series. Days and months are UTC.' }),
  groupBy: z
    .enum(GROUP_KEYS, { error: `expected one of ${GROUP_KEYS.join(', ')}` })
    .optional()
    .openapi({
      description:
        'A node is one group by `gpuModel`, also with several models (`A + B`). By `job`, `project`, `phase` or `user` each group has what was allocated to its jobs; `idle` and `unattributed` are groups of their own, so that groups sum to the totals.',
    }),
  top: z.coerce
    .number('expected a whole number from 1 to 1,000')
    .int('expected a whole number from 1 to 1,000')
    .min(1, 'expected a whole number from 1 to 1,000')
    .max(1_000, 'expected a whole number from 1 to 1,000')
    .optional()
    .openapi({
      description:
        'With `groupBy`: only so many groups, those with the most `totalGrams`, most first; the others together are `otherGroups`. Default: all, by key.',
    }),
  filter: z.string().max(1_000).optional().openapi({
    description:
      'Terms that must all hold: `node`, `gridZone`, `site`, `gpuModel`, `label.<name>`, `job`, `project`, `phase` or `user`. Zone and site are those that held at the time, labels those of now. With a term of jobs the answer is only what those jobs had; `project:none` are jobs without one, `job:idle` and `job:unattributed` what was in none.',
    example: 'site:berlin,label.team:nlp',
  }),
  basis: z
    .enum(BASES)
    .default('lifecycle')
    .openapi({ description: 'A zone without a series on this basis is excluded, never converted.' }),
  signal: z.enum(SIGNALS).default('average'),
  scope: z.enum(SCOPES).optional().openapi({
    description:
      'Only what is charged with values of this scope; energy of zones and hours of the other is listed under `excluded`. With accounting=market what contracts and residual mixes cover is in the answer for either. Default: each zone by the scope that it has (GET /v1/grid/{gridZone}/trust), and `scope` says which.',
  }),
  accounting: z.enum(ACCOUNTINGS, 'expected location or market').default('location').openapi({
    description:
      '`market`: supply contracts are spread over the consumption within their vintage and boundary, never above it; the rest is at the residual mix where the site has one, else at the intensity of the grid (docs/method.md). Stands beside location accounting and is never added to it.',
  }),
  lowUtilizationRatio: z.coerce
    .number('expected a number from 0 to 1')
    .min(0, 'expected a number from 0 to 1')
    .max(1, 'expected a number from 0 to 1')
    .default(DEFAULT_LOW_UTILIZATION_RATIO)
    .openapi({
      description:
        'A GPU whose mean utilization over five minutes is below it was hardly used: what jobs drew from it then is `lowUtilizationEnergyKwh`.',
    }),
  asOf: instantInput.optional().openapi({
    description:
      'Answers as it was known then, as if nothing that was recorded later had happened; not after now. Default: now, with all that is known.',
  }),
});

const kwh = (description: string) => z.number().openapi({ description });
const share = z.number().min(0).max(1);

const scopePart = z.object({ facilityEnergyKwh: z.number(), operationalGrams: z.number() });

const overhead = z.object({ energyKwh: z.number(), operationalGrams: z.number() }).nullable();

const figures = {
  energyKwh: kwh('IT energy, as metered.'),
  facilityEnergyKwh: kwh('IT energy x PUE: what `operationalGrams` is made from.'),
  operationalGrams: z.number().openapi({
    description: 'gCO2eq: facility energy of each five minutes x the intensity of those five minutes.',
  }),
  embodiedGrams: z
    .number()
    .openapi({ description: 'gCO2eq of manufacturing, straight-line over calendar time.' }),
  embodiedGramsLow: z.number(),
  embodiedGramsHigh: z.number(),
  totalGrams: z.number().openapi({ description: 'operational + embodied' }),
  idleEnergyKwh: kwh('While the devices were proven free.'),
  idleGrams: z.number(),
  unattributedEnergyKwh: kwh('Neither in a known job nor proven idle.'),
  unattributedGrams: z.number(),
  lowUtilizationEnergyKwh: kwh(
    'What jobs drew from GPUs that they hardly used (`lowUtilizationRatio`), the host not included. Unknown utilization is not low.',
  ),
  lowUtilizationGrams: z.number(),
  gpuSeconds: z.number().openapi({
    description: 'Time for which GPUs were metered; of jobs: and were allocated to them.',
  }),
  gpuUtilizationRatio: share
    .nullable()
    .openapi({ description: 'Mean over the GPU time for which it is known; null where it never is.' }),
  coverage: share.nullable().openapi({
    description:
      'Metered device time / device time of the inventory since enrolment; null where none was expected. Of jobs: metered / allocated device time.',
  }),
  nodesExpected: z.number().int().openapi({ description: 'Of jobs: the nodes that they had a share of.' }),
  nodesReporting: z.number().int(),
  missingEnergyKwhEstimate: kwh(
    'Gaps x the mean power of the device in this range (or of its like on the node). Never in a total.',
  ),
  energyKinds: z
    .object({ counter: share, integrated: share, modelled: share, simulated: share })
    .openapi({ description: 'Shares of the energy; all 0 without energy.' }),
  jobAttributions: z
    .object({ allocation: share, slices: share, turns: share, utilization: share, processes: share })
    .openapi({
      description:
        'Shares of the energy in jobs by how they came to it: allocation of whole devices, slices of a partitioned GPU, turns on a shared one, utilization of a shared one by their processes, or only processes seen on a device. All 0 without jobs.',
    }),
  recovered: share.openapi({ description: 'Share that a counter consumed while nobody read it.' }),
  gridKinds: z
    .object({ measured: share, estimated: share, forecast: share, annual: share })
    .optional()
    .openapi({
      description:
        'Shares of the energy that an intensity is known for; all 0 without any. Absent with accounting=market.',
    }),
  scope: z
    .enum([...SCOPES, 'mixed'])
    .nullable()
    .openapi({
      description:
        'Of the intensities: `consumption` has imports in it, `production` is what the plants of the zone make; `mixed`: both, in zones or hours of their own, and `scopes` has the parts. Null where nothing is charged at the intensity of the grid.',
    }),
  scopes: z.object({ consumption: scopePart, production: scopePart }).nullable().openapi({
    description:
      'Where `scope` is `mixed`: what is charged with values of each, which adds up to `operationalGrams` (with accounting=market: to the part at the intensity of the grid). Ask for `scope=` to have one alone.',
  }),
  supplyKinds: z.object({ contract: share, residual: share, location: share }).optional().openapi({
    description:
      'With accounting=market, in place of `gridKinds`: shares of the facility energy that contracts cover, that is at the residual mix, and that is at the intensity of the grid because the site has no residual mix.',
  }),
  waterLitresSite: z.number().nullable().openapi({
    description: 'IT energy x WUE of the site; null where no site has one.',
  }),
  waterLitresGrid: z.number().nullable().openapi({
    description: 'Facility energy x water intensity of its electricity; null where no site has one.',
  }),
  waterKnown: z
    .object({ site: share, grid: share })
    .openapi({ description: 'Shares of the energy whose site says how much water it takes.' }),
  overheads: z.object({ host: overhead, network: overhead, storage: overhead, cooling: overhead }).openapi({
    description:
      'What no meter of a node sees, by the factors of the site (their source is at the site): IT energy x ratio, at the location-based intensity; `host` only where no meter of the whole node saw it. In no other figure; null where no site has the factor.',
  }),
  energyKwhByDevice: z.object({ gpu: z.number(), cpu: z.number(), memory: z.number(), other: z.number() }),
};

export const figuresSchema = z.object(figures).openapi('EmissionFigures');
const stepSchema = z.object({ start: instantOutput, end: instantOutput, ...figures }).openapi('EmissionStep');

export const emissionsSchema = z
  .object({
    from: instantOutput,
    to: instantOutput,
    step: z.enum(STEPS),
    basis: z.enum(BASES),
    signal: z.enum(SIGNALS),
    accounting: z.enum(ACCOUNTINGS),
    embodiedMethod: z.literal('straightLine').openapi({
      description:
        'Of every embodied figure here: straight line by calendar time over the lifetimes below. Other views: GET /v1/nodes/{id}/embodied.',
    }),
    embodiedLifetimeYears: z.array(z.number()).openapi({
      description:
        'Lifetimes that the hardware in it is spread over, ascending: those of the sites where its nodes stood, 4 where a site says none; a year has 8,760 hours. Several where sites differ or a lifetime changed; none where the answer has no node.',
      example: [4],
    }),
    asOf: instantOutput.openapi({ description: 'The answer is what was known then.' }),
    settledUntil: instantOutput.openapi({
      description:
        'Two hours before `asOf`, on the hour: reports of the hours before it are in, in the ordinary course. With an `asOf` in the past, hours before it are exactly as they were known; those after it hold what was known when they settled.',
    }),
    rolledUpTo: instantOutput.nullable().openapi({
      description:
        'Until when the answer counts, where that is not `to`: the newest hours of a fleet over 64 nodes are summed every ten minutes. Null: it is all there.',
    }),
    hoursWaiting: z.number().int().openapi({
      description:
        'Hours that changed (late reports, a node that moved, by job also what a job is called) and are counted as they were, or not at all where they never were, until they are summed again, in minutes mostly. 0: none.',
    }),
    totals: figuresSchema,
    gpuCount: z.number().int().openapi({
      description: 'Different GPUs that were metered; of jobs: that were allocated to them.',
    }),
    series: z.array(stepSchema).openapi({ description: 'Steps that have begun; empty with step=none.' }),
    groups: z.array(
      z
        .object({
          key: z.string(),
          label: z.string(),
          owner: z.enum(['job', 'idle', 'unattributed']).nullable().openapi({
            description:
              'In groups by job, project, phase or user: whether it is jobs, what was proven idle, or nobody’s that is known. Null in others.',
          }),
          gpuCount: z.number().int(),
          ...figures,
          series: z.array(stepSchema),
        })
        .openapi('EmissionGroup', { description: `Key \`${NO_GROUP}\`: what belongs to none.` }),
    ),
    otherGroups: z
      .object({
        groupCount: z.number().int(),
        gpuCount: z.number().int(),
        ...figures,
        series: z.array(stepSchema),
      })
      .nullable()
      .openapi({ description: 'With `top`: the groups that are not listed, together; null where all are.' }),
    intensitySources: z
      .array(
        z.object({
          gridZone: z.string(),
          scope: z.enum(SCOPES),
          provider: z
            .string()
            .openapi({ description: '`user`: your own series; `annual`: yearly averages.' }),
          kind: z.enum(INTENSITY_KINDS),
          facilityEnergyKwh: z.number(),
          operationalGrams: z.number(),
          earliestFetchedAt: instantOutput,
          latestFetchedAt: instantOutput,
        }),
      )
      .openapi({
        description:
          'Whose intensities the totals were charged with: of each zone, scope, provider and kind how much, and when the values came.',
      }),
    contracts: z
      .array(
        z.object({
          site: z.string(),
          ...contractOutput.shape,
          usedKwh: z.number(),
          unusedKwh: z.number().openapi({ description: 'More than was used within vintage and boundary.' }),
        }),
      )
      .optional()
      .openapi({
        description:
          'With accounting=market: the contracts whose vintage touches the time, or that share consumption with one that does; each over its whole vintage until now and all that is in its boundary, whatever was asked for.',
      }),
    excluded: z
      .array(z.object({ gridZone: z.string(), reason: z.string(), energyKwh: z.number() }))
      .openapi({ description: 'Energy that is in `energyKwh` but has no grams: no intensity is known.' }),
  })
  .openapi('Emissions');

export type EmissionsQueryInput = z.output<typeof emissionsQuery>;

const toContract = ({ contract, usedKwh, unusedKwh }: ContractUse) => ({
  site: contract.siteId,
  ...contractReply(contract),
  usedKwh,
  unusedKwh,
});

const toSource = ({ earliestFetchedAtMs, latestFetchedAtMs, ...use }: GridUse) => ({
  ...use,
  earliestFetchedAt: instant(earliestFetchedAtMs),
  latestFetchedAt: instant(latestFetchedAtMs),
});

/** What a kWh is charged with is told by one of two tables. */
export function figuresReply<T extends Figures>(
  { gridKinds, supplyKinds, ...rest }: T,
  accounting: EmissionsQueryInput['accounting'],
) {
  return accounting === 'market' ? { ...rest, supplyKinds } : { ...rest, gridKinds };
}

export function toEmissionsAnswer(
  answer: Emissions,
  query: Pick<EmissionsQueryInput, 'step' | 'basis' | 'signal' | 'accounting'>,
) {
  const toFigures = <T extends Figures>(figures: T) => figuresReply(figures, query.accounting);
  const toStep = ({ startMs, endMs, ...rest }: FigureStep) => ({
    start: instant(startMs),
    end: instant(endMs),
    ...toFigures(rest),
  });
  return {
    from: instant(answer.fromMs),
    to: instant(answer.toMs),
    step: query.step,
    basis: query.basis,
    signal: query.signal,
    accounting: query.accounting,
    embodiedMethod: 'straightLine' as const,
    embodiedLifetimeYears: [...answer.embodiedLifetimeYears],
    asOf: instant(answer.asOfMs),
    settledUntil: instant(Math.max(0, settledUntil(answer.asOfMs))),
    rolledUpTo: answer.rolledUpToMs === null ? null : instant(answer.rolledUpToMs),
    hoursWaiting: answer.hoursWaiting,
    totals: toFigures(answer.totals),
    gpuCount: answer.gpuCount,
    series: answer.series.map(toStep),
    groups: answer.groups.map((group) => ({ ...toFigures(group), series: group.series.map(toStep) })),
    otherGroups: answer.otherGroups && {
      ...toFigures(answer.otherGroups),
      series: answer.otherGroups.series.map(toStep),
    },
    intensitySources: answer.gridUses.map(toSource),
    ...(answer.contracts && { contracts: answer.contracts.map(toContract) }),
    excluded: answer.excluded.map((entry) => ({ ...entry, gridZone: entry.gridZone ?? NO_GROUP })),
  };
}
