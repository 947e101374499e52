/** What alerts hold an hour against: values of its own scope, whatever else the zone has. */
import { expect, test } from 'vitest';
import { limitsOf, medianOf } from '../../../shared/alerts/usual.ts';
import { SCOPES, type Scope } from '../../../shared/grid/intensity.ts';
import { epochMs, gramsPerKwh } from '../../../shared/units.ts';
import { openDatabase } from '../../../worker/storage/database.ts';
import { storeValues } from '../../../worker/storage/grid-writes.ts';
import { addSettings } from '../../../worker/storage/settings.ts';
import {
  ensureUsual,
  loadGridContext,
  loadPastGridContext,
} from '../../../worker/use-cases/alerts/grid-context.ts';
import { readTrusts } from '../../../worker/use-cases/grid-trust.ts';
import { DAY_MS, database, HOUR_MS } from '../emissions/support.ts';

const GRAMS = { consumption: 300, production: 40 };
const THRESHOLD = {
  aboveGramsPerKwh: null,
  onPercentile: 0.9,
  offPercentile: 0.75,
  minimumMedianRatio: 1.1,
};

/** Forty days of both before the day and two of it, and a change of scope at its noon. */
async function store(): Promise<void> {
  for (const scope of SCOPES) {
    const hours = Array.from({ length: 42 * 24 }, (_, hour) => DAY_MS + (hour - 40 * 24) * HOUR_MS);
    await storeValues(
      database,
      { gridZone: 'PL', basis: 'lifecycle', signal: 'average', scope, provider: `${scope} provider` },
      hours.map((startMs) => ({
        startMs: epochMs(startMs),
        endMs: epochMs(startMs + HOUR_MS),
        gramsPerKwh: gramsPerKwh(GRAMS[scope]),
        kind: 'measured' as const,
        method: null,
        issuedAtMs: null,
      })),
      DAY_MS,
    );
  }
  const note = (scope: Scope, effectiveFromMs: number) => ({
    subject: 'grid:PL',
    key: 'scope.lifecycle.average',
    value: scope,
    effectiveFromMs,
    recordedAtMs: DAY_MS,
    recordedBy: 'grid',
  });
  const notes = [note('production', 0), note('consumption', DAY_MS + 12 * HOUR_MS)];
  await addSettings(openDatabase(database), notes, null);
}

test('what is usual is told from values of the scope that the day begins with, and held against no other', async () => {
  await store();
  const settings = await readTrusts(database, ['PL']);
  const range = { fromMs: DAY_MS, toMs: DAY_MS + 47 * HOUR_MS };
  let usual = null;
  while (usual === null) usual = await ensureUsual(database, ['PL'], range, DAY_MS, settings);
  for (const grid of [
    await loadGridContext(database, ['PL'], range, usual, settings),
    await loadPastGridContext(database, ['PL'], range, settings),
  ]) {
    const at = (hour: number) => {
      const ms = DAY_MS + hour * HOUR_MS;
      const ofDay = grid.usual('PL', ms);
      return [grid.scope('PL', ms), grid.point('PL', ms)?.gramsPerKwh, ofDay && medianOf(ofDay)];
    };
    expect(at(11)).toEqual(['production', 40, 40]);
    // Until the day is over nothing is known that it may be held against.
    expect(at(12)).toEqual(['consumption', 300, null]);
    expect(limitsOf(THRESHOLD, grid.usual('PL', DAY_MS + 12 * HOUR_MS))).toBeNull();
    // The values of consumption of the month before, though production was charged then.
    expect(at(24)).toEqual(['consumption', 300, 300]);
    expect(grid.usual('PL', DAY_MS + 24 * HOUR_MS)).toMatchObject({ days: 30, scope: 'consumption' });
  }
});
