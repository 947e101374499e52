import { createRoute, z } from '@hono/zod-openapi';
import type { CloudRegion } from '../../shared/grid/regions.ts';
import {
  annualIntensity,
  findZone,
  GRID_ZONES,
  type GridZone,
  searchZones,
} from '../../shared/grid/zones.ts';
import { DAY_MS } from '../../shared/time/window.ts';
import type { App } from '../http/app.ts';
import { requireReadOrOwnZone, requireReason, requireScope } from '../http/guard.ts';
import { nextCursorOutput, pageOf, pageQuery } from '../http/paging.ts';
import { problemResponse } from '../http/problem.ts';
import { problems } from '../http/problem-schema.ts';
import { instant, instantInput, instantOrNull } from '../http/schemas.ts';
import { rangeProblem } from '../http/time-range.ts';
import { openDatabase } from '../storage/database.ts';
import { readRevisions } from '../storage/grid.ts';
import { cloudRegions } from '../use-cases/cloud-regions.ts';
import { configuredProviders } from '../use-cases/grid-providers.ts';
import { gridSeries } from '../use-cases/grid-series.ts';
import { type ServiceStanding, serviceOf, serviceStandings } from '../use-cases/grid-services.ts';
import { gridStates, type ZoneState } from '../use-cases/grid-states.ts';
import { unknownZone } from '../use-cases/grid-unknown-zone.ts';
import { putUserSeries } from '../use-cases/grid-user-series.ts';
import {
  basis,
  gridZoneParam,
  MAX_POINTS,
  revision,
  seriesAnswer,
  signal,
  userSeries,
  userSeriesCsv,
  userSeriesQuery,
  zonesAnswer,
} from './grid-schemas.ts';
import { csvAsJson } from './grid-series-csv.ts';
import { intensityReply } from './intensity-reply.ts';

/** 31 days are 8,928 windows. */
const LONGEST = { ms: 31 * DAY_MS, text: '31 days' };
const tags = ['Grid'];
const { security, middleware } = requireReason('admin');

const zonesRoute = createRoute({
  method: 'get',
  path: '/v1/grid/zones',
  tags,
  summary: 'Grid zones, and how the providers of those in use stand',
  ...requireScope('read'),
  request: {
    query: z.strictObject({
      search: z
        .string()
        .max(80)
        .optional()
        .openapi({ description: 'Part of a key, a name, a country or a cloud region.' }),
      inUse: z
        .enum(['true', 'false'])
        .default('false')
        .openapi({ description: '`true`: only zones of your sites.' }),
    }),
  },
  responses: {
    200: { description: 'Best matches first', content: { 'application/json': { schema: zonesAnswer } } },
  },
});

const intensityRoute = createRoute({
  method: 'get',
  path: '/v1/grid/{gridZone}/intensity',
  tags,
  summary: 'The intensity that windows of a zone are charged with',
  description:
    'By the order of trust within one basis, signal and the scope that the zone has in the hour: a live value (your own series first), the last known one for two hours, the mean of this hour over the last seven days, then the yearly average, which is one of consumption. Each interval says which it is, and its scope. Times that have no value at all are left out.',
  ...requireReadOrOwnZone(),
  request: {
    params: gridZoneParam,
    query: z.strictObject({
      from: instantInput.optional().openapi({ description: 'Default: a day before `to`.' }),
      to: instantInput.optional().openapi({ description: 'Default: now. At most 31 days after `from`.' }),
      basis: basis.default('lifecycle'),
      signal: signal.default('average'),
    }),
  },
  responses: {
    200: {
      description: 'Intervals in order of time',
      content: { 'application/json': { schema: seriesAnswer } },
    },
    ...problems('unknown_grid_zone', 'range_too_long', 'invalid_parameter'),
  },
});

const putRoute = createRoute({
  method: 'put',
  path: '/v1/grid/{gridZone}/intensity',
  tags,
  summary: 'Bring your own series',
  description:
    'Values are added, and replace those of the same start; what is replaced is kept as a revision. Your series is trusted before every provider, unless the order of trust of the zone says otherwise; one of production only where the zone is of production. As JSON, or as CSV with `basis` in the query.',
  security,
  middleware: [...middleware, csvAsJson(MAX_POINTS)] as const,
  request: {
    params: gridZoneParam,
    query: userSeriesQuery,
    body: {
      required: true,
      // A CSV is JSON by the time it is validated: it belongs in the document alone.
      content: {
        'application/json': { schema: userSeries },
        ...({ 'text/csv': { schema: userSeriesCsv } } as object),
      },
    },
  },
  responses: {
    200: {
      description: 'Stored',
      content: {
        'application/json': {
          schema: z.object({
            written: z.number().int().openapi({ description: 'Values that were new or changed.' }),
            revised: z.number().int().openapi({ description: 'Of these, how many replaced another.' }),
            notCharged: z.string().optional().openapi({
              description:
                'There only where the zone has another scope at the last of the values: they are kept and not charged. Says what to do.',
            }),
          }),
        },
      },
    },
    ...problems('unknown_grid_zone', 'invalid_parameter'),
  },
});

