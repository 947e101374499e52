/**
 * The real Worker on a clock that is set, with its bill kept: rows as D1's own `meta` counts them, for every statement of
 * every request and of every scheduled job. Plain JavaScript: it runs in workerd, among files that Node runs.
 */
import { createWorker } from '../../worker/create-worker.ts';

let nowMs = 0;
const bill = { written: 0, read: 0, statements: 0 };
const worker = createWorker({
  now: () => nowMs,
  fetch: () => Promise.reject(new Error('a benchmark stays on this machine')),
});

function metered(db) {
  const originals = new WeakMap();
  const count = (result) => {
    bill.statements++;
    bill.written += result.meta.rows_written;
    bill.read += result.meta.rows_read;
    return result;
  };
  const wrap = (statement) => {
    const counting = {
      bind: (...values) => wrap(statement.bind(...values)),
      all: async () => count(await statement.all()),
      run: async () => count(await statement.run()),
      first: async () => count(await statement.all()).results[0] ?? null,
      raw: async () => count(await statement.all()).results.map((row) => Object.values(row)),
    };
    originals.set(counting, statement);
    return counting;
  };
  return {
    prepare: (sql) => wrap(db.prepare(sql)),
    batch: async (statements) =>
      (await db.batch(statements.map((statement) => originals.get(statement)))).map(count),
  };
}

export default {
  async fetch(request, env, context) {
    const { pathname } = new URL(request.url);
    if (!pathname.startsWith('/__')) return worker.fetch(request, { ...env, DB: metered(env.DB) }, context);
    const body = request.method === 'POST' ? await request.json() : null;
    if (pathname === '/__clock') nowMs = body;
    if (pathname === '/__cron')
      await worker.scheduled(
        { cron: '* * * * *', scheduledTime: nowMs },
        { ...env, DB: metered(env.DB) },
        context,
      );
    // Many requests in one: the load is not what is measured.
    if (pathname === '/__many')
      for (const { path, token, json } of body) {
        const init = {
          method: 'POST',
          headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
          body: JSON.stringify(json),
        };
        const answer = await worker.fetch(
          new Request(`http://bench${path}`, init),
          { ...env, DB: metered(env.DB) },
          context,
        );
        const text = await answer.text();
        if (!answer.ok || text.includes('"code"')) return new Response(text, { status: 500 });
      }
    return Response.json(bill);
  },
};
