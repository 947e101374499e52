/**
 * The real Worker on a clock that is set, with its bill kept: rows as D1's own `meta` counts them, for every statement of
 * every request and of every scheduled job. Plain JavaScript: it runs in workerd, among files that Node runs.
 */
import { createWorker } from '../../worker/create-worker.ts';
import { triggersAt } from '../../worker/jobs/dispatch.ts';
import { emptyBill, metered } from '../metered-database.mjs';
import { answeringFetch, TOKEN } from './provider-replies.mjs';

let nowMs = 0;
/** Beside the rows: the most statements that a run of each of the five turns had, and of those that have triggers of their own. */
const bill = { ...emptyBill(), mostInTurn: [0, 0, 0, 0, 0, 0, 0] };
const TURNS = 5;
const worker = createWorker({ now: () => nowMs, fetch: answeringFetch(() => nowMs) });
/** Whether there is a key for the provider that answers; without one no provider knows the zones. */
let hasProvider = false;
const metering = (env) => ({
  ...env,
  DB: metered(env.DB, bill),
  ...(hasProvider ? { ELECTRICITY_MAPS_TOKEN: TOKEN } : {}),
});

export default {
  async fetch(request, env, context) {
    const { pathname } = new URL(request.url);
    if (!pathname.startsWith('/__')) return worker.fetch(request, metering(env), context);
    const body = request.method === 'POST' ? await request.json() : null;
    if (pathname === '/__clock') nowMs = body;
    if (pathname === '/__provider') hasProvider = body;
    if (pathname === '/__cron')
      for (const [own, trigger] of triggersAt(nowMs).entries()) {
        const before = bill.statements;
        await worker.scheduled(trigger, metering(env), context);
        const minute = Math.floor(nowMs / 60_000);
        const turn = own > 0 ? TURNS + (minute % 2) : minute % TURNS;
        bill.mostInTurn[turn] = Math.max(bill.mostInTurn[turn], bill.statements - before);
      }
    // Many requests in one: the load is not what is measured.
    if (pathname === '/__many')
      for (const { path, token, json } of body) {
        const init = {
          method: 'POST',
          headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
          body: JSON.stringify(json),
        };
        const answer = await worker.fetch(new Request(`http://bench${path}`, init), metering(env), context);
        const text = await answer.text();
        if (!answer.ok || text.includes('"code"')) return new Response(text, { status: 500 });
      }
    return Response.json(bill);
  },
};
