import { createRoute, z } from '@hono/zod-openapi';
import type { GreenestChoice } from '../../shared/grid/greenest/greenest.ts';
import { DAY_MS } from '../../shared/time/window.ts';
import type { App } from '../http/app.ts';
import { requireReadOrOwnZone } from '../http/guard.ts';
import { problemResponse } from '../http/problem.ts';
import { problems } from '../http/problem-schema.ts';
import { instant, instantInput, instantOrNull } from '../http/schemas.ts';
import { rangeProblem } from '../http/time-range.ts';
import type { KeptForecast } from '../storage/grid-forecasts.ts';
import { greenestStart, MAX_GREENEST_ZONES } from '../use-cases/greenest.ts';
import { endOf, gridForecast } from '../use-cases/grid-forecast.ts';
import { forecastAnswer, greenestAnswer } from './grid-forecast-schemas.ts';
import { basis, gridZoneParam, scope, signal } from './grid-schemas.ts';

const LONGEST = { ms: 14 * DAY_MS, text: '14 days' };
const DEFAULT_SPAN_MS = 4 * DAY_MS;
const MINUTE_MS = 60_000;
const MAX_DURATION_MINUTES = 4 * 24 * 60;
const MAX_POWER_WATTS = 1e9;
const tags = ['Grid'];

const forecastRoute = createRoute({
  method: 'get',
  path: '/v1/grid/{gridZone}/forecast',
  tags,
  summary: 'What is expected of a zone, as it was issued',
  description:
    "The provider's forecast where it has one, else our own, made from the stored series four times a day, of the scope that the zone has. Each issue is kept for 14 days as it was: `issuedBefore` shows what was known then. A zone without history has no forecast, and `reason` says so.",
  ...requireReadOrOwnZone(),
  request: {
    params: gridZoneParam,
    query: z.strictObject({
      basis: basis.default('lifecycle'),
      signal: signal.default('average'),
      issuedBefore: instantInput
        .optional()
        .openapi({ description: 'The newest issue that was here before this instant. Default: now.' }),
      provider: z.string().max(60).optional().openapi({
        description: 'Only issues of this provider; `wattshed` for our own.',
      }),
      from: instantInput
        .optional()
        .openapi({ description: 'Steps that end after it. Default: `issuedBefore`, or now.' }),
      to: instantInput.optional().openapi({ description: 'Default: four days after `from`.' }),
    }),
  },
  responses: {
    200: {
      description: 'Steps in order of time',
      content: { 'application/json': { schema: forecastAnswer } },
    },
    ...problems('unknown_grid_zone', 'range_too_long', 'invalid_parameter'),
  },
});

const greenestRoute = createRoute({
  method: 'get',
  path: '/v1/grid/greenest',
  tags,
  summary: 'The best start for a job, and the saving against starting now',
  description:
    'Looks at every start between `notBefore` and `deadline` in each zone, by its newest forecast with a band, all on one basis, signal and scope. Where the band of the saving covers zero no start is known to be better, and `worthWaiting` is false.',
  ...requireReadOrOwnZone(),
  request: {
    query: z.strictObject({
      gridZones: z
        .string()
        .max(400)
        .optional()
        .openapi({
          description: `Up to ${MAX_GREENEST_ZONES} keys with commas between; the first is where the job would run otherwise. Default: the zones of your sites; for a node, that of its own site, and no other; for a token of named projects none.`,
          example: 'DE,FR',
        }),
      durationMinutes: z.coerce.number().int().min(5).max(MAX_DURATION_MINUTES).openapi({ example: 240 }),
      notBefore: instantInput.optional().openapi({ description: 'Default: now.' }),
      deadline: instantInput.optional().openapi({
        description:
          'The job has ended by then; within 96 hours from now. Default: a day later than it could end at the earliest.',
      }),
      powerWatts: z.coerce.number().positive().max(MAX_POWER_WATTS).default(1_000).openapi({
        description: 'Of the whole job while it runs, PUE included if you want it counted.',
      }),
      basis: basis.default('lifecycle'),
      signal: signal.default('average'),
      scope: scope.optional().openapi({
        description:
          'Zones are compared by forecasts of one scope; those that have none of it are listed under `excluded`. Default: the scope that the first zone has now.',
      }),
      interruptible: z.enum(['true', 'false']).default('false').openapi({
        description: '`true`: it may pause and resume, and runs in the cleanest hours.',
      }),
    }),
  },
  responses: {
    200: { description: 'The choice', content: { 'application/json': { schema: greenestAnswer } } },
    ...problems('unknown_grid_zone', 'invalid_parameter'),
  },
});

