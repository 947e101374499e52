/**
 * The real meter, store and shipper, and the ledger's own merge: the power is cut at every single call to the disk, in every
 * way in which a disk can be left, and the next life goes on. What the counters say at the end is in the ledger.
 */
import { describe, expect, it } from 'vitest';
import { createReplayClock } from '../../../agent/replay/replay-clock.ts';
import { runReplay } from '../../../agent/replay/run-replay.ts';
import type { DurableStore } from '../../../agent/store/durable-store.ts';
import { openStore } from '../../../agent/store/open-store.ts';
import type { MeterState } from '../../../shared/metering/meter-state.ts';
import { START_MS } from '../../shared/metering/support.ts';
import { ALL_REMAINS, type Remains, SimulatedDisk } from '../store/support/simulated-disk.ts';
import { counterAt, GPUS, METERS, readingsAt } from './counting-gpus.ts';
import { type LedgerStub, ledgerStub, shipperTo } from './ledger-stub.ts';

/** Small enough that the script closes, rewrites and removes segments. */
const limits = { segmentBytes: 1_500, spoolBytes: 200_000 };
/** Across the end of a window. */
const FROM_MS = START_MS + 280_000;

interface World {
  readonly ledger: LedgerStub;
  nowMs: number;
  epochs: number;
}

/** One process, until it has lived so long or the power is gone. */
async function live(world: World, disk: SimulatedDisk, seconds: number): Promise<DurableStore> {
  const own = `life-${world.nowMs}`;
  const identity = { own, isAlive: (name: string) => name === own };
  const store = await openStore('/state', { fileSystem: disk, limits, identity });
  const endMs = world.nowMs + seconds * 1_000;
  const clock = createReplayClock(world.nowMs);
  await runReplay({
    clock,
    store,
    shipper: shipperTo(world.ledger, store, clock),
    reportEverySeconds: 5,
    sensors: {
      meters: METERS,
      async read() {
        world.nowMs = clock.wallNow();
        return readingsAt(world.nowMs);
      },
    },
    newEpoch: () => `epoch${String(++world.epochs).padStart(5, '0')}`,
    encodeSeries: () => 'series',
    isOver: () => disk.isOff || clock.wallNow() >= endMs,
  });
  return store;
}

/** Two lives with a clean restart between them. */
async function script(world: World, disk: SimulatedDisk): Promise<void> {
  world.ledger.isUp = () => !disk.isOff;
  await (await live(world, disk, 25)).close();
  if (disk.isOff) return;
  world.nowMs += 4_000;
  await (await live(world, disk, 25)).close();
}

const newWorld = (): World => {
  const world: World = { ledger: ledgerStub(() => world.nowMs), nowMs: FROM_MS, epochs: 0 };
  return world;
};

async function cutAndGoOn(call: number, remains: Remains): Promise<{ hadState: boolean }> {
  const world = newWorld();
  const disk = new SimulatedDisk();
  disk.cutAtCall = call;
  await script(world, disk).catch(() => {});
  expect(disk.isOff).toBe(true);
  const left = disk.afterPowerCut(remains);
  world.ledger.isUp = () => true;
  world.nowMs += 6_500;
  const probe = await openStore('/state', {
    fileSystem: left,
    limits,
    identity: { own: 'probe', isAlive: (name) => name === 'probe' },
  });
  const restored = probe.restoredMeterState as MeterState | null;
  await probe.close();
  // Without a durable reading nobody can know what came before.
  const knownFromMs = restored === null ? world.nowMs : FROM_MS;
  const last = await live(world, left, 12);
  expect(last.pending()).toEqual([]);
  await last.close();
  expect(world.ledger.conflicts).toEqual([]);
  for (const [index, id] of GPUS.entries()) {
    const consumed = counterAt(index, world.nowMs) - counterAt(index, knownFromMs);
    expect(world.ledger.energyMillijoules(id), id).toBe(BigInt(consumed));
  }
  return { hadState: restored !== null };
}

describe('a crash at every single call to the disk', () => {
  it.each(ALL_REMAINS)(
    'loses and doubles no millijoule of a counter (%s left)',
    async (remains) => {
      const whole = new SimulatedDisk();
      await script(newWorld(), whole);
      expect(whole.calls).toBeGreaterThan(100);
      let withoutState = 0;
      for (let call = 1; call <= whole.calls; call++) {
        const { hadState } = await cutAndGoOn(call, remains).catch((error: unknown) => {
          throw new Error(`cut at call ${call} of ${whole.calls}`, { cause: error });
        });
        if (!hadState) withoutState += 1;
      }
      // Only until the first reading of the first life is on disk: directory, lock, segment, record, sync.
      expect(withoutState).toBeLessThan(15);
    },
    240_000,
  );
});
