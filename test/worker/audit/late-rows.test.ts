/** What keeping the past costs: nothing on the live path, a few rows for what comes late. */
import { expect, test } from 'vitest';
import type { WindowReport } from '../../../shared/wire/ingest.ts';
import { countingDatabase } from '../ingest/counting-database.ts';
import { body, database, device, ingestInto, newNode, numberOf, report, send } from '../ingest/support.ts';

const HOUR_MS = 3_600_000;
const nowMs = Date.now();
/** Starts an hour that settles at `SETTLES_MS`. */
const windowStartMs = Math.floor(nowMs / HOUR_MS) * HOUR_MS - 6 * HOUR_MS;
const SETTLES_MS = windowStartMs + 3 * HOUR_MS;

test('an hour is kept once per request that changes it late, and never for what changes nothing', async () => {
  const { nodeId, token } = await newNode('late-rows');
  await send(token, [report({ windowStartMs, final: false })]);
  const number = await numberOf(nodeId);
  const kept = async () =>
    (await database
      .prepare(
        'SELECT COUNT(*) AS n FROM ledger_revisions WHERE hour_key >= ?1 * 2097152 AND hour_key < (?1 + 1) * 2097152',
      )
      .bind(number)
      .first<{ n: number }>())!.n;
  const rowsOf = async (reports: readonly WindowReport[], atMs: number) => {
    const { database: counting, rows } = countingDatabase(database);
    const outcome = await ingestInto(counting, number, body(reports), atMs);
    expect(outcome.ok).toBe(true);
    return rows.written;
  };
  const said = (revision: number, window = 0) =>
    report({
      windowStartMs: windowStartMs + window * 300_000,
      revision,
      final: false,
      devices: [device({ energyMillijoules: revision })],
    });
  const before = await kept();
  // The last moment of the ordinary course.
  expect(await rowsOf([said(2)], SETTLES_MS - 1)).toBe(1);
  expect(await kept()).toBe(before);
  // The hour, its old side with an index, and the log with three.
  expect(await rowsOf([said(3), said(1, 1), said(1, 2)], SETTLES_MS)).toBe(1 + 2 + 4);
  expect(await kept()).toBe(before + 1);
  expect(await rowsOf([said(3), said(1, 1), said(2)], SETTLES_MS + 1)).toBe(0);
  expect(await kept()).toBe(before + 1);
});
