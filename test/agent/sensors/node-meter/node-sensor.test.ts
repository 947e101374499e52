import { describe, expect, test } from 'vitest';
import { createNodeSensor, type NodePower } from '../../../../agent/sensors/node-meter/node-sensor.ts';
import type { Outcome } from '../../../../agent/sensors/sensor.ts';
import { watts } from '../../../../shared/units.ts';
import { manualClock } from '../manual-clock.ts';
import { readyValue } from '../outcome.ts';

/** A controller whose answers the test gives when it likes. */
function slowController() {
  const clock = manualClock();
  const open: ((answer: Outcome<NodePower>) => void)[] = [];
  const signals: AbortSignal[] = [];
  const sensor = createNodeSensor({
    name: 'slow',
    clock,
    ask: (signal) => {
      signals.push(signal);
      return new Promise((resolve) => open.push(resolve));
    },
  });
  const answer = async (outcome: Outcome<NodePower>) => {
    open.shift()?.(outcome);
    // Lets what waits for the answer take it.
    for (let turns = 0; turns < 5; turns++) await Promise.resolve();
  };
  return { clock, sensor, answer, signals };
}

const power = (value: number): Outcome<NodePower> => ({
  state: 'ready',
  value: { powerWatts: watts(value), facts: { powerMeaning: 'instantaneous', measuredAt: 'dcOut' } },
  detail: 'says so',
});

/** A sensor that was probed and has given its first reading. */
async function running() {
  const slow = slowController();
  const probe = slow.sensor.probe();
  await slow.answer(power(400));
  const meters = readyValue(await probe);
  return { ...slow, meters };
}

describe('a meter of the whole node that is asked in the background', () => {
  test('has one meter, of node scope, for the rest of the host', async () => {
    const { meters } = await running();
    expect(meters).toMatchObject([
      {
        id: 'slow:node',
        deviceId: 'other',
        deviceType: 'other',
        scope: 'node',
        facts: { measuredAt: 'dcOut' },
      },
    ]);
  });

  test('gives each answer once, with the time at which it came', async () => {
    const { clock, sensor, answer } = await running();
    const firstAtMs = clock.monotonicNow();
    clock.advance(7_999);
    expect(readyValue(await sensor.read())).toEqual([
      { meterId: 'slow:node', atMs: firstAtMs, powerWatts: 400 },
    ]);
    expect(readyValue(await sensor.read())).toEqual([]);
    clock.advance(1);
    expect(readyValue(await sensor.read())).toEqual([]);
    clock.advance(500);
    await answer(power(430));
    clock.advance(500);
    expect(readyValue(await sensor.read())).toEqual([
      { meterId: 'slow:node', atMs: firstAtMs + 8_500, powerWatts: 430 },
    ]);
  });

  test('is asked one question at a time, and a read never waits for it', async () => {
    const { clock, sensor, signals } = await running();
    for (let second = 0; second < 30; second++) {
      clock.advance(1_000);
      await sensor.read();
    }
    expect(signals).toHaveLength(2);
  });

  test('answers come close enough for integration to bridge them', async () => {
    const { clock, sensor, answer } = await running();
    const stamps: number[] = [];
    for (let second = 0; second < 60; second++) {
      for (const { atMs } of readyValue(await sensor.read())) stamps.push(atMs);
      clock.advance(1_000);
      await answer(power(400));
    }
    const steps = stamps.slice(1).map((at, i) => at - stamps[i]!);
    expect(steps.length).toBeGreaterThan(5);
    expect(Math.max(...steps)).toBeLessThanOrEqual(10_000);
  });

  test('a first probe waits six seconds, a later one holds the others up for one', async () => {
    const { clock, sensor, answer } = slowController();
    const first = sensor.probe();
    clock.advance(5_999);
    await answer({ state: 'noData', detail: 'busy' });
    expect(await first).toEqual({ state: 'noData', detail: 'busy' });
    const later = sensor.probe();
    clock.advance(1_000);
    expect(await later).toEqual({ state: 'noData', detail: 'busy' });
    await answer(power(400));
    readyValue(await sensor.probe());
    expect(readyValue(await sensor.read())).toHaveLength(1);
  });

  test('two probes at once ask once', async () => {
    const { sensor, answer, signals } = slowController();
    const probes = [sensor.probe(), sensor.probe()];
    await answer(power(400));
    for (const outcome of await Promise.all(probes)) readyValue(outcome);
    expect(signals).toHaveLength(1);
  });

  test('one that has never answered is no data', async () => {
    const { clock, sensor } = slowController();
    const probe = sensor.probe();
    clock.advance(6_000);
    expect(await probe).toMatchObject({ state: 'noData' });
    expect(await sensor.read()).toMatchObject({ state: 'noData' });
  });

  test('0 W is a fault and no reading', async () => {
    const { clock, sensor, answer } = await running();
    await sensor.read();
    clock.advance(8_000);
    await sensor.read();
    await answer(power(0));
    expect(await sensor.read()).toEqual({
      state: 'noData',
      detail: 'says 0 W, which no running host draws (says so)',
    });
  });

  test('closing calls the question off and forgets its answer', async () => {
    const { clock, sensor, answer, signals } = await running();
    clock.advance(8_000);
    await sensor.read();
    const closing = sensor.close();
    expect(signals.at(-1)?.aborted).toBe(true);
    await answer(power(999));
    await closing;
    expect(await sensor.read()).toMatchObject({ state: 'noData' });
  });
});
