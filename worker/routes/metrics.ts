import { createRoute, z } from '@hono/zod-openapi';
import { OPEN_METRICS_CONTENT_TYPE, openMetricsText } from '../../shared/metrics/open-metrics.ts';
import { silentAfterMs } from '../../shared/pace/silence.ts';
import type { App } from '../http/app.ts';
import { requireScope } from '../http/guard.ts';
import { problemResponse } from '../http/problem.ts';
import { problems } from '../http/problem-schema.ts';
import { VERSION } from '../http/version.ts';
import { gridServiceFamilies } from '../use-cases/grid-metrics.ts';
import { configuredProviders } from '../use-cases/grid-providers.ts';
import { serviceStandings } from '../use-cases/grid-services.ts';
import { metrics } from '../use-cases/metrics.ts';
import { paceFamilies } from '../use-cases/pace-metrics.ts';
import { fleetPace } from './fleet-pace.ts';

const route = createRoute({
  method: 'get',
  path: '/metrics',
  tags: ['Emissions'],
  summary: 'Figures of the current UTC day for Prometheus',
  description: 'OpenMetrics text; scrape it with a read token as bearer token.',
  ...requireScope('read'),
  responses: {
    200: {
      description: 'OpenMetrics 1.0.0',
      content: { 'application/openmetrics-text': { schema: z.string() } },
    },
    ...problems('range_too_long'),
  },
});

export function registerMetrics(app: App): void {
  app.openapi(route, async (context) => {
    const { shards, nowMs } = context.var;
    const pace = await fleetPace(context);
    const result = await metrics(shards, {
      version: VERSION,
      plan: pace.load.plan,
      nowMs,
      silentAfterMs: silentAfterMs(pace.silentEverySeconds),
    });
    if (!result.ok) return problemResponse(context, result.problem);
    const providers = await configuredProviders(shards.main, context.env, nowMs);
    const services = gridServiceFamilies(await serviceStandings(shards.main, providers, nowMs));
    return context.body(openMetricsText([...result.value, ...services, ...paceFamilies(pace)]), 200, {
      'Content-Type': OPEN_METRICS_CONTENT_TYPE,
    });
  });
}
