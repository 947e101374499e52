/** What `wattshed status` shows: written by the running agent, read without disturbing it. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MeterState } from '../../shared/metering/meter-state.ts';
import type { SensorHealth } from '../../shared/wire/ingest.ts';
import type { RunningJob } from '../jobs/job-set.ts';
import type { ShipStatus } from '../ship/shipper.ts';
import type { StoreStats } from '../store/durable-store.ts';

export interface AgentStatus {
  readonly pid: number;
  readonly agentVersion: string;
  readonly startedAtMs: number;
  readonly updatedAtMs: number;
  readonly url: string;
  readonly nodeId: string;
  readonly sensors: readonly SensorHealth[];
  /** Latest power of each device, where it is known. */
  readonly devices: readonly {
    readonly id: string;
    readonly name: string;
    readonly powerWatts: number | null;
  }[];
  /** Running now. */
  readonly jobs: readonly RunningJob[];
  readonly shipping: ShipStatus;
  readonly spool: StoreStats;
  readonly declaredGaps: number;
}

const NAME = 'status.json';

/**
 * Whole or not at all; not synced, since it says nothing that must survive. A disk that takes no writes is told of by the
 * store, and must not end the metering here.
 */
export function writeStatus(stateDir: string, status: object): void {
  const path = join(stateDir, NAME);
  try {
    writeFileSync(`${path}.new`, JSON.stringify(status), { mode: 0o600 });
    renameSync(`${path}.new`, path);
  } catch {
    // `wattshed status` sees that the file is old.
  }
}

/** As people count: `cpu-2` before `cpu-10`. Made once: `localeCompare` with options makes one for each comparison. */
const { compare: byNumber } = new Intl.Collator('en', { numeric: true });

/** Latest power of each device: its meters' samples together. */
export function devicesOf(state: MeterState): AgentStatus['devices'] {
  const devices = new Map<string, AgentStatus['devices'][number]>();
  for (const { deviceId, deviceName, power } of Object.values(state.streams)) {
    const before = devices.get(deviceId)?.powerWatts ?? null;
    const powerWatts = power === null ? before : (before ?? 0) + power.powerWatts;
    devices.set(deviceId, { id: deviceId, name: deviceName, powerWatts });
  }
  return [...devices.values()].sort((a, b) => byNumber(a.id, b.id));
}

/** Null where no agent has run on this directory yet. */
export function readStatus(stateDir: string): AgentStatus | null {
  const status = readStatusFile<Omit<AgentStatus, 'jobs'> & Partial<AgentStatus>>(stateDir);
  // An agent of before jobs were found wrote none.
  return status === null ? null : { ...status, jobs: status.jobs ?? [] };
}

/** What `writeStatus` wrote into the directory last; null where nothing was. */
export function readStatusFile<T>(directory: string): T | null {
  try {
    return JSON.parse(readFileSync(join(directory, NAME), 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** The writer writes every ten seconds; silent for longer, it hangs or is gone. */
const STALE_MS = 60_000;

export function isWriterAlive({ pid, updatedAtMs }: { pid: number; updatedAtMs: number }): boolean {
  return isAlive(pid) && Date.now() - updatedAtMs < STALE_MS;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Another user's process may not be signalled, but it is there.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
