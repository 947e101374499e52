/** A scripted run, cut at every single call to the disk, with every way in which a disk can be left. */
import { describe, expect, it } from 'vitest';
import type { DurableStore } from '../../../agent/store/durable-store.ts';
import type { ProcessIdentity } from '../../../agent/store/lock.ts';
import { openStore } from '../../../agent/store/open-store.ts';
import type { WindowReport } from '../../../shared/wire/ingest.ts';
import { pendingByWindow, report } from './support/reports.ts';
import { ALL_REMAINS, SimulatedDisk } from './support/simulated-disk.ts';

const DIRECTORY = '/state';
/** Small enough that the script closes, rewrites and removes segments. */
const limits = { segmentBytes: 600, spoolBytes: 200_000 };

interface Step {
  readonly state: number;
  readonly reports: readonly WindowReport[];
}

/** What the script knows to have happened when the power went. */
interface Witness {
  readonly committed: Step[];
  /** Begun and not finished: may be there or not. */
  begun: Step | null;
  readonly acknowledged: Map<number, number>;
}

function bootedOnce(name: string): ProcessIdentity {
  return { own: name, isAlive: (identity) => identity === name };
}

async function script(disk: SimulatedDisk, witness: Witness): Promise<void> {
  let store: DurableStore | null = null;
  let start = 0;
  for (let state = 1; state <= 24 && !disk.isOff; state++) {
    if (store === null) {
      store = await openStore(DIRECTORY, { fileSystem: disk, limits, identity: bootedOnce(`run-${start}`) });
      start += 1;
    }
    const window = Math.floor(state / 4);
    const step = {
      state,
      reports: [report(window, (state % 4) + 1), ...(state % 6 === 0 ? [report(90, state)] : [])],
    };
    witness.begun = step;
    await store.commit({ meterState: { state }, reports: step.reports });
    if (disk.isOff) return;
    witness.begun = null;
    witness.committed.push(step);
    if (state % 5 === 0) {
      const [live, oldest] = store.pending();
      for (const ref of [live, oldest]) {
        if (ref !== undefined) witness.acknowledged.set(ref.windowStartMs / 300_000, ref.revision);
      }
      await store.acknowledge([live, oldest].filter((ref) => ref !== undefined));
    }
    if (state % 9 === 0) {
      await store.close();
      store = null;
    }
  }
}

async function check(disk: SimulatedDisk, witness: Witness): Promise<void> {
  const store = await openStore(DIRECTORY, { fileSystem: disk, limits, identity: bootedOnce('after') });
  const restored = (store.restoredMeterState as { state: number } | null)?.state ?? 0;
  const last = witness.committed.at(-1)?.state ?? 0;
  expect([last, witness.begun?.state ?? last]).toContain(restored);

  // State and reports are one: what the restored state has said is pending or acknowledged, and nothing beyond it.
  const said = [...witness.committed, ...(witness.begun === null ? [] : [witness.begun])].filter(
    (step) => step.state <= restored,
  );
  const pending = await pendingByWindow(store);
  const newest = new Map(
    said.flatMap((step) => step.reports).map((each) => [each.windowStartMs / 300_000, each]),
  );
  for (const [window, expected] of newest) {
    const acknowledged = witness.acknowledged.get(window) ?? 0;
    if (acknowledged < expected.revision) expect(pending.get(window)).toEqual(expected);
  }
  for (const found of pending.values()) {
    expect(said.flatMap((step) => step.reports)).toContainEqual(found);
  }
  expect(store.stats()).toMatchObject({
    damagedRecords: 0,
    droppedReports: 0,
    droppedSeries: 0,
    error: null,
  });

  // And it goes on: the next run finds what this one wrote.
  await store.commit({ meterState: { state: 100 }, reports: [report(100, 1)] });
  await store.close();
  const next = await openStore(DIRECTORY, { fileSystem: disk, limits, identity: bootedOnce('next') });
  expect(next.restoredMeterState).toEqual({ state: 100 });
  expect((await pendingByWindow(next)).get(100)).toEqual(report(100, 1));
  expect(next.stats().damagedRecords).toBe(0);
  await next.close();
}

describe('a power cut', () => {
  it.each(ALL_REMAINS)(
    'at any call loses nothing committed and invents nothing (%s left)',
    async (remains) => {
      const whole = new SimulatedDisk();
      await script(whole, { committed: [], begun: null, acknowledged: new Map() });
      expect(whole.calls).toBeGreaterThan(100);
      for (let call = 1; call <= whole.calls; call++) {
        const disk = new SimulatedDisk();
        disk.cutAtCall = call;
        const witness: Witness = { committed: [], begun: null, acknowledged: new Map() };
        await script(disk, witness).catch(() => {});
        expect(disk.isOff).toBe(true);
        await check(disk.afterPowerCut(remains), witness).catch((error: unknown) => {
          throw new Error(`cut at call ${call} of ${whole.calls}`, { cause: error });
        });
      }
    },
  );
});
