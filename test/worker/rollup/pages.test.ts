/** Sums of a fleet are read in pages, so that a year of a large one does not have to lie in memory at once. */
import { beforeAll, expect, test } from 'vitest';
import { ALL_KNOWN } from '../../../shared/audit/as-known.ts';
import type { Place } from '../../../shared/settings/place.ts';
import { openDatabase } from '../../../worker/storage/database.ts';
import { markKey } from '../../../worker/storage/rollup-keys.ts';
import { readRollupOutline } from '../../../worker/storage/rollup-outline.ts';
import { readSiteSettings } from '../../../worker/storage/settings.ts';
import { Shards } from '../../../worker/storage/shards.ts';
import { sitePlaces } from '../../../worker/use-cases/rollup/plan.ts';
import { planRolledUp, readRolledHours } from '../../../worker/use-cases/rollup/read.ts';
import { clock, DAY_MS, database, HOUR_MS } from '../emissions/support.ts';
import { countingDatabase } from '../ingest/counting-database.ts';
import { DAYS, HOURS, tellDays } from './fleet-of-changes.ts';
import { rollUp } from './support.ts';

const DAY = 24 * HOUR_MS;

beforeAll(async () => {
  await tellDays();
  await rollUp(DAYS);
});

async function hoursIn(bytesAtOnce?: number) {
  const { database: counting, calls } = countingDatabase(database);
  const span = { fromMs: DAY_MS, toMs: DAY_MS + HOURS * HOUR_MS };
  const outline = await readRollupOutline(counting, span);
  const query = {
    ...span,
    nowMs: clock.nowMs,
    knownAtMs: ALL_KNOWN,
    directNodeHours: 0,
    exactEnds: false,
    changed: null,
    places: async () =>
      sitePlaces(await readSiteSettings(openDatabase(database)), { ...span, knownAtMs: ALL_KNOWN }),
    byZone: false,
    acceptsGroup: () => true,
    acceptsPlace: ({ siteId }: Place) => siteId === 'sf',
  };
  const plan = await planRolledUp(query, outline!);
  const before = calls.statements;
  const hours: string[] = [];
  let most = 0;
  for await (const page of readRolledHours(new Shards([counting]), [plan], bytesAtOnce)) {
    most = Math.max(most, page.length);
    for (const { startMs, gpuModel, isAsked, sums } of page)
      hours.push(JSON.stringify([startMs, gpuModel, isAsked, sums.figures.energyMillijoules]));
  }
  return { hours: hours.sort(), queries: calls.statements - before, most };
}

test('tens of thousands of marks are as many hours as they mark', async () => {
  const firstDay = Math.floor(DAY_MS / DAY) - 700;
  const keys = `WITH RECURSIVE day (number) AS (SELECT ${firstDay} UNION ALL SELECT number + 1 FROM day WHERE number < ${firstDay + 699}),
    block (number) AS (SELECT 0 UNION ALL SELECT number + 1 FROM block WHERE number < 156)`;
  await database
    .prepare(
      `INSERT INTO rollup_marks (key, hours, nonce)
       ${keys} SELECT ${markKey(0, 0)} + day.number * ${markKey(1, 0)} + block.number, 1 << (block.number % 20), 'test' FROM day, block`,
    )
    .run();
  const outline = await readRollupOutline(database, { fromMs: firstDay * DAY, toMs: DAY_MS });
  expect(outline!.marked.ofNodes.length).toBe(700 * 20);
  await database.prepare("DELETE FROM rollup_marks WHERE nonce = 'test'").run();
});

test('in pages of a day the hours are those of one page, a day of a group at once', async () => {
  const whole = await hoursIn();
  expect(whole.queries).toBe(1);
  const { hours, queries, most } = await hoursIn(1);
  expect(queries).toBe(DAYS);
  expect(most).toBeLessThanOrEqual(24);
  expect(hours).toEqual(whole.hours);
  expect(new Set(hours.map((hour) => JSON.parse(hour)[2]))).toEqual(new Set([true, false]));
  expect(hours.length).toBe(2 * HOURS);
});
