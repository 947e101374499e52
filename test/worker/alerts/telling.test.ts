/** What is told of what fires: one message for many nodes, no oftener than asked, and not while somebody works on it. */
import { beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { clock, DAY_MS, storeHours } from '../emissions/support.ts';
import {
  ask,
  clockOf,
  database,
  forgetEvaluation,
  gpu,
  HOUR_MS,
  listed,
  MINUTE_MS,
  newNode,
  report,
  run,
  runToEnd,
  told,
  WINDOW_MS,
} from './support.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

/** gCO2eq/kWh: dirty from 01:00 to 02:00 and from 03:00 to 05:00. */
const HOURS = [100, 500, 100, 500, 500, 100];
const FIRST_MS = DAY_MS + 10 * MINUTE_MS;
const LAST_MS = DAY_MS + 6 * HOUR_MS + 10 * MINUTE_MS;
const dirty = { kind: 'dirtyHours', name: 'Dirty', aboveGramsPerKwh: 300, forMinutes: 15, holdMinutes: 15 };
const MANY = 500;

const at = (ms: number) => new Date(ms).toISOString();

beforeAll(async () => {
  clock.nowMs = DAY_MS;
  await ask('POST', '/v1/sites', { id: 'de', gridZone: 'DE', pueRatio: 1.2 });
  const { token } = await newNode('busy', 'de');
  await storeHours('DE', HOURS);
  clock.nowMs = LAST_MS;
  await report(
    token,
    Array.from({ length: 72 }, () => [gpu('GPU-1', 1_000 * WINDOW_MS)]),
  );
});

beforeEach(async () => {
  await forgetEvaluation();
  await database.prepare('DELETE FROM alert_silences').run();
});

/** The rules over six hours; what is told, as `firing 01:15`. */
async function evaluate(rules: readonly object[]): Promise<string[]> {
  await ask('PUT', '/v1/alert-rules', { alertRules: rules });
  await run(FIRST_MS);
  await runToEnd(LAST_MS);
  return (await told())
    .map(({ id, startsAtMs }) => `${id.split(':').slice(1).join(':')} ${clockOf(at(startsAtMs))}`)
    .sort();
}

test('cooldown holds the next one back', async () => {
  expect(await evaluate([dirty])).toEqual([
    'firing 01:00',
    'firing 03:00',
    'resolved 01:00',
    'resolved 03:00',
  ]);
  await forgetEvaluation();
  // The first is over at 02:00: none before 04:30.
  await evaluate([{ ...dirty, cooldownMinutes: 150 }]);
  expect((await listed()).map(({ firedAt }) => clockOf(firedAt)).sort()).toEqual(['01:15', '04:30']);
});

test('what still fires is said again as often as asked, and not after its end', async () => {
  expect(await evaluate([{ ...dirty, renotifyMinutes: 30 }])).toEqual([
    'firing 01:00',
    'firing 03:00',
    'renotify:1 01:00',
    'renotify:1 03:00',
    'renotify:2 03:00',
    'renotify:3 03:00',
    'resolved 01:00',
    'resolved 03:00',
  ]);
  const again = (await told()).find(({ id }) => id.endsWith(':renotify:1'))!;
  expect(again.summary).toMatch(/^Still firing\. /);
});

test('a maintenance window that comes again each day keeps back what begins and ends within it', async () => {
  const DAYS_BEFORE_MS = DAY_MS - 3 * 24 * HOUR_MS;
  await ask('POST', '/v1/silences', {
    comment: 'backups',
    startsAt: at(DAYS_BEFORE_MS),
    endsAt: at(DAYS_BEFORE_MS + 2.5 * HOUR_MS),
    repeats: 'daily',
    filter: 'gridZone:DE',
  });
  expect(await evaluate([dirty])).toEqual(['firing 03:00', 'resolved 03:00']);
  const [, first] = await listed();
  expect(first).toMatchObject({ silenced: true, notified: false });
});

test('a zone that is younger than 30 days uses what it has and says so', async () => {
  // Six hours of the day before are all that is known of it.
  await database.prepare('UPDATE grid_values SET key = key - 288').run();
  await storeHours('DE', HOURS);
  await evaluate([{ ...dirty, aboveGramsPerKwh: null, onPercentile: 0.5, offPercentile: 0.4 }]);
  const [first] = await told();
  expect(first!.text).toContain('the median of the 0.3 days that are known of it (fewer than 30)');
  expect(first!.fields).toMatchObject({ usualDays: 0.25 });
});

test('500 nodes of one zone are one message', async () => {
  const numbers = JSON.stringify(Array.from({ length: MANY }, (_, i) => i + 1_000));
  await database.batch([
    database
      .prepare(`INSERT INTO nodes (number, id, hostname, labels, fingerprint, machine_fingerprint, enrolled_at_ms, simulated, agent_version)
        SELECT value, 'n' || value, 'host-' || value, '{}', value, value, ?2, 0, '0.1.0' FROM json_each(?1)`)
      .bind(numbers, DAY_MS),
    database
      .prepare(`INSERT INTO settings (subject, key, value, effective_from_ms, recorded_at_ms, recorded_by)
        SELECT 'node:' || value, 'site', 'de', ?2, ?2, 'test' FROM json_each(?1)`)
      .bind(numbers, DAY_MS),
  ]);
  await evaluate([{ kind: 'health', name: 'Silent', check: 'nodeSilent', limit: 30 }]);
  const all = await told();
  expect(all).toHaveLength(1);
  expect(all[0]!.fields).toMatchObject({ gridZone: 'DE', concernedCount: MANY });
  expect(all[0]!.text).toContain(`${MANY} cases: host-1000: no report since`);
  expect(all[0]!.text).toContain(`and ${MANY - 20} more`);
});
