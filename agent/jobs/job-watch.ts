/** When the agent looks at the jobs: beside the metering, never in its way. */
import { type Stats, statSync } from 'node:fs';
import { stat } from 'node:fs/promises';
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
  const marks = createMarks();
  /** The first look comes before the first reading, and so before any process is known. */
  let sawReadings = false;

  async function lookIfDue(meters: readonly Meter[], readings: readonly Reading[]): Promise<void> {
    const mark = marks.of(set.watched());
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
 * Control groups and what lies in `/run` or `/dev/shm`: the kernel answers for them from memory, and a detour over Node's threads, each
 * second, would cost ten times as much.
 */
const IN_MEMORY = /\/fs\/cgroup\/|^\/(run|dev\/shm)\//;

/**
 * What tells that a folder has changed: those of control groups by their links, which are their number of folders, others
 * by their time. The others may lie on a disk that hangs: they are asked in the background, one question at a time, and
 * what they said last stands.
 */
function createMarks() {
  const told = new Map<string, string>();
  const asked = new Set<string>();

  async function ask(folder: string): Promise<void> {
    if (asked.has(folder)) return;
    asked.add(folder);
    told.set(folder, await stat(folder).then(markOf, () => GONE));
    asked.delete(folder);
  }

  return {
    of: (folders: readonly string[]): string =>
      folders
        .map((folder) => {
          if (IN_MEMORY.test(folder)) return markNow(folder);
          void ask(folder);
          return told.get(folder) ?? GONE;
        })
        .join(),
  };
}

const GONE = '-';

function markNow(folder: string): string {
  try {
    return markOf(statSync(folder));
  } catch {
    return GONE;
  }
}

const markOf = ({ ino, nlink, mtimeMs }: Stats) => `${ino}/${nlink}/${mtimeMs}`;
