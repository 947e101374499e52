/** Sums of a fleet are read in pages, so that a year of a large one does not have to lie in memory at once. */
import { beforeAll, expect, test } from 'vitest';
import { ALL_KNOWN } from '../../../shared/audit/as-known.ts';
import type { Place } from '../../../shared/settings/place.ts';
import { openDatabase } from '../../../worker/storage/database.ts';
import { readRollupOutline } from '../../../worker/storage/rollup-outline.ts';
import { readSiteSettings } from '../../../worker/storage/settings.ts';
import { Shards } from '../../../worker/storage/shards.ts';
import { planRolledUp, readRolledHours } from '../../../worker/use-cases/rollup/read.ts';
import { clock, DAY_MS, database, HOUR_MS } from '../emissions/support.ts';
import { countingDatabase } from '../ingest/counting-database.ts';
import { DAYS, HOURS, tellDays } from './fleet-of-changes.ts';
import { rollUp } from './support.ts';

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
    changed: null,
    siteSettings: () => readSiteSettings(openDatabase(database)),
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
