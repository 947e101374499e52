/** The real Worker on a clock that is set. Plain JavaScript: it runs in workerd, among files that Node runs. */
import { createWorker } from '../../worker/create-worker.ts';

/** As many bytes as the ledger of an hour of eight GPUs has. */
const HEX = 'a5'.repeat(900);
const READ = 'SELECT version, hex(ledger) AS hex FROM node_hours WHERE key = ?1';
const WRITE = `
  INSERT INTO node_hours (key, version, received_at_ms, ledger) VALUES (?1, 1, 0, unhex(?2))
  ON CONFLICT (key) DO UPDATE SET version = version + 1, ledger = excluded.ledger`;
/** Beyond those of any node. */
const FIRST_KEY = 2 ** 45;

let nowMs = 0;
const worker = createWorker({
  now: () => nowMs,
  fetch: () => Promise.reject(new Error('a benchmark stays on this machine')),
});

export default {
  async fetch(request, env, context) {
    const { pathname } = new URL(request.url);
    if (!pathname.startsWith('/__')) return worker.fetch(request, env, context);
    if (pathname === '/__clock') nowMs = await request.json();
    // What the platform takes by itself: a row of as many bytes, read and written.
    if (pathname === '/__row') {
      const key = FIRST_KEY + Math.floor(Math.random() * 20);
      await env.DB.prepare(READ).bind(key).all();
      await env.DB.prepare(WRITE).bind(key, HEX).all();
    }
    return Response.json(nowMs);
  },
};
