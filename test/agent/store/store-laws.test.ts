/** Law: whatever happens in whatever order, the newest unacknowledged revision of every window is kept. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DurableStore } from '../../../agent/store/durable-store.ts';
import { openStore } from '../../../agent/store/open-store.ts';
import type { WindowReport } from '../../../shared/wire/ingest.ts';
import { pendingByWindow, report, WINDOW } from './support/reports.ts';
import { ALL_REMAINS, type Remains, SimulatedDisk } from './support/simulated-disk.ts';

type Action =
  | { readonly do: 'commit'; readonly windows: readonly number[] }
  | { readonly do: 'acknowledge'; readonly share: number }
  | { readonly do: 'cutIn'; readonly calls: number; readonly remains: Remains }
  | { readonly do: 'restart' }
  | { readonly do: 'fault'; readonly code: string; readonly calls: number };

const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('commit' as const),
      windows: fc.uniqueArray(fc.integer({ min: 1, max: 12 }), { maxLength: 3 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('acknowledge' as const),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('cutIn' as const),
      calls: fc.integer({ min: 1, max: 30 }),
      remains: fc.constantFrom(...ALL_REMAINS),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('fault' as const),
      code: fc.constantFrom('ENOSPC', 'EIO', 'EROFS'),
      calls: fc.integer({ min: 1, max: 20 }),
    }),
  },
);

class Host {
  disk = new SimulatedDisk();
  store: DurableStore | null = null;
  remains: Remains = 'nothing';
  runs = 0;
  /** The reports that must be there unless acknowledged, and those that may be. */
  readonly durable = new Map<number, WindowReport>();
  readonly said = new Map<number, WindowReport[]>();
  readonly acknowledged = new Map<number, number>();
  commits = 0;
  /** The state of the newest commit that must be there. */
  durableState = 0;
  /** Said while the disk refused: durable once it takes writes again. */
  held: WindowReport[] = [];

  async start(): Promise<void> {
    const own = `run-${this.runs}`;
    this.runs += 1;
    this.store = await openStore('/state', {
      fileSystem: this.disk,
      limits: { segmentBytes: 900, spoolBytes: 500_000 },
      identity: { own, isAlive: (identity) => identity === own },
    });
  }

  async losePower(): Promise<void> {
    this.disk = this.disk.afterPowerCut(this.remains);
    this.store = null;
    this.held = [];
  }

  async commit(windows: readonly number[]): Promise<void> {
    const reports = windows.map((window) =>
      report(window, (this.said.get(window)?.at(-1)?.revision ?? 0) + 1),
    );
    for (const [at, window] of windows.entries()) {
      this.said.set(window, [...(this.said.get(window) ?? []), reports[at]!]);
    }
    this.commits += 1;
    await this.store!.commit({ meterState: this.commits, reports });
    if (this.disk.isOff) return;
    this.held.push(...reports);
    if (this.store!.stats().unsyncedReports > 0) return;
    if (this.store!.stats().error === null) this.durableState = this.commits;
    for (const each of this.held) this.durable.set(each.windowStartMs / WINDOW, each);
    this.held = [];
  }

  async acknowledge(share: number): Promise<void> {
    const pending = this.store!.pending();
    const refs = pending.slice(0, Math.ceil(pending.length * share));
    // Said before it is written: a lost acknowledgement is harmless, a report that is acknowledged need not be kept.
    for (const ref of refs) this.acknowledged.set(ref.windowStartMs / WINDOW, ref.revision);
    await this.store!.acknowledge(refs);
  }

  async check(): Promise<void> {
    this.disk.fault = () => null;
    const state = (this.store!.restoredMeterState ?? 0) as number;
    expect(state).toBeGreaterThanOrEqual(this.durableState);
    expect(state).toBeLessThanOrEqual(this.commits);
    const pending = await pendingByWindow(this.store!);
    for (const [window, expected] of this.durable) {
      if ((this.acknowledged.get(window) ?? 0) >= expected.revision) continue;
      expect(pending.get(window)?.revision).toBeGreaterThanOrEqual(expected.revision);
    }
    for (const [window, found] of pending) expect(this.said.get(window)).toContainEqual(found);
    expect(this.store!.stats().droppedReports).toBe(0);
  }
}

async function perform(host: Host, step: Action): Promise<void> {
  switch (step.do) {
    case 'commit':
      return host.commit(step.windows);
    case 'acknowledge':
      return host.acknowledge(step.share);
    case 'restart':
      await host.store!.close();
      host.store = null;
      // What a disk that still refuses could not take at the end is gone with the process.
      host.held = [];
      return;
    case 'cutIn':
      host.disk.cutAtCall = host.disk.calls + step.calls;
      host.remains = step.remains;
      return;
    case 'fault': {
      const until = host.disk.calls + step.calls;
      host.disk.fault = (call) =>
        host.disk.calls <= until && ['append', 'sync', 'create', 'truncate'].includes(call)
          ? step.code
          : null;
    }
  }
}

/** Found by this law: a half record that the disk refused to take back, and a power cut in the segment that followed. */
const TAIL_THAT_COULD_NOT_BE_CUT: Action[] = [
  { do: 'commit', windows: [] },
  { do: 'fault', code: 'ENOSPC', calls: 3 },
  { do: 'commit', windows: [] },
  { do: 'cutIn', calls: 5, remains: 'everything' },
  { do: 'fault', code: 'ENOSPC', calls: 3 },
  { do: 'acknowledge', share: 0 },
  { do: 'commit', windows: [] },
  { do: 'commit', windows: [] },
  { do: 'commit', windows: [] },
  { do: 'commit', windows: [] },
];

describe('the store', () => {
  it('keeps the newest unacknowledged revision of every window', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 5, maxLength: 40 }), async (steps) => {
        const host = new Host();
        for (const step of steps) {
          try {
            if (host.store === null) {
              host.disk.fault = () => null;
              await host.start();
            }
            await perform(host, step);
          } catch (error) {
            if (!host.disk.isOff) throw error;
          }
          if (host.disk.isOff) await host.losePower();
        }
        host.disk.cutAtCall = Number.POSITIVE_INFINITY;
        host.disk.fault = () => null;
        await host.store?.close();
        host.held = [];
        await host.start();
        await host.check();
      }),
      { numRuns: 300, examples: [[TAIL_THAT_COULD_NOT_BE_CUT]] },
    );
  });
});
