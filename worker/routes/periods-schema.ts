/** Periods as requests ask for them and answers show them. */
import { z } from '@hono/zod-openapi';
import { instant, instantInput, instantOutput, whyInput } from '../http/schemas.ts';
import type { BookedAdjustment, ClosedPeriod } from '../storage/periods.ts';
import { MAX_CHANGES_SHOWN, type OpenPeriod, type PeriodNow } from '../use-cases/periods.ts';
import { changeReply, changeSchema } from './change-schema.ts';
import { emissionsQuery, figuresReply, figuresSchema } from './emissions-schema.ts';

const { filter, basis, signal, accounting } = emissionsQuery.shape;

/** What one question is: periods of one scope follow each other and never overlap. */
export const scopeQuery = z.strictObject({ filter: filter.default(''), basis, signal, accounting });

export const closeBody = z
  .strictObject({
    from: instantInput,
    to: instantInput.openapi({ description: 'Two hours ago or more, so that its last hour has settled.' }),
    ...scopeQuery.shape,
    why: whyInput,
  })
  .openapi('PeriodToClose');

const adjustmentSchema = z
  .object({
    energyKwh: z.number(),
    idleEnergyKwh: z.number(),
    unattributedEnergyKwh: z.number(),
    facilityEnergyKwh: z.number(),
    operationalGrams: z.number(),
    embodiedGrams: z.number(),
    embodiedGramsLow: z.number(),
    embodiedGramsHigh: z.number(),
    totalGrams: z.number(),
    idleGrams: z.number(),
    unattributedGrams: z.number(),
    lowUtilizationEnergyKwh: z.number(),
    lowUtilizationGrams: z.number(),
    gpuSeconds: z.number(),
    ...figuresSchema.pick({ waterLitresSite: true, waterLitresGrid: true, overheads: true }).shape,
  })
  .openapi('Adjustment', {
    description: 'Now less then. Shares, coverage and counts of nodes are compared side by side instead.',
  });

const bookedSchema = z
  .object({
    period: z.number().int().openapi({ description: 'Id of the closed period that it belongs to.' }),
    from: instantOutput,
    to: instantOutput,
    adjustment: adjustmentSchema,
  })
  .openapi('PeriodAdjustment');

const hoursWaitingOf = (where: string) =>
  z
    .number()
    .int()
    .openapi({
      description: `Hours that changed and are counted in ${where} as they were until they are summed again.`,
    });

const scopeFields = {
  from: instantOutput,
  to: instantOutput,
  filter: z.string().openapi({ description: 'Terms sorted; empty: the fleet.' }),
  basis: z.string(),
  signal: z.string(),
  accounting: z.string(),
};

const adjustmentsOf = (description: string) => z.array(bookedSchema).openapi({ description });

const periodFields = {
  id: z.number().int(),
  ...scopeFields,
  closedAt: instantOutput.openapi({
    description: 'The figure is what emissions answer with this instant as `asOf`.',
  }),
  closedBy: z.string().openapi({ description: 'Id of the token.' }),
  why: z.string().nullable(),
  figure: figuresSchema,
  versions: z
    .object({
      software: z.string(),
      catalogSha256: z.string(),
      zonesSha256: z.string(),
      settings: z
        .array(
          z.object({ subject: z.string(), key: z.string(), value: z.string(), effectiveFrom: instantOutput }),
        )
        .openapi({ description: 'Of sites and zones, that held at some time of the period.' }),
    })
    .openapi('FactorVersions', {
      description:
        'What the figure was made with: the software, its hardware catalog and zones, the settings.',
    }),
  adjustments: adjustmentsOf(
    'What had come to earlier closed periods since the closing before this one; never inside `figure`.',
  ),
};

export const periodSchema = z.object(periodFields).openapi('Period');

export const periodNowSchema = z
  .object({
    ...periodFields,
    now: figuresSchema.openapi({ description: 'The same question with all that is known now.' }),
    adjustment: adjustmentSchema,
    hoursWaiting: hoursWaitingOf('`now`'),
    factorsChanged: z.boolean().openapi({
      description:
        'Whether this software has another version, catalog or zones than `versions`; that is in the adjustment too, and in no change.',
    }),
    changes: z.array(changeSchema).openapi({
      description: `Recorded since it was closed and touching its time, oldest first; at most ${MAX_CHANGES_SHOWN}.`,
    }),
    moreChanges: z.boolean().openapi({
      description:
        'Whether there are more, or may be: the log grew by more than one look passes; `GET /v1/changes` has all.',
    }),
  })
  .openapi('PeriodNow');

export const openPeriodSchema = z
  .object({
    ...scopeFields,
    figure: figuresSchema.openapi({ description: 'Of its own time alone.' }),
    rolledUpTo: instantOutput.nullable().openapi({
      description: 'Until when `figure` counts, where that is not now: as in answers about a fleet.',
    }),
    hoursWaiting: hoursWaitingOf('`figure` and `adjustments`'),
    adjustments: adjustmentsOf(
      'What has come to closed periods since the last closing; it is booked with the next one.',
    ),
  })
  .openapi('OpenPeriod');

type Scope = Pick<ClosedPeriod, 'fromMs' | 'toMs' | 'filter' | 'basis' | 'signal' | 'accounting'>;

const scopeReply = ({ fromMs, toMs, filter, basis, signal, accounting }: Scope) => ({
  from: instant(fromMs),
  to: instant(toMs),
  filter,
  basis,
  signal,
  accounting,
});

const bookedReply = ({ periodId, fromMs, toMs, adjustment }: BookedAdjustment) => ({
  period: periodId,
  from: instant(fromMs),
  to: instant(toMs),
  adjustment,
});

export function periodReply(period: ClosedPeriod) {
  const { id, closedAtMs, closedBy, why, figure, versions, adjustments } = period;
  return {
    id,
    ...scopeReply(period),
    closedAt: instant(closedAtMs),
    closedBy,
    why,
    figure: figuresReply(figure, period.accounting),
    versions: {
      ...versions,
      settings: versions.settings.map(({ effectiveFromMs, ...setting }) => ({
        ...setting,
        effectiveFrom: instant(effectiveFromMs),
      })),
    },
    adjustments: adjustments.map(bookedReply),
  };
}

export function periodNowReply({ period, now, changes, ...rest }: PeriodNow) {
  const { adjustment, hoursWaiting, factorsChanged, moreChanges } = rest;
  return {
    ...periodReply(period),
    now: figuresReply(now, period.accounting),
    adjustment,
    hoursWaiting,
    factorsChanged,
    changes: changes.map(changeReply),
    moreChanges,
  };
}

export function openPeriodReply(open: OpenPeriod) {
  return {
    ...scopeReply(open),
    figure: figuresReply(open.figure, open.accounting),
    rolledUpTo: open.rolledUpToMs === null ? null : instant(open.rolledUpToMs),
    hoursWaiting: open.hoursWaiting,
    adjustments: open.adjustments.map(bookedReply),
  };
}
