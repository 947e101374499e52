/** When the agent looks at the jobs: beside the metering, never in its way. */
import { statSync } from 'node:fs';
import type { Allocation } from '../../shared/metering/allocation.ts';
import type { Meter, Reading } from '../../shared/metering/reading.ts';
import type { SensorHealth } from '../../shared/wire/ingest.ts';
import type { Clock } from '../clock.ts';
import type { JobSet, RunningJob } from './job-set.ts';

const LOOK_EVERY_MS = 10_000;

export interface JobWatch {
  /** Begins a look where one is due: every ten seconds, and when a watched folder has changed. Does not wait for it. */
  turn(meters: readonly Meter[], readings: readonly Reading[]): void;
  /** The newest allocation, once. */
  take(): Allocation | null;
  /** Resolves when no look is under way. */
  settled(): Promise<void>;
  readonly running: readonly RunningJob[];
  health(): readonly SensorHealth[];
}

export function createJobWatch(set: JobSet, clock: Pick<Clock, 'monotonicNow'>): JobWatch {
  let looking: Promise<void> | null = null;
  let found: Allocation | null = null;
  let running: readonly RunningJob[] = [];
  let lookedAtMs = Number.NEGATIVE_INFINITY;
  let lastMark = '';
  /** The first look comes before the first reading, and so before any process is known. */
  let sawReadings = false;

  async function lookIfDue(meters: readonly Meter[], readings: readonly Reading[]): Promise<void> {
    const mark = markOf(set.watched());
    const news = mark !== lastMark || (!sawReadings && readings.length > 0);
    if (!news && clock.monotonicNow() - lookedAtMs < LOOK_EVERY_MS) return;
    lookedAtMs = clock.monotonicNow();
    sawReadings = readings.length > 0;
    const look = await set.look(meters, readings);
    // Folders that this look found make the next one differ, which costs one look more.
    lastMark = mark;
    found = look.allocation;
    running = look.jobs;
  }

  return {
    turn(meters, readings) {
      looking ??= lookIfDue(meters, readings).finally(() => {
        looking = null;
      });
    },
    take() {
      const taken = found;
      found = null;
      return taken;
    },
    settled: () => looking ?? Promise.resolve(),
    get running() {
      return running;
    },
    health: () => set.health(),
  };
}

/**
 * Folders of control groups tell their number of folders by their links, others change their time. Each second, so without
 * a detour over Node's threads: they lie in the kernel's memory.
 */
function markOf(folders: readonly string[]): string {
  return folders
    .map((folder) => {
      try {
        const { ino, nlink, mtimeMs } = statSync(folder);
        return `${ino}/${nlink}/${mtimeMs}`;
      } catch {
        return '-';
      }
    })
    .join();
}
