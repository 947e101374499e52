/**
 * The real Worker on a clock that is set, its bill kept for each database, with a door for what would take days over HTTP.
 * Plain JavaScript: it runs in workerd, among files that Node runs.
 */
import { WINDOW_MS } from '../../shared/time/window.ts';
import { createWorker } from '../../worker/create-worker.ts';
import { triggersAt } from '../../worker/jobs/dispatch.ts';
import { retention } from '../../worker/jobs/retention.ts';
import { createShards } from '../../worker/storage/shards.ts';
import { book } from '../../worker/use-cases/ingest.ts';
import { emptyBill, metered } from '../metered-database.mjs';
import { reportOf, START_MS } from './truth.ts';

/** Nodes whose day is held at once. */
const AT_ONCE = 4;

let nowMs = 0;
let series = null;
const bills = new Map();
const outbound = () => Promise.reject(new Error('a benchmark stays on this machine'));
const worker = createWorker({ now: () => nowMs, fetch: outbound });

const DOORS = {
  bills: async () => {},
  clock: async (ms) => {
    nowMs = ms;
  },
  series: async (kinds) => {
    series = kinds;
  },
  async cron(_, env, context) {
    for (const trigger of triggersAt(nowMs)) await worker.scheduled(trigger, env, context);
  },
  retention: (_, env) => retention({ env, shards: createShards(env), now: () => nowMs, fetch: outbound }),
  many: async (requests, env, context) => {
    const answers = [];
    for (const { path, token, json } of requests) {
      const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' };
      const init = { method: 'POST', headers, body: JSON.stringify(json) };
      const answer = await worker.fetch(new Request(`http://bench${path}`, init), env, context);
      if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${await answer.text()}`);
      answers.push(await answer.json());
    }
    return answers;
  },
  /** Whole windows `[from, to)` of nodes of one database, booked together as if each had come in time. */
  bulk: async ({ database, nodes, from, to, withSeries }, env) => {
    const bookNode = async ({ node, number }) => {
      const reports = Array.from({ length: to - from }, (_, i) =>
        reportOf({
          node,
          window: from + i,
          revision: 1,
          elapsedMs: WINDOW_MS,
          series: withSeries ? series : null,
        }),
      );
      const booked = await book(env[database], number, reports, START_MS + from * WINDOW_MS);
      if (booked?.accepted !== reports.length) throw new Error(`node ${node}: ${JSON.stringify(booked)}`);
    };
    for (let first = 0; first < nodes.length; first += AT_ONCE)
      await Promise.all(nodes.slice(first, first + AT_ONCE).map(bookNode));
  },
};

export default {
  async fetch(request, env, context) {
    const counted = countedEnv(env);
    const { pathname } = new URL(request.url);
    if (!pathname.startsWith('/__')) return worker.fetch(request, counted, context);
    const answer = await DOORS[pathname.slice(3)](await request.json(), counted, context);
    return Response.json({ answer: answer ?? null, bills: Object.fromEntries(bills) });
  },
};

function countedEnv(env) {
  const counted = { ...env };
  for (const [name, binding] of Object.entries(env)) {
    if (!/^DB(_\d+)?$/.test(name)) continue;
    if (!bills.has(name)) bills.set(name, emptyBill());
    counted[name] = metered(binding, bills.get(name));
  }
  return counted;
}
