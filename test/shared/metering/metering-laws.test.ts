/** Laws of the meter, for any readings: nothing is lost or made, whatever the times, borders, wraps and restarts. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { counter, gpu, nodeMeter, type Rig, rig } from './support.ts';

/** Steps between readings (ms) that cross many window borders, and power (W). */
const steps = fc.array(
  fc.record({
    stepMs: fc.integer({ min: 1, max: 10_000 }),
    powerWatts: fc.double({ min: 0, max: 1_000, noNaN: true }),
  }),
  { minLength: 1, maxLength: 150 },
);

function everyReportHolds(one: Rig): void {
  for (const report of one.reports.values())
    for (const device of report.devices) {
      expect(device.meteredMilliseconds).toBeGreaterThanOrEqual(0);
      expect(device.meteredMilliseconds).toBeLessThanOrEqual(300_000);
      expect(Number.isSafeInteger(device.energyMillijoules)).toBe(true);
      expect(device.energyMillijoules).toBeGreaterThanOrEqual(0);
    }
}

describe('conservation', () => {
  test('a counter is booked to the millijoule, for any times, native unit, wraps and reports in between', () => {
    fc.assert(
      fc.property(
        steps,
        fc.constantFrom(1, 1000),
        fc.integer({ min: 0, max: 40_000_000 }),
        fc.integer({ min: 0, max: 299_999 }),
        (list, unitsPerMillijoule, startValue, startMs) => {
          const wrapsAt = 50_000_000 * unitsPerMillijoule;
          const one = rig([gpu()]);
          let value = startValue * unitsPerMillijoule;
          let atMs = startMs;
          let consumed = 0;
          const read = () =>
            one.tick(atMs, { 'nvml:GPU-0': { counter: counter(value, { unitsPerMillijoule, wrapsAt }) } });
          read();
          for (const { stepMs, powerWatts } of list) {
            const units = Math.floor(powerWatts * stepMs * unitsPerMillijoule);
            atMs += stepMs;
            consumed += units;
            value = (value + units) % wrapsAt;
            read();
            if (stepMs % 7 === 0) one.report();
          }
          one.report();
          const total = one.device('GPU-0');
          expect(total.energy).toBe(Math.floor(consumed / unitsPerMillijoule));
          expect(total.metered).toBe(atMs - startMs);
          expect(total.recovered).toBe(0);
          everyReportHolds(one);
        },
      ),
    );
  });

  test('power is the integral under its samples, within one millijoule, and metered for exactly its time', () => {
    fc.assert(
      fc.property(steps, fc.integer({ min: 0, max: 299_999 }), (list, startMs) => {
        const one = rig([gpu()]);
        let atMs = startMs;
        let before = 100;
        let integral = 0;
        one.tick(atMs, { 'nvml:GPU-0': { power: before } });
        for (const { stepMs, powerWatts } of list) {
          atMs += stepMs;
          integral += ((before + powerWatts) / 2) * stepMs;
          before = powerWatts;
          one.tick(atMs, { 'nvml:GPU-0': { power: powerWatts } });
        }
        one.report();
        expect(Math.abs(one.device('GPU-0').energy - integral)).toBeLessThan(1.001);
        expect(one.device('GPU-0').metered).toBe(atMs - startMs);
        everyReportHolds(one);
      }),
    );
  });

  test('a node meter is its parts and the rest, exactly, wherever it is read', () => {
    fc.assert(
      fc.property(steps, (list) => {
        const one = rig([gpu('GPU-0'), gpu('GPU-1'), nodeMeter()]);
        let atMs = 0;
        let value = 0;
        let node = 0;
        one.tick(0, {
          'nvml:GPU-0': { counter: counter(0) },
          'nvml:GPU-1': { power: 200 },
          bmc: { power: 5_000 },
        });
        list.forEach(({ stepMs, powerWatts }, index) => {
          atMs += stepMs;
          value += Math.floor(powerWatts * stepMs);
          node += 5_000 * stepMs;
          one.tick(atMs, {
            'nvml:GPU-0': { counter: counter(value) },
            'nvml:GPU-1': { power: 200 },
            bmc: { power: 5_000 },
          });
          if (index % 9 === 0) one.report();
        });
        one.report();
        const parts = one.device('GPU-0').energy + one.device('GPU-1').energy;
        expect(one.device('GPU-0').energy).toBe(value);
        expect(Math.abs(parts + one.device('other').energy - node)).toBeLessThanOrEqual(1);
        expect(one.device('other').metered).toBe(atMs);
        everyReportHolds(one);
      }),
    );
  });
});

