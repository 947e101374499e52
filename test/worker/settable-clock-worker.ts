/** The real Worker on a clock that the test sets: a run of 2024 is reported as if it were 2024. */
import { createWorker } from '../../worker/create-worker.ts';
import type { Env } from '../../worker/env.ts';

let nowMs = Date.now();
const worker = createWorker({ now: () => nowMs });

export default {
  async fetch(request, env, context) {
    if (new URL(request.url).pathname === '/__clock') {
      nowMs = Number(await request.text());
      return new Response(String(nowMs));
    }
    return worker.fetch!(request, env, context);
  },
} satisfies ExportedHandler<Env>;
