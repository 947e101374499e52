import { createRoute, z } from '@hono/zod-openapi';
import { sourceOf } from '../../shared/embodied/catalog.ts';
import {
  DEFAULT_EXPECTED_UTILIZATION_RATIO,
  EMBODIED_METHODS,
  type EmbodiedMethod,
} from '../../shared/embodied/views.ts';
import type { App } from '../http/app.ts';
import { requireReason, requireScope } from '../http/guard.ts';
import { problemResponse } from '../http/problem.ts';
import { problems } from '../http/problem-schema.ts';
import { instant, instantInput, instantOrNull, whyInput } from '../http/schemas.ts';
import { type EmbodiedLedger, type EmbodiedPart, embodiedLedger } from '../use-cases/embodied.ts';
import { sayOfPart } from '../use-cases/part-word.ts';
import { embodiedOutput } from './embodied-schema.ts';
import { impactOutputs, impactReply } from './impacts-schema.ts';

const NOTES: Readonly<Record<EmbodiedMethod, string>> = {
  straightLine:
    'Straight line by calendar time over the lifetime, in use or not. Over a lifetime it sums to the total. Every sum of this server is made with it.',
  activeHours:
    'Hours allocated to jobs over lifetime x 8,760 h x expected utilization, as in the study of BLOOM. It sums to the total only where the part is as busy as expected; never add it to figures of another method.',
  immediate:
    'All in the instant in which the part came into service, as for the year of purchase in the GHG Protocol (scope 3, category 2). Never add it to figures of another method.',
};

const route = createRoute({
  method: 'get',
  path: '/v1/nodes/{id}/embodied',
  tags: ['Emissions'],
  summary: 'What making each part of a node emitted, what of it has accrued, and how that is known',
  description: `\`embodiedMethod\` chooses the view: ${Object.entries(NOTES)
    .map(([method, note]) => `\`${method}\`: ${note}`)
    .join(' ')}`,
  ...requireScope('read'),
  request: {
    params: z.object({ id: z.string().max(128) }),
    query: z.strictObject({
      from: instantInput
        .optional()
        .openapi({ type: 'string', format: 'date-time', description: 'Default: since the first part came.' }),
      to: instantInput
        .optional()
        .openapi({ type: 'string', format: 'date-time', description: 'Default and latest: `asOf`.' }),
      asOf: instantInput.optional().openapi({
        type: 'string',
        format: 'date-time',
        description: 'Answers as it was known then; default: now.',
      }),
      embodiedMethod: z.enum(EMBODIED_METHODS).default('straightLine'),
      expectedUtilizationRatio: z.coerce
        .number('expected a number')
        .gt(0, 'expected more than 0')
        .max(1, 'expected a ratio of at most 1')
        .optional()
        .openapi({
          description: `With \`activeHours\`: the share of its lifetime for which a part is expected to be in use; default: ${DEFAULT_EXPECTED_UTILIZATION_RATIO}.`,
        }),
    }),
  },
  responses: {
    200: {
      description: 'The parts by id, and their sums',
      content: { 'application/json': { schema: embodiedOutput } },
    },
    ...problems('not_found', 'invalid_parameter', 'range_too_long'),
  },
});

const dateOrNull = (description: string) =>
  instantInput
    .nullable()
    .optional()
    .openapi({ type: ['string', 'null'], format: 'date-time', description });

const patchRoute = createRoute({
  method: 'patch',
  path: '/v1/nodes/{id}/parts/{partId}',
  tags: ['Nodes'],
  summary: 'Say when a part came and left, what took its place, or how many pieces it is',
  description: 'What is not named stays. The past is restated; `asOf` still answers as before.',
  ...requireReason('admin'),
  request: {
    params: z.object({ id: z.string().max(128), partId: z.string().max(128) }),
    body: {
      required: true,
      content: {
        'application/json': {
          schema: z
            .strictObject({
              inServiceFrom: instantInput.optional().openapi({
                type: 'string',
                format: 'date-time',
                description: 'Since when it ages; what accrued before the node enrolled is in no sum.',
              }),
              outOfService: dateOrNull('When it left; null: it did not.'),
              replacedBy: z.string().max(128).nullable().optional().openapi({
                description:
                  'Id of the part of this node that took its place. Without `outOfService` it left when that one came.',
              }),
              count: z.number().min(0).max(64).nullable().optional().openapi({
                description:
                  'Modules of `memory`, number of `power-supplies`, or what share of a chassis, motherboard or assembly is this node’s: 0 for a virtual machine that has none. Null: as assumed.',
              }),
              why: whyInput,
            })
            .refine(
              ({ why: _, ...said }) => Object.keys(said).length > 0,
              'expected at least one of inServiceFrom, outOfService, replacedBy and count',
            ),
        },
      },
    },
  },
  responses: {
    200: {
      description: 'The ledger of the node after the change',
      content: { 'application/json': { schema: embodiedOutput } },
    },
    ...problems('not_found', 'invalid_body'),
  },
});

