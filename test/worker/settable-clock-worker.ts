/** The real Worker on a clock that the test sets: a run of 2024 is reported as if it were 2024. */
import type { AlertNotification } from '../../shared/alerts/notification.ts';
import { createWorker } from '../../worker/create-worker.ts';
import type { Env } from '../../worker/env.ts';
import { enqueueNotifications } from '../../worker/storage/alert-outbox.ts';

let nowMs = Date.now();
const worker = createWorker({
  now: () => nowMs,
  /** Scheduled jobs ask no real provider in a test. */
  fetch: (input, init) =>
    new URL(String(input)).hostname === '127.0.0.1'
      ? fetch(input, init)
      : Promise.reject(new Error('tests stay on this machine')),
});

export default {
  async fetch(request, env, context) {
    const { pathname } = new URL(request.url);
    if (pathname === '/__clock') {
      nowMs = Number(await request.text());
      return new Response(String(nowMs));
    }
    if (pathname === '/__enqueue') {
      await env.DB.batch(enqueueNotifications(env.DB, await request.json<AlertNotification[]>(), nowMs));
      return new Response(null, { status: 204 });
    }
    return worker.fetch!(request, env, context);
  },
  scheduled: (controller, env, context) => worker.scheduled!(controller, env, context),
} satisfies ExportedHandler<Env>;
