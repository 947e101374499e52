/** The ledger of a node's parts as answers show it. */
import { z } from '@hono/zod-openapi';
import { PROVENANCES } from '../../shared/embodied/catalog.ts';
import { EMBODIED_METHODS } from '../../shared/embodied/views.ts';
import { instantOutput } from '../http/schemas.ts';

const untold = 'Null: the method does not tell.';
const share = (description: string) =>
  z
    .number()
    .nullable()
    .openapi({ description: `${description} ${untold}` });

/** Sums of these are those of the parts. */
const grams = {
  embodiedGrams: z.number().openapi({ description: 'What making it emitted, whole.' }),
  embodiedGramsLow: z.number(),
  embodiedGramsHigh: z.number(),
  accruedGrams: z.number().openapi({ description: 'In `[from, to)`, by `embodiedMethod`.' }),
  accruedGramsLow: z.number(),
  accruedGramsHigh: z.number(),
  broughtGrams: share('Had accrued before it came to this node, or before the node came to the fleet.'),
  accruedSoFarGrams: z.number().openapi({ description: 'In this node until `to`.' }),
  remainingGrams: share('Still to accrue in this node.'),
  writtenOffGrams: share(
    'Never to accrue: it left service early, or the node was out of the fleet meanwhile.',
  ),
  carriedAwayGrams: share('Went with it to another node.'),
  adpeKgSbeq: z.number().nullable().openapi({
    description: 'Of making it: depletion of minerals and metals, kg antimony-equivalent. Null: not known.',
  }),
  primaryEnergyMegajoules: z.number().nullable(),
  waterCubicMetresEq: z.number().nullable().openapi({
    description: 'Weighted by scarcity (AWARE), cubic metres world-equivalent. Null: not known.',
  }),
};

const partSchema = z
  .object({
    id: z.string(),
    type: z.string(),
    name: z.string(),
    capacityBytes: z.number().nullable(),
    count: z
      .number()
      .nullable()
      .openapi({ description: 'How many pieces, or what share of one, by your word; null: as assumed.' }),
    ...grams,
    activeHours: z.number().nullable().openapi({ description: 'In `[from, to)`; with `activeHours` only.' }),
    fullyAmortized: z.boolean().openapi({ description: 'Its lifetime is over: it adds nothing any more.' }),
    matched: z.boolean().openapi({
      description:
        'An entry of the catalog has its own name; if not, a similar one or the median of its type stands for it.',
    }),
    assumed: z.boolean().openapi({
      description:
        'The part is not known to the catalog by its name, or its number or presence is assumed, not reported.',
    }),
    inServiceFrom: instantOutput,
    inServiceAssumed: z
      .boolean()
      .openapi({ description: 'When it first appeared, not the operator’s word.' }),
    agesFrom: instantOutput
      .nullable()
      .openapi({ description: 'Since when it ages, where it came from another node.' }),
    outOfServiceFrom: instantOutput.nullable(),
    missingSince: instantOutput.nullable().openapi({
      description: 'Inventories lack it since then. It stays in service: a bus may have lost it.',
    }),
    suspectedReplacement: z.string().nullable().openapi({
      description:
        'Id of a part that came while this one has been missing for 7 days. A proposal: PATCH /v1/nodes/{id}/parts/{partId} with `replacedBy` confirms it.',
    }),
    replacedBy: z.string().nullable(),
    movedTo: z.string().nullable().openapi({ description: 'Id of the node that reported it next.' }),
    figures: z.array(
      z.object({
        entry: z.string(),
        name: z.string(),
        unit: z.enum(['piece', 'gigabyte', 'kilogram']),
        kgCo2eq: z.number(),
        low: z.number(),
        high: z.number(),
        kind: z.enum(PROVENANCES),
        boundary: z.string(),
        method: z.string(),
        confidence: z.enum(['high', 'medium', 'low']),
        sources: z.array(z.string()),
      }),
    ),
  })
  .openapi('EmbodiedPart');

export const embodiedOutput = z
  .object({
    node: z.string(),
    from: instantOutput,
    to: instantOutput,
    asOf: instantOutput,
    embodiedMethod: z.enum(EMBODIED_METHODS),
    methodNote: z.string().openapi({ description: 'What the method does and does not promise.' }),
    sumsToTotal: z.boolean().openapi({ description: 'Over a lifetime its shares sum to the whole.' }),
    lifetimeYears: z.number().openapi({ description: 'Holds at `to`; a year has 8,760 hours.' }),
    expectedUtilizationRatio: z
      .number()
      .nullable()
      .openapi({ description: '0..1; with `activeHours` only.' }),
    virtualMachine: z.boolean().openapi({
      description:
        'By the name of the product. Its chassis, motherboard, power supplies and assembly are another machine’s: say with `count` what share is its own.',
    }),
    totals: z.object(grams),
    parts: z.array(partSchema),
  })
  .openapi('NodeEmbodied');
