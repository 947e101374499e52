/** All that booking reports needs to know, in one round trip. */
import type { JobReport } from '../../shared/wire/ingest.ts';
import { type RegisteredJob, registerJobs } from './jobs.ts';
import { type HourRow, type StoredHour, selectStoredHours, storedHours } from './ledger-writes.ts';
import { type NodeDevice, selectNodeDevices } from './node-devices.ts';

export interface BookingState {
  /** Of the node, in order of their numbers. */
  readonly devices: readonly NodeDevice[];
  /** By key; those that have no row yet are missing. */
  readonly hours: ReadonlyMap<number, StoredHour>;
  /** By job id. */
  readonly jobs: ReadonlyMap<string, RegisteredJob>;
}

/** Reads the node's devices and the hours of these keys, and registers the jobs. */
export async function readForBooking(
  db: D1Database,
  nodeNumber: number,
  hourKeys: readonly number[],
  jobs: readonly JobReport[],
  nowMs: number,
): Promise<BookingState> {
  const answers = await db.batch<unknown>([
    selectNodeDevices(db, [nodeNumber]),
    selectStoredHours(db, hourKeys),
    ...(jobs.length === 0 ? [] : registerJobs(db, jobs, nowMs)),
  ]);
  const [devices, hours] = answers;
  const registered = jobs.length === 0 ? [] : (answers.at(-1)!.results as RegisteredJob[]);
  return {
    devices: devices!.results as NodeDevice[],
    hours: storedHours(hours!.results as HourRow[]),
    jobs: new Map(registered.map((job) => [job.id, job])),
  };
}
