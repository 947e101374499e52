import { createRoute, z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { SCOPES } from '../../shared/grid/intensity.ts';
import type { IntensityQuery } from '../../shared/grid/resolve.ts';
import { FALLBACKS } from '../../shared/grid/trust.ts';
import type { App, AppEnv } from '../http/app.ts';
import { requireReason, requireScope } from '../http/guard.ts';
import { problemResponse } from '../http/problem.ts';
import { problems } from '../http/problem-schema.ts';
import { instant, instantInput, instantOutput, whyInput } from '../http/schemas.ts';
import { knownProviders } from '../use-cases/grid-providers.ts';
import { zoneScopes } from '../use-cases/grid-scopes.ts';
import { getTrust, putTrust, type ZoneTrust } from '../use-cases/grid-trust.ts';
import { basis, gridZoneParam, signal } from './grid-schemas.ts';

const MAX_PROVIDERS = 20;
const tags = ['Grid'];

const providers = z
  .array(z.string().max(60))
  .min(1)
  .max(MAX_PROVIDERS)
  .nullable()
  .openapi({
    description:
      'Names of providers, the most trusted first; `user` is your own series. Who is not named is not used. Null: all, by the default order.',
    example: ['electricity-maps', 'user'],
  });
const fallbacks = z.array(z.enum(FALLBACKS)).max(FALLBACKS.length).openapi({
  description:
    'What may stand in where no provider has a value: `carryForward` (the last known, two hours at most), `hourOfDayMean` (of the last seven days), `annual` (the yearly average, of consumption alone); tried in this order, whichever way they are listed. None: the energy of such windows is excluded.',
});
const scope = z.enum(SCOPES).nullable().openapi({
  description:
    'The scope that the order keeps to: the one given, else that of its providers, which must all have the same. Null: that of the zone in each hour (docs/grid.md). An order of another scope than the one before holds from the next full hour.',
});
const recorded = {
  effectiveFrom: instantOutput,
  recordedAt: instantOutput,
};

const trustAnswer = z
  .object({
    gridZone: z.string(),
    basis,
    signal,
    providers,
    fallbacks,
    scope,
    scopeNow: z.enum(SCOPES).openapi({
      description: 'What the zone is charged with in this hour, whoever decided it.',
    }),
    notedScopes: z.array(z.object({ scope: z.enum(SCOPES), ...recorded })).openapi({
      description:
        'What was noted when the providers of the zone changed: where no order says otherwise, its hours are of this scope from then on.',
    }),
    history: z
      .array(
        z.object({
          providers,
          fallbacks,
          scope,
          ...recorded,
          recordedBy: z.string().openapi({ description: 'Id of the token that set it.' }),
        }),
      )
      .openapi({
        description:
          'Every order ever set, as it was recorded. The one with the latest `effectiveFrom` not after a window holds for it; on a tie the last recorded.',
      }),
  })
  .openapi('GridTrust', { description: '`providers`, `fallbacks` and `scope` at the top level hold now.' });

const answer = {
  description: 'The order that holds now, and all before it',
  content: { 'application/json': { schema: trustAnswer } },
};

const getRoute = createRoute({
  method: 'get',
  path: '/v1/grid/{gridZone}/trust',
  tags,
  summary: 'Whom a zone is believed to, and what may stand in',
  ...requireScope('read'),
  request: {
    params: gridZoneParam,
    query: z.strictObject({ basis: basis.default('lifecycle'), signal: signal.default('average') }),
  },
  responses: { 200: answer, ...problems('unknown_grid_zone') },
});

const putRoute = createRoute({
  method: 'put',
  path: '/v1/grid/{gridZone}/trust',
  tags,
  summary: 'Set the order of trust of a zone from a date on',
  description:
    'Within one basis, signal and scope: the first provider named that has a value for a window is charged. Providers of both scopes in one order are refused. A date in the past restates every figure since then.',
  ...requireReason('admin'),
  request: {
    params: gridZoneParam,
    body: {
      required: true,
      content: {
        'application/json': {
          schema: z.strictObject({
            basis: basis.default('lifecycle'),
            signal: signal.default('average'),
            providers: providers.default(null),
            fallbacks: fallbacks.default([...FALLBACKS]),
            scope: scope.default(null),
            effectiveFrom: instantInput
              .optional()
              .openapi({ type: 'string', format: 'date-time', description: 'Default: now.' }),
            why: whyInput,
          }),
        },
      },
    },
  },
  responses: { 200: answer, ...problems('unknown_grid_zone') },
});

export function registerGridTrust(app: App): void {
  app.openapi(getRoute, async (context) => {
    const series = { ...context.req.valid('param'), ...context.req.valid('query') };
    const trust = await getTrust(context.var.shards.main, series, context.var.nowMs);
    if (!trust.ok) return problemResponse(context, trust.problem);
    return context.json(await reply(context, series, trust.value), 200);
  });

  app.openapi(putRoute, async (context) => {
    const { basis, signal, effectiveFrom, why = null, ...order } = context.req.valid('json');
    const series = { ...context.req.valid('param'), basis, signal };
    const recorder = { nowMs: context.var.nowMs, by: context.var.caller.tokenId, why };
    const change = { series, order, effectiveFromMs: effectiveFrom };
    const { main } = context.var.shards;
    const providers = await knownProviders(main, context.env, context.var.nowMs);
    const trust = await putTrust(main, change, providers, recorder);
    if (!trust.ok) return problemResponse(context, trust.problem);
    return context.json(await reply(context, series, trust.value), 200);
  });
}

const orderOf = (order: ZoneTrust['now']) => ({
  providers: order.providers && [...order.providers],
  fallbacks: [...order.fallbacks],
  scope: order.scope,
});

const datesOf = (row: ZoneTrust['noted'][number] | ZoneTrust['history'][number]) => ({
  effectiveFrom: instant(row.effectiveFromMs),
  recordedAt: instant(row.recordedAtMs),
});

async function reply(
  { var: { shards, nowMs } }: Context<AppEnv>,
  series: IntensityQuery,
  { now, history, noted }: ZoneTrust,
) {
  const { gridZone, basis, signal } = series;
  const scopes = await zoneScopes(shards.main, { gridZones: [gridZone], basis, signal }, nowMs);
  return {
    ...series,
    ...orderOf(now),
    scopeNow: scopes.get(gridZone)!,
    notedScopes: noted.map((row) => ({ scope: row.scope, ...datesOf(row) })),
    history: history.map((row) => ({ ...orderOf(row), ...datesOf(row), recordedBy: row.recordedBy })),
  };
}