const revisionsRoute = createRoute({
  method: 'get',
  path: '/v1/grid/{gridZone}/revisions',
  tags,
  summary: 'Values of a zone that were replaced, newest first',
  ...requireScope('read'),
  request: { params: gridZoneParam, query: z.strictObject(pageQuery) },
  responses: {
    200: {
      description: 'A page of revisions',
      content: {
        'application/json': {
          schema: z.object({ revisions: z.array(revision), nextCursor: nextCursorOutput }),
        },
      },
    },
    ...problems('unknown_grid_zone'),
  },
});

export function registerGrid(app: App): void {
  app.openapi(zonesRoute, async (context) => {
    const { search, inUse } = context.req.valid('query');
    const { nowMs } = context.var;
    const { main } = context.var.shards;
    const providers = await configuredProviders(main, context.env, nowMs);
    const [states, services, regions] = await Promise.all([
      gridStates(main, providers, nowMs),
      serviceStandings(main, providers, nowMs),
      cloudRegions(openDatabase(main), nowMs),
    ]);
    const stateOf = new Map(states.map((state) => [state.zone.key, state]));
    const found = search === undefined ? GRID_ZONES : searchZones(search);
    const zones = found
      .filter(({ key }) => inUse === 'false' || stateOf.has(key))
      .map((zone) => zoneAnswer(zone, stateOf.get(zone.key), regions, nowMs));
    return context.json({ zones, services: services.map(serviceAnswer) }, 200);
  });

  app.openapi(intensityRoute, async (context) => {
    const { gridZone } = context.req.valid('param');
    const query = context.req.valid('query');
    const toMs = query.to ?? context.var.nowMs;
    const fromMs = query.from ?? toMs - DAY_MS;
    const problem = rangeProblem(fromMs, toMs, LONGEST);
    if (problem !== null) return problemResponse(context, problem);
    const series = await gridSeries(context.var.shards.main, {
      gridZone,
      basis: query.basis,
      signal: query.signal,
      fromMs,
      toMs,
    });
    if (!series.ok) return problemResponse(context, series.problem);
    return context.json(
      {
        gridZone,
        basis: query.basis,
        signal: query.signal,
        from: instant(fromMs),
        to: instant(toMs),
        series: series.value.map((point) => ({
          start: instant(point.startMs),
          end: instant(point.endMs),
          ...intensityReply(point),
        })),
      },
      200,
    );
  });

  app.openapi(putRoute, async (context) => {
    const { gridZone } = context.req.valid('param');
    const { points, why = null, ...identity } = context.req.valid('json');
    const author = { who: context.var.caller.tokenId, why };
    const series = {
      ...identity,
      gridZone,
      points: points.map(({ start, end, gramsPerKwh }) => ({ startMs: start, endMs: end, gramsPerKwh })),
    };
    const stored = await putUserSeries(context.var.shards.main, series, author, context.var.nowMs);
    return stored.ok ? context.json(stored.value, 200) : problemResponse(context, stored.problem);
  });

  app.openapi(revisionsRoute, async (context) => {
    const { gridZone } = context.req.valid('param');
    const { limit, cursor } = context.req.valid('query');
    if (findZone(gridZone) === null) return problemResponse(context, unknownZone(gridZone).problem);
    const rows = await readRevisions(context.var.shards.main, gridZone, {
      limit: limit + 1,
      beforeId: cursor === undefined ? undefined : Number(cursor),
    });
    const { items, nextCursor } = pageOf(rows, limit, ({ id }) => id);
    const revisions = items.map(({ startMs, oldFetchedAtMs, recordedAtMs, ...item }) => ({
      ...item,
      start: instant(startMs),
      oldFetchedAt: instant(oldFetchedAtMs),
      recordedAt: instant(recordedAtMs),
    }));
    return context.json({ revisions, nextCursor }, 200);
  });
}

const serviceAnswer = ({ providers, retryAtMs, lastErrorAtMs, ...standing }: ServiceStanding) => ({
  ...standing,
  providers: [...providers],
  retryAt: instantOrNull(retryAtMs),
  lastErrorAt: instantOrNull(lastErrorAtMs),
});

function zoneAnswer(
  { key, name, country }: GridZone,
  state: ZoneState | undefined,
  regions: readonly CloudRegion[],
  nowMs: number,
) {
  const providers = (state?.providers ?? []).map(({ provider, fetch }) => ({
    provider: provider.name,
    service: serviceOf(provider),
    basis: provider.basis,
    signal: provider.signal,
    scope: provider.scope,
    lastOkAt: instantOrNull(fetch?.lastOkAtMs ?? null),
    lastErrorAt: instantOrNull(fetch?.lastErrorAtMs ?? null),
    lastError: fetch?.lastError ?? null,
    consecutiveFailures: fetch?.consecutiveFailures ?? 0,
    nextDueAt: instantOrNull(fetch?.nextDueAtMs ?? null),
  }));
  return {
    key,
    name,
    country,
    inUse: state !== undefined,
    cloudRegions: regions
      .filter(({ gridZone }) => gridZone === key)
      .map(({ key, sources, otherZones }) => ({
        key,
        sources: [...sources],
        otherZones: [...otherZones],
      })),
    annual: annualIntensity(key, 'lifecycle', 'average', nowMs),
    providers,
  };
}
