/** The ledger of a node's parts as answers show it. */
import { z } from '@hono/zod-openapi';
import { PROVENANCES } from '../../shared/embodied/catalog.ts';
import { FIGURE_MATCHES } from '../../shared/embodied/footprint.ts';
import { EMBODIED_METHODS } from '../../shared/embodied/views.ts';
import { instantOutput } from '../http/schemas.ts';
import { impactOutputs } from './impacts-schema.ts';

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
  carriedAwayGrams: share('Went with it to another node, or would have accrued while it was away.'),
  ...impactOutputs,
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
    match: z.enum(FIGURE_MATCHES).openapi({
      description:
        '`exact`: an entry of the catalog has its own name; `similar`: its name begins like that of an entry, whose bounds are halved and doubled; `modelled`: nothing is like it, and a formula gives its figure, with wide bounds; `type`: one figure stands for all parts of its type; `module`: it is in the figure of the GPU on the same module (GH200, GB200), and zero here.',
    }),
    matched: z.boolean().openapi({ description: '`match` is `exact`, `type` or `module`.' }),
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
    absences: z
      .array(z.object({ from: instantOutput, to: instantOutput }))
      .openapi({ description: 'Times for which it was away and came back: it aged elsewhere.' }),
    missingSince: instantOutput.nullable().openapi({
      description: 'Inventories lack it since then. It stays in service: a bus may have lost it.',
    }),
    suspectedReplacement: z.string().nullable().openapi({
      description:
        'Id of a part that came while this one has been missing for 7 days. A proposal: PATCH /v1/nodes/{id}/parts/{partId} with `replacedBy` confirms it.',
    }),
    replacedBy: z.string().nullable(),
    movedTo: z.string().nullable().openapi({
      description:
        'Id of the node that reported it next; its own for a total of memory whose modules stand for it now.',
    }),
    figureHistory: z
      .array(
        z.object({
          from: instantOutput.nullable().openapi({ description: 'Null: from the beginning.' }),
          embodiedGrams: z.number(),
          embodiedGramsLow: z.number(),
          embodiedGramsHigh: z.number(),
        }),
      )
      .openapi({
        description:
          'Where you gave another figure from a date on: each. Every share of its life has the one that held then, so `embodiedGrams` lies between them. Else empty.',
      }),
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