export function registerGridForecast(app: App): void {
  app.openapi(greenestRoute, async (context) => {
    const { gridZones, durationMinutes, notBefore, deadline, interruptible, ...query } =
      context.req.valid('query');
    const zones = (gridZones ?? context.var.ownZone)?.split(',').map((key) => key.trim());
    if (zones !== undefined && zones.length > MAX_GREENEST_ZONES) {
      const detail = `gridZones takes ${MAX_GREENEST_ZONES} keys at most; ask for fewer at once.`;
      return problemResponse(context, { code: 'invalid_parameter', detail, field: 'gridZones' });
    }
    if (zones === undefined && context.var.caller.projects !== null) {
      const detail = 'gridZones: missing. A token of named projects sees no sites: name the zones.';
      return problemResponse(context, { code: 'invalid_parameter', detail, field: 'gridZones' });
    }
    const found = await greenestStart(
      context.var.shards.main,
      {
        ...query,
        gridZones: zones,
        durationMs: durationMinutes * MINUTE_MS,
        notBeforeMs: notBefore,
        deadlineMs: deadline,
        interruptible: interruptible === 'true',
      },
      context.var.nowMs,
    );
    if (!found.ok) return problemResponse(context, found.problem);
    const { answer, forecasts, excluded, firstZone, scope, notBeforeMs, deadlineMs } = found.value;
    const [best] = answer.zones;
    const home = answer.zones.find(({ gridZone }) => gridZone === firstZone);
    return context.json(
      {
        basis: query.basis,
        signal: query.signal,
        scope,
        durationMinutes,
        notBefore: instant(notBeforeMs),
        deadline: instant(deadlineMs),
        powerWatts: query.powerWatts,
        interruptible: interruptible === 'true',
        best: best ? { gridZone: best.gridZone, ...choiceAnswer(best.best) } : null,
        startNow: home?.startNow ? { gridZone: home.gridZone, ...choiceAnswer(home.startNow) } : null,
        saving: answer.saving,
        worthWaiting: answer.saving?.worthWaiting ?? false,
        zones: answer.zones.map((zone) => ({
          gridZone: zone.gridZone,
          best: choiceAnswer(zone.best),
          startNow: zone.startNow && choiceAnswer(zone.startNow),
          saving: zone.saving,
          forecast: forecastOrigin(forecasts.get(zone.gridZone)!),
        })),
        excluded: [...excluded],
      },
      200,
    );
  });

  app.openapi(forecastRoute, async (context) => {
    const { gridZone } = context.req.valid('param');
    const query = context.req.valid('query');
    const beforeMs = query.issuedBefore ?? context.var.nowMs + 1;
    const fromMs = query.from ?? query.issuedBefore ?? context.var.nowMs;
    const toMs = query.to ?? fromMs + DEFAULT_SPAN_MS;
    const problem = rangeProblem(fromMs, toMs, LONGEST);
    if (problem !== null) return problemResponse(context, problem);
    const found = await gridForecast(context.var.shards.main, {
      gridZone,
      basis: query.basis,
      signal: query.signal,
      provider: query.provider,
      beforeMs,
    });
    if (!found.ok) return problemResponse(context, found.problem);
    const { forecast, reason } = found.value;
    const origin = {
      provider: forecast?.provider ?? null,
      method: forecast?.method ?? null,
      issuedAt: instantOrNull(forecast?.issuedAtMs ?? null),
      fetchedAt: instantOrNull(forecast?.fetchedAtMs ?? null),
    };
    return context.json(
      {
        gridZone,
        basis: query.basis,
        signal: query.signal,
        from: instant(fromMs),
        to: instant(toMs),
        reason,
        ...origin,
        scope: forecast?.scope ?? null,
        steps: forecast ? stepAnswers(forecast, fromMs, toMs) : [],
      },
      200,
    );
  });
}

function stepAnswers(forecast: KeptForecast, fromMs: number, toMs: number) {
  const { provider, method, issuedAtMs, fetchedAtMs } = forecast;
  return forecast.steps
    .filter(({ startMs, endMs }) => endMs > fromMs && startMs < toMs)
    .map((step) => ({
      start: instant(step.startMs),
      end: instant(step.endMs),
      gramsPerKwh: step.gramsPerKwh,
      low: step.lowGramsPerKwh,
      high: step.highGramsPerKwh,
      kind: 'forecast' as const,
      provider,
      method,
      issuedAt: instant(issuedAtMs),
      fetchedAt: instant(fetchedAtMs),
    }));
}

function choiceAnswer({ startMs, endMs, spans, ...figures }: GreenestChoice) {
  return {
    start: instant(startMs),
    end: instant(endMs),
    spans: spans.map((span) => ({ start: instant(span.startMs), end: instant(span.endMs) })),
    ...figures,
  };
}

function forecastOrigin({ provider, method, scope, issuedAtMs, fetchedAtMs, steps }: KeptForecast) {
  return {
    kind: 'forecast' as const,
    provider,
    method,
    scope,
    issuedAt: instant(issuedAtMs),
    fetchedAt: instant(fetchedAtMs),
    until: instant(endOf(steps)),
  };
}
