/** A carbon statement as JSON. */
import { z } from '@hono/zod-openapi';
import type { Statement } from '../../shared/statement/statement.ts';
import { instant, instantOrNull, instantOutput } from '../http/schemas.ts';
import { figuresReply, figuresSchema } from './emissions-schema.ts';

const nullableText = z.string().nullable();

export const statementSchema = z
  .object({
    subject: z.object({
      kind: z.enum(['job', 'project', 'period']),
      name: z.string().openapi({ description: 'Id of the job or the period, name of the project.' }),
      project: nullableText,
      user: nullableText,
      phase: nullableText,
      runs: z.array(z.string()).openapi({ description: 'Of a job: the runs that the figure is of.' }),
      filter: nullableText.openapi({ description: 'Of a period: what it is about; empty: the fleet.' }),
      closedAt: instantOutput.nullable(),
    }),
    from: instantOutput,
    to: instantOutput,
    asOf: instantOutput,
    basis: z.string(),
    signal: z.string(),
    accounting: z.string(),
    totals: figuresSchema,
    totalGramsLow: z.number().openapi({
      description: 'operational + embodied low. What meters and intensities leave open is in no bound.',
    }),
    totalGramsHigh: z.number(),
    gpuCount: z.number().int(),
    gpuHours: z.number(),
    hardware: z
      .array(
        z.object({
          model: z.string().openapi({ description: 'As its driver reports it; `none`: nodes without GPUs.' }),
          gpuCount: z.number().int(),
          gpuHours: z.number(),
          energyKwh: z.number(),
          embodied: z
            .object({
              entry: z.string(),
              kgCo2eq: z.number(),
              low: z.number(),
              high: z.number(),
              boundary: z.string(),
              assumed: z.boolean(),
            })
            .nullable()
            .openapi({ description: 'Making of one; null for several models together.' }),
        }),
      )
      .openapi({ description: 'GPUs by model, each with the nodes that they stand in.' }),
    parts: z
      .array(
        z.object({
          type: z.string(),
          name: z.string(),
          count: z.number().int().openapi({ description: 'Different parts of the ledger.' }),
          embodiedGrams: z.number(),
          embodiedGramsLow: z.number(),
          embodiedGramsHigh: z.number(),
          shareOfEmbodied: z
            .number()
            .nullable()
            .openapi({ description: '0..1; null where nothing accrued.' }),
        }),
      )
      .openapi({
        description:
          'All hardware by type and name, those that accrued most first: GPUs, CPUs, memory, disks, and the chassis, board, power supplies and assembly that no host reports. Their grams sum to `totals.embodiedGrams`.',
      }),
    zones: z.array(
      z.object({
        gridZone: z.string(),
        name: nullableText,
        facilityEnergyKwh: z.number(),
        operationalGrams: z.number(),
        meanGramsPerKwh: z.number().nullable().openapi({
          description: 'Over the energy for which an intensity is known; null without any.',
        }),
        yearAverage: z
          .object({ gramsPerKwh: z.number(), year: z.number().int(), source: z.string() })
          .nullable()
          .openapi({ description: 'Null where the table has none on this basis and signal.' }),
        providers: z.array(z.string()).openapi({ description: 'Whose values were used.' }),
      }),
    ),
    sites: z.array(
      z.object({
        site: z.string(),
        energyKwh: z.number(),
        pueRatio: z.number().nullable().openapi({ description: 'Facility energy / IT energy.' }),
      }),
    ),
    embodied: z.object({ method: z.string(), lifetimeYears: z.array(z.number()) }),
    excluded: z.array(
      z.object({ gridZone: z.string().nullable(), reason: z.string(), energyKwh: z.number() }),
    ),
    sci: z.array(z.object({ unit: z.string(), count: z.number(), gramsPerUnit: z.number().nullable() })),
    equivalents: z.array(
      z.object({
        id: z.enum(['carKilometres', 'phoneCharges']),
        what: z.string(),
        count: z.number(),
        gramsCo2eq: z.number().openapi({ description: 'Of one.' }),
        year: z.number().int(),
        source: z.string(),
      }),
    ),
    notCounted: z.array(z.string()),
    versions: z.object({
      software: z.string(),
      catalogSha256: z.string(),
      zonesSha256: z.string(),
      settings: z
        .array(
          z.object({ subject: z.string(), key: z.string(), value: z.string(), effectiveFrom: instantOutput }),
        )
        .openapi({
          description:
            'Of the sites and zones concerned, that held at some time of it, and own figures of hardware.',
        }),
    }),
    sources: z.array(z.string()),
  })
  .openapi('CarbonStatement');

export function statementReply(statement: Statement) {
  const { subject, totals, accounting, versions, settings } = statement;
  const { closedAtMs, runs, ...who } = subject;
  return {
    subject: { ...who, runs: [...runs], closedAt: instantOrNull(closedAtMs) },
    from: instant(statement.fromMs),
    to: instant(statement.toMs),
    asOf: instant(statement.asOfMs),
    basis: statement.basis,
    signal: statement.signal,
    accounting,
    totals: figuresReply(totals, accounting),
    totalGramsLow: statement.totalGramsLow,
    totalGramsHigh: statement.totalGramsHigh,
    gpuCount: statement.gpuCount,
    gpuHours: statement.gpuHours,
    hardware: statement.hardware.map((row) => ({ ...row })),
    parts: statement.parts.map(({ type, name, count, grams, gramsLow, gramsHigh, share }) => ({
      type,
      name,
      count,
      embodiedGrams: grams,
      embodiedGramsLow: gramsLow,
      embodiedGramsHigh: gramsHigh,
      shareOfEmbodied: share,
    })),
    zones: statement.zones.map((zone) => ({ ...zone, providers: [...zone.providers] })),
    sites: statement.sites.map((site) => ({ ...site })),
    embodied: { method: statement.embodiedMethod, lifetimeYears: [...statement.lifetimeYears] },
    excluded: statement.excluded.map((entry) => ({ ...entry })),
    sci: statement.sci.map((score) => ({ ...score })),
    equivalents: statement.equivalents.map((equivalent) => ({ ...equivalent })),
    notCounted: [...statement.notCounted],
    versions: {
      ...versions,
      settings: settings.map(({ effectiveFromMs, ...setting }) => ({
        ...setting,
        effectiveFrom: instant(effectiveFromMs),
      })),
    },
    sources: [...statement.sources],
  };
}
