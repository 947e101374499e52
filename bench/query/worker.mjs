/** Runs rollups and queries on the real D1 and tells what they read. Plain JavaScript: it runs in workerd. */
import { Shards } from '../../worker/storage/shards.ts';
import { emissions } from '../../worker/use-cases/emissions.ts';
import { runRollups } from '../../worker/use-cases/rollup/run.ts';
import { emptyBill, metered } from '../metered-database.mjs';

export default {
  async fetch(request, env) {
    const { nowMs, query, nodeHours } = await request.json();
    const bill = emptyBill();
    const db = metered(env.DB, bill);
    if (query === undefined) {
      await runRollups(db, nowMs, nodeHours);
      const left = await db
        .prepare('SELECT (SELECT COUNT(*) FROM rollup_marks) AS marks, done_hour AS hour FROM rollup_state')
        .first();
      return Response.json({ ...left, ...bill });
    }
    const answer = await emissions(new Shards([db]), query, nowMs);
    if (!answer.ok) return Response.json({ refused: answer.problem.code, ...bill });
    const { totals, rolledUpToMs, hoursWaiting, series, groups } = answer.value;
    const size = series.length + groups.length;
    return Response.json({ energyKwh: totals.energyKwh, rolledUpToMs, hoursWaiting, size, ...bill });
  },
};