describe('gaps', () => {
  test('a silence of power samples adds no energy and no metered time, and is declared', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 10_001, max: 2_000_000 }),
        fc.integer({ min: 0, max: 600_000 }),
        (silentMs, startMs) => {
          const one = rig([gpu()]);
          one.tick(startMs, { 'nvml:GPU-0': { power: 400 } });
          one.tick(startMs + 1000, { 'nvml:GPU-0': { power: 400 } });
          one.tick(startMs + 1000 + silentMs, { 'nvml:GPU-0': { power: 400 } });
          one.tick(startMs + 2000 + silentMs, { 'nvml:GPU-0': { power: 400 } });
          one.report();
          expect(one.device('GPU-0')).toMatchObject({ energy: 800_000, metered: 2000 });
          const [gap] = one.metering.state.gaps;
          expect(gap!.endMs - gap!.startMs).toBe(silentMs);
        },
      ),
    );
  });

  test('a counter that restarts, anywhere and at any value, never books more than was consumed', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 500_000 }), { minLength: 2, maxLength: 60 }),
        fc.array(fc.nat(59), { maxLength: 6 }),
        fc.boolean(),
        (deltas, resets, newIdentity) => {
          const one = rig([gpu()]);
          let value = 9_000_000_000;
          let identity = 0;
          let consumed = 0;
          let gapped = 0;
          one.tick(0, { 'nvml:GPU-0': { counter: counter(value, { identity: '0' }) } });
          deltas.forEach((delta, index) => {
            if (resets.includes(index)) {
              value = 0;
              if (newIdentity) identity++;
              gapped++;
            } else {
              value += delta;
              consumed += delta;
            }
            one.tick((index + 1) * 1000, {
              'nvml:GPU-0': { counter: counter(value, { identity: String(identity) }) },
            });
          });
          one.report();
          expect(one.device('GPU-0').energy).toBeLessThanOrEqual(consumed);
          if (newIdentity) {
            expect(one.device('GPU-0').energy).toBe(consumed);
            expect(one.device('GPU-0').metered).toBe((deltas.length - gapped) * 1000);
          }
        },
      ),
    );
  });
});

describe('resuming', () => {
  test('a state that was stored and resumed at any tick gives the same reports', () => {
    fc.assert(
      fc.property(steps, fc.array(fc.nat(149), { maxLength: 5 }), (list, restarts) => {
        const run = (restartAt: readonly number[]) => {
          const one = rig([gpu('GPU-0'), gpu('GPU-1'), nodeMeter()]);
          let atMs = 0;
          let value = 0;
          list.forEach(({ stepMs, powerWatts }, index) => {
            one.tick(atMs, {
              'nvml:GPU-0': { counter: counter(value), power: powerWatts, utilization: 0.5 },
              'nvml:GPU-1': { power: powerWatts },
              bmc: { power: 3_000 },
            });
            atMs += stepMs;
            value += Math.floor(powerWatts * stepMs);
            if (index % 5 === 0) one.report();
            if (restartAt.includes(index)) one.restart(atMs);
          });
          one.report();
          return { reports: [...one.reports.values()], state: one.metering.state };
        };
        expect(run(restarts)).toEqual(run([]));
      }),
    );
  });
});

describe('the wall clock', () => {
  test('steps of it never make or lose energy, and never fill a window beyond 300 s', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            ticks: fc.integer({ min: 1, max: 400 }),
            stepMs: fc.integer({ min: -900_000, max: 900_000 }),
          }),
          { minLength: 1, maxLength: 8 },
        ),
        (runs) => {
          const one = rig([gpu('GPU-0'), gpu('GPU-1')]);
          let atMs = 0;
          let wallStep = 0;
          let ticks = 0;
          for (const run of runs) {
            for (let i = 0; i < run.ticks; i++, ticks++, atMs += 1000) {
              one.tick(
                atMs,
                { 'nvml:GPU-0': { counter: counter(ticks * 700_000) }, 'nvml:GPU-1': { power: 300 } },
                1_715_958_000_000 + atMs + wallStep,
              );
              if (ticks % 60 === 0) one.report();
            }
            wallStep += run.stepMs;
          }
          one.report();
          expect(one.device('GPU-0').energy).toBe((ticks - 1) * 700_000);
          expect(one.device('GPU-1').energy).toBe((ticks - 1) * 300_000);
          everyReportHolds(one);
        },
      ),
      { numRuns: 40 },
    );
  });

  test('energy held before the clock is trusted lands where it was consumed', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 700 }),
        fc.integer({ min: 0, max: 299_999 }),
        (heldTicks, startMs) => {
          const run = (untrusted: boolean) => {
            const one = rig([gpu('GPU-0'), gpu('GPU-1'), nodeMeter()]);
            for (let i = 0; i < heldTicks + 3; i++) {
              one.tick(
                startMs + i * 1000,
                {
                  'nvml:GPU-0': { counter: counter(i * 654_321), utilization: 0.5 },
                  'nvml:GPU-1': { power: 300 + (i % 7) },
                  bmc: { power: 4_000 },
                },
                untrusted && i < heldTicks ? null : undefined,
              );
              if (untrusted && i < heldTicks) expect(one.report()).toEqual([]);
            }
            one.report();
            return [...one.reports.values()];
          };
          expect(run(true)).toEqual(run(false));
        },
      ),
      { numRuns: 30 },
    );
  });
});
