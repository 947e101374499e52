import { createRoute, z } from '@hono/zod-openapi';
import type { App } from '../http/app.ts';
import { requireScope } from '../http/guard.ts';
import { problemResponse } from '../http/problem.ts';
import { problems } from '../http/problem-schema.ts';
import { instant, instantOrNull, instantOutput } from '../http/schemas.ts';
import { embodiedLedger, sourceOf } from '../use-cases/embodied.ts';

const partSchema = z
  .object({
    id: z.string(),
    type: z.string(),
    name: z.string(),
    capacityBytes: z.number().nullable(),
    embodiedGrams: z.number(),
    embodiedGramsLow: z.number(),
    embodiedGramsHigh: z.number(),
    accruedGrams: z.number().openapi({ description: 'Of `embodiedGrams`, until now.' }),
    assumed: z.boolean().openapi({
      description:
        'The part is not known to the catalog by its name, or its number or presence is assumed, not reported.',
    }),
    inServiceFrom: instantOutput,
    inServiceAssumed: z
      .boolean()
      .openapi({ description: 'When it first appeared, not the operator’s word.' }),
    outOfServiceFrom: instantOutput.nullable(),
    figures: z.array(
      z.object({
        entry: z.string(),
        name: z.string(),
        unit: z.enum(['piece', 'gigabyte', 'kilogram']),
        kgCo2eq: z.number(),
        low: z.number(),
        high: z.number(),
        boundary: z.string(),
        method: z.string(),
        confidence: z.enum(['high', 'medium', 'low']),
        sources: z.array(z.string()),
      }),
    ),
  })
  .openapi('EmbodiedPart');

const route = createRoute({
  method: 'get',
  path: '/v1/nodes/{id}/embodied',
  tags: ['Emissions'],
  summary: 'What making each part of a node emitted, and how that is known',
  description: 'Each part accrues evenly over its lifetime, by calendar time from its in-service date.',
  ...requireScope('read'),
  request: { params: z.object({ id: z.string().max(128) }) },
  responses: {
    200: {
      description: 'The parts by id',
      content: {
        'application/json': {
          schema: z
            .object({
              node: z.string(),
              asOf: instantOutput,
              lifetimeYears: z.number().openapi({ description: 'Holds now; a year has 8,760 hours.' }),
              parts: z.array(partSchema),
            })
            .openapi('NodeEmbodied'),
        },
      },
    },
    ...problems('not_found'),
  },
});

export function registerEmbodied(app: App): void {
  app.openapi(route, async (context) => {
    const { nowMs } = context.var;
    const { id } = context.req.valid('param');
    const ledger = await embodiedLedger(context.env.DB, id, nowMs);
    if (!ledger.ok) return problemResponse(context, ledger.problem);
    return context.json(
      {
        node: id,
        asOf: instant(nowMs),
        lifetimeYears: ledger.value.lifetimeYears,
        parts: ledger.value.parts.map((part) => ({
          id: part.id,
          type: part.type,
          name: part.name,
          capacityBytes: part.capacityBytes,
          embodiedGrams: part.grams,
          embodiedGramsLow: part.gramsLow,
          embodiedGramsHigh: part.gramsHigh,
          accruedGrams: part.grams * part.accruedShare,
          assumed: part.assumed,
          inServiceFrom: instant(part.inServiceMs),
          inServiceAssumed: part.inServiceAssumed,
          outOfServiceFrom: instantOrNull(part.outOfServiceMs),
          figures: part.entries.map(
            ({ id: entry, name, unit, kgCo2eq, low, high, boundary, method, confidence, sources }) => ({
              entry,
              name,
              unit,
              kgCo2eq,
              low,
              high,
              boundary,
              method,
              confidence,
              sources: sources.map(sourceOf),
            }),
          ),
        })),
      },
      200,
    );
  });
}
