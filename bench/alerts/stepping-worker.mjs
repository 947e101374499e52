/**
 * The real Worker on a clock that is set, and the evaluation of its alerts step by step with the bill of each. Plain
 * JavaScript: it runs in workerd, among files that Node runs.
 */
import { createWorker } from '../../worker/create-worker.ts';
import { enqueueNotifications } from '../../worker/storage/alert-outbox.ts';
import { Shards } from '../../worker/storage/shards.ts';
import { bestForecasts, NODES_PER_STEP } from '../../worker/use-cases/alerts/run.ts';
import { evaluateStep } from '../../worker/use-cases/alerts/step.ts';
import { emptyBill, metered } from '../metered-database.mjs';

let nowMs = 0;
const worker = createWorker({
  now: () => nowMs,
  fetch: () => Promise.reject(new Error('a benchmark stays on this machine')),
});

export default {
  async fetch(request, env, context) {
    const { pathname } = new URL(request.url);
    if (!pathname.startsWith('/__')) return worker.fetch(request, env, context);
    nowMs = await request.json();
    const bill = emptyBill();
    const db = metered(env.DB, bill);
    if (pathname === '/__cron')
      await worker.scheduled({ cron: '* * * * *', scheduledTime: nowMs }, { ...env, DB: db }, context);
    if (pathname !== '/__step') return Response.json(bill);
    const { outcome } = await evaluateStep({
      shards: new Shards([db]),
      nowMs,
      reportEverySeconds: 60,
      nodesPerStep: NODES_PER_STEP.paid,
      forecastsOf: (gridZones, atMs) => bestForecasts(db, gridZones, atMs),
      enqueue: (notifications) => enqueueNotifications(db, notifications, nowMs),
    });
    return Response.json({ outcome, ...bill });
  },
};
