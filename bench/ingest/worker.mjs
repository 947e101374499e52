/** The real Worker on a clock that is set. Plain JavaScript: it runs in workerd, among files that Node runs. */
import { createWorker } from '../../worker/create-worker.ts';

let nowMs = 0;
const worker = createWorker({
  now: () => nowMs,
  fetch: () => Promise.reject(new Error('a benchmark stays on this machine')),
});

export default {
  async fetch(request, env, context) {
    if (new URL(request.url).pathname !== '/__clock') return worker.fetch(request, env, context);
    nowMs = await request.json();
    return Response.json(nowMs);
  },
};
