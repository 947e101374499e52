/** A fleet too large to be read as it is now: the last of its nodes has the number 150. */
import { beforeAll, expect, test } from 'vitest';
import { runRollups, TURN_NODE_HOURS } from '../../../worker/use-cases/rollup/run.ts';
import {
  ask,
  clock,
  DAY_MS,
  database,
  gpu,
  HOUR_MS,
  newNode,
  report,
  steadySite,
} from '../emissions/support.ts';

interface Answer {
  readonly totals: {
    readonly energyKwh: number;
    readonly operationalGrams: number;
    readonly nodesExpected: number;
  };
  readonly rolledUpTo: string | null;
  readonly hoursWaiting: number;
}

const QUARTER_KWH = 900_000_000;
let token: string;

beforeAll(async () => {
  await steadySite();
  ({ token } = await newNode('first', 'waw'));
  await database.prepare('UPDATE nodes SET number = 150').run();
  await database.prepare("UPDATE settings SET subject = 'node:150' WHERE subject LIKE 'node:%'").run();
  await database.prepare('UPDATE tokens SET node_number = 150 WHERE node_number IS NOT NULL').run();
});

/** Quarters of a kWh in these windows of the day. */
async function draw(...windows: readonly number[]) {
  const last = Math.max(...windows);
  await report(
    token,
    Array.from({ length: last + 1 }, (_, i) =>
      windows.includes(i) ? [gpu('GPU-1', QUARTER_KWH / 10)] : null,
    ),
  );
}

const fleet = () => ask<Answer>('GET', `/v1/fleet/emissions?from=${new Date(DAY_MS).toISOString()}`);
const turn = () => runRollups(database, clock.nowMs, TURN_NODE_HOURS.paid);
const kwh = (windows: number) => (windows * QUARTER_KWH) / 10 / 3_600_000_000;
const minutes = (count: number) => new Date(DAY_MS + count * 60_000).toISOString();

test('the hour that is not over is summed every ten minutes, and an answer says until when it counts', async () => {
  clock.nowMs = DAY_MS + 4.5 * HOUR_MS;
  await draw(0, 1, 40, 53);
  await turn();
  expect(await fleet()).toMatchObject({ rolledUpTo: minutes(270), hoursWaiting: 0 });
  expect((await fleet()).totals.energyKwh).toBeCloseTo(kwh(4), 12);
  clock.nowMs += 5 * 60_000;
  await draw(54);
  await turn();
  expect(await fleet()).toMatchObject({ rolledUpTo: minutes(270), totals: { energyKwh: kwh(4) } });
  clock.nowMs += 5 * 60_000;
  await turn();
  expect(await fleet()).toMatchObject({
    rolledUpTo: minutes(280),
    totals: { energyKwh: kwh(5), nodesExpected: 1 },
  });
});

test('what ends or begins amid the hour that is not over says how far it counts, or is read as it is now', async () => {
  const asked = (from: number, to: number) =>
    ask<Answer>('GET', `/v1/fleet/emissions?from=${minutes(from)}&to=${minutes(to)}`);
  // Summed up to minute 280: what was reported since then of the time before it is not in.
  expect(await asked(0, 275)).toMatchObject({ rolledUpTo: minutes(270), totals: { energyKwh: kwh(5) } });
  expect(await asked(0, 268)).toMatchObject({ rolledUpTo: null, totals: { energyKwh: kwh(4) } });
  clock.nowMs += 6 * 60_000;
  await draw(56);
  expect(await asked(281, 286)).toMatchObject({ rolledUpTo: null, totals: { energyKwh: 0 } });
  expect(await asked(280, 284)).toMatchObject({ rolledUpTo: null, totals: { energyKwh: kwh(1) } });
  clock.nowMs -= 6 * 60_000;
});

test('hours that changed are counted as they were until they are summed again, and the answer says so', async () => {
  await draw(2, 14, 26);
  expect(await fleet()).toMatchObject({ hoursWaiting: 3, totals: { energyKwh: kwh(5) } });
  await turn();
  const { hoursWaiting, totals } = await fleet();
  expect(hoursWaiting).toBe(0);
  expect(totals.energyKwh).toBeCloseTo(kwh(8), 12);
  expect(totals.operationalGrams).toBeCloseTo(kwh(8) * 600, 9);
});

test('a report in time costs no row beside its own', async () => {
  const marks = async () =>
    (await database.prepare('SELECT COUNT(*) AS n FROM rollup_marks').first<{ n: number }>())!.n;
  clock.nowMs += 60_000;
  await draw(55);
  expect(await marks()).toBe(0);
});

test('a run without queries for a step leaves it to the next', async () => {
  await draw(4);
  const marks = () => database.prepare('SELECT COUNT(*) AS n FROM rollup_marks').first<{ n: number }>();
  await runRollups(database, clock.nowMs, TURN_NODE_HOURS.paid, { mayStep: () => false });
  expect((await marks())!.n).toBeGreaterThan(0);
  let steps = 0;
  await runRollups(database, clock.nowMs, TURN_NODE_HOURS.paid, { mayStep: () => steps++ < 1 });
  await turn();
  expect((await marks())!.n).toBe(0);
});

test('two runs at once leave what one leaves', async () => {
  await draw(3, 15);
  await Promise.all([turn(), turn(), turn()]);
  await turn();
  // The report of a minute ago is summed with its hour.
  expect((await fleet()).totals.energyKwh).toBeCloseTo(kwh(11), 12);
  expect(await fleet()).toMatchObject({ hoursWaiting: 0 });
});

test('when no run came for long, hours are read one by one again', async () => {
  clock.nowMs += 40 * 60_000;
  await draw(60);
  const answer = await fleet();
  expect(answer).toMatchObject({ rolledUpTo: null });
  expect(answer.totals.energyKwh).toBeCloseTo(kwh(14), 12);
});