export function registerEmbodied(app: App): void {
  app.openapi(route, async (context) => {
    const { nowMs } = context.var;
    const { id } = context.req.valid('param');
    const { from, to, asOf, embodiedMethod, expectedUtilizationRatio } = context.req.valid('query');
    const query = { fromMs: from, toMs: to, asOfMs: asOf, method: embodiedMethod, expectedUtilizationRatio };
    const ledger = await embodiedLedger(context.var.shards, id, query, nowMs);
    return ledger.ok ? context.json(reply(id, ledger.value), 200) : problemResponse(context, ledger.problem);
  });

  app.openapi(patchRoute, async (context) => {
    const { nowMs, caller } = context.var;
    const { id, partId } = context.req.valid('param');
    const { inServiceFrom, outOfService, why, ...rest } = context.req.valid('json');
    const change = { ...rest, inServiceFromMs: inServiceFrom, outOfServiceMs: outOfService };
    const said = await sayOfPart(context.var.shards, id, partId, change, {
      nowMs,
      by: caller.tokenId,
      why,
    });
    if (!said.ok) return problemResponse(context, said.problem);
    const ledger = await embodiedLedger(context.var.shards, id, { method: 'straightLine' }, nowMs);
    return ledger.ok ? context.json(reply(id, ledger.value), 200) : problemResponse(context, ledger.problem);
  });
}

function reply(node: string, { parts, ...ledger }: EmbodiedLedger) {
  const { method, fromMs, toMs, asOfMs, lifetimeYears, expectedUtilizationRatio, virtualMachine } = ledger;
  return {
    node,
    from: instant(fromMs),
    to: instant(toMs),
    asOf: instant(asOfMs),
    embodiedMethod: method,
    methodNote: NOTES[method],
    sumsToTotal: method !== 'activeHours',
    lifetimeYears,
    expectedUtilizationRatio,
    virtualMachine,
    totals: totalsOf(parts.map(gramsOf)),
    parts: parts.map(partReply),
  };
}

type Grams = ReturnType<typeof gramsOf>;

function gramsOf(part: EmbodiedPart) {
  const { amounts, low, high } = part;
  return {
    embodiedGrams: amounts.whole,
    embodiedGramsLow: low.whole,
    embodiedGramsHigh: high.whole,
    accruedGrams: amounts.accrued,
    accruedGramsLow: low.accrued,
    accruedGramsHigh: high.accrued,
    broughtGrams: amounts.brought,
    accruedSoFarGrams: amounts.accruedSoFar,
    remainingGrams: amounts.remaining,
    writtenOffGrams: amounts.writtenOff,
    carriedAwayGrams: amounts.carriedAway,
    ...impactReply(part),
  };
}

/** Null where any part is: a sum without it would be too low. */
function totalsOf(parts: readonly Grams[]): Grams {
  const sum = (name: keyof Grams) =>
    parts.reduce<number | null>((all, part) => {
      const each = part[name];
      return all === null || each === null ? null : all + each;
    }, 0);
  const names: readonly (keyof Grams)[] = Object.keys(parts[0] ?? NOTHING) as (keyof Grams)[];
  return Object.fromEntries(names.map((name) => [name, sum(name)])) as Grams;
}

const NOTHING: Grams = {
  embodiedGrams: 0,
  embodiedGramsLow: 0,
  embodiedGramsHigh: 0,
  accruedGrams: 0,
  accruedGramsLow: 0,
  accruedGramsHigh: 0,
  broughtGrams: 0,
  accruedSoFarGrams: 0,
  remainingGrams: 0,
  writtenOffGrams: 0,
  carriedAwayGrams: 0,
  ...impactReply(Object.fromEntries(Object.keys(impactOutputs).map((name) => [name, 0]))),
};

const HOUR_MS = 3_600_000;

function partReply(part: EmbodiedPart) {
  return {
    id: part.id,
    type: part.type,
    name: part.name,
    capacityBytes: part.capacityBytes,
    count: part.count,
    ...gramsOf(part),
    activeHours: part.activeMilliseconds === null ? null : part.activeMilliseconds / HOUR_MS,
    fullyAmortized: part.fullyAmortized,
    match: part.match,
    matched: part.match !== 'similar' && part.match !== 'modelled',
    assumed: part.assumed,
    inServiceFrom: instant(part.inServiceMs),
    inServiceAssumed: part.inServiceAssumed,
    agesFrom: instantOrNull(part.agesFromMs),
    outOfServiceFrom: instantOrNull(part.outOfServiceMs),
    absences: part.absences.map(([leftMs, returnedMs]) => ({
      from: instant(leftMs),
      to: instant(returnedMs),
    })),
    missingSince: instantOrNull(part.missingSinceMs),
    suspectedReplacement: part.suspectedReplacement,
    replacedBy: part.replacedBy,
    movedTo: part.movedToNode,
    figureHistory: (part.figures ?? []).map(({ fromMs, value }, i) => ({
      from: i === 0 ? null : instant(fromMs),
      embodiedGrams: value.grams,
      embodiedGramsLow: value.gramsLow,
      embodiedGramsHigh: value.gramsHigh,
    })),
    figures: part.entries.map(
      ({ id: entry, name, unit, kgCo2eq, low, high, provenance, boundary, method, confidence, sources }) => ({
        entry,
        name,
        unit,
        kgCo2eq,
        low,
        high,
        kind: provenance,
        boundary,
        method,
        confidence,
        sources: sources.map(sourceOf),
      }),
    ),
  };
}
