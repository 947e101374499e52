import { createRoute } from '@hono/zod-openapi';
import { missedAfterMs } from '../../shared/pace/silence.ts';
import { HOUR_MS, WINDOW_MS } from '../../shared/time/window.ts';
import type { App } from '../http/app.ts';
import { requireScope } from '../http/guard.ts';
import { problemResponse } from '../http/problem.ts';
import { problems } from '../http/problem-schema.ts';
import { counterfactual } from '../use-cases/counterfactual.ts';
import { counterfactualAnswer, counterfactualQuery, counterfactualReply } from './counterfactual-schema.ts';
import { fleetPace } from './fleet-pace.ts';

/** A window is over, its last report sent and another begun. */
const LEAST_GOES_ON_MS = 3 * WINDOW_MS;

const route = createRoute({
  method: 'get',
  path: '/v1/fleet/counterfactual',
  tags: ['Emissions'],
  summary: 'What jobs would have emitted, had they waited or run elsewhere',
  description:
    'Moves each job that began in the range as one block, in steps of five minutes, to every start within its slack and to every zone named, and charges its metered energy with the intensity that the grid had then and there (docs/method.md). The best of them is known in hindsight alone: `withForecast` says what the forecasts of the time would have made of it. Operational emissions under location accounting; embodied emissions do not depend on when a job runs.',
  ...requireScope('read'),
  request: { query: counterfactualQuery },
  responses: {
    200: {
      description: 'What was emitted and what might have been, in sum and per job',
      content: { 'application/json': { schema: counterfactualAnswer } },
    },
    ...problems('invalid_parameter', 'unknown_grid_zone', 'range_too_long'),
  },
});

export function registerCounterfactual(app: App): void {
  app.openapi(route, async (context) => {
    const query = context.req.valid('query');
    const { from: fromMs, to: toMs, slackHours, ...rest } = query;
    const { silentEverySeconds } = await fleetPace(context);
    const goesOnMs = Math.max(LEAST_GOES_ON_MS, missedAfterMs(silentEverySeconds));
    const found = await counterfactual(
      context.var.shards,
      { ...rest, fromMs, toMs, slackMs: slackHours * HOUR_MS, goesOnMs },
      context.var.nowMs,
    );
    if (!found.ok) return problemResponse(context, found.problem);
    return context.json(counterfactualReply(found.value, query), 200);
  });
}
