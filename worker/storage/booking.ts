/** All that booking reports needs to know, in one round trip; one more where a job is new. */
import { SEAL_AFTER_MS } from '../../shared/ledger/seal.ts';
import type { JobReport } from '../../shared/wire/ingest.ts';
import { type RegisteredJob, registerJobs, selectRegisteredJobs } from './jobs.ts';
import {
  type HourRow,
  hoursInDays,
  type StoredHour,
  selectDaysOf,
  selectStoredHours,
  storedHours,
} from './ledger-writes.ts';
import { type NodeDevice, selectNodeDevices } from './node-devices.ts';
import { parseNodeHourKey } from './node-hour-key.ts';

export interface BookingState {
  /** Of the node, in order of their numbers. */
  readonly devices: readonly NodeDevice[];
  /** By key; those that have no row yet are missing. */
  readonly hours: ReadonlyMap<number, StoredHour>;
  /** By job id. */
  readonly jobs: ReadonlyMap<string, RegisteredJob>;
}

/** Hours that are not as old have rows of their own: they may still change. */
const MAY_BE_IN_DAYS_MS = SEAL_AFTER_MS;

/** Reads the node's devices and the hours of these keys, and registers the jobs. */
export async function readForBooking(
  db: D1Database,
  nodeNumber: number,
  hourKeys: readonly number[],
  jobs: readonly JobReport[],
  nowMs: number,
): Promise<BookingState> {
  const old = hourKeys.filter((key) => parseNodeHourKey(key).hourStartMs < nowMs - MAY_BE_IN_DAYS_MS);
  // Of several that name a job the last one registers it.
  const byId = new Map(jobs.map((job) => [job.id, job]));
  const [devices, hours, ...others] = await db.batch<unknown>([
    selectNodeDevices(db, [nodeNumber]),
    selectStoredHours(db, hourKeys),
    ...(old.length === 0 ? [] : [selectDaysOf(db, old)]),
    ...(jobs.length === 0 ? [] : [selectRegisteredJobs(db, [...byId.keys()])]),
  ]);
  const days = old.length === 0 ? [] : others[0]!.results;
  const known = jobs.length === 0 ? [] : (others.at(-1)!.results as RegisteredJob[]);
  for (const { id } of known) byId.delete(id);
  const fresh = byId.size === 0 ? [] : await registerJobs(db, [...byId.values()], nowMs);
  return {
    devices: devices!.results as NodeDevice[],
    hours: storedHours(hours!.results as HourRow[], await hoursInDays(db, old, days)),
    jobs: new Map([...known, ...fresh].map((job) => [job.id, job])),
  };
}
