/** For how long the parts of a node were allocated to jobs: the active hours of the study of BLOOM. */
import type { TimeSpan } from '../../shared/emissions/presence.ts';
import { DAY_MS, WINDOW_MS } from '../../shared/time/window.ts';
import { fail, ok, type Result } from '../http/problem.ts';
import { readHoursAsKnown } from '../storage/ledger-revisions.ts';
import { readNodeDevices } from '../storage/node-devices.ts';
import type { StoredPart } from '../storage/parts.ts';

export interface ActiveTime {
  /** Milliseconds; of a part that is no GPU those of the host. */
  of(part: Pick<StoredPart, 'id' | 'type'>): number;
}

/** A year of one node. */
const MAX_DAYS = 366;

/**
 * A GPU is active while it is allocated to a job. The host goes with its GPUs, as node-hours are GPU-hours over the GPUs of
 * a node; without GPUs it goes with its CPUs. Problem: `range_too_long`.
 */
export async function readActiveTime(
  db: D1Database,
  nodeNumber: number,
  parts: readonly StoredPart[],
  { fromMs, toMs }: TimeSpan,
  knownAtMs: number,
): Promise<Result<ActiveTime>> {
  if (toMs - fromMs > MAX_DAYS * DAY_MS)
    return fail(
      'range_too_long',
      `embodiedMethod=activeHours reads the hours of at most ${MAX_DAYS} days; ask with from and to.`,
      'from',
    );
  const devices = await readNodeDevices(db, [nodeNumber]);
  const byIndex = new Map<number, number>();
  for (const { hourStartMs, ledger } of await readHoursAsKnown(
    db,
    { nodeNumbers: [nodeNumber], fromMs, toMs },
    knownAtMs,
  ))
    ledger.windows.forEach((epochs, i) => {
      const startMs = hourStartMs + i * WINDOW_MS;
      if (startMs < fromMs || startMs >= toMs) return;
      const shares = epochs.flatMap(({ jobShares }) => jobShares);
      for (const deviceIndex of new Set(shares.map((share) => share.deviceIndex))) {
        const allocatedMs = shares
          .filter((share) => share.deviceIndex === deviceIndex)
          .reduce((sum, share) => sum + share.allocatedMilliseconds, 0);
        // Jobs that share a device have it at once.
        byIndex.set(deviceIndex, (byIndex.get(deviceIndex) ?? 0) + Math.min(allocatedMs, WINDOW_MS));
      }
    });
  const byId = new Map(devices.map(({ id, deviceIndex }) => [id, byIndex.get(deviceIndex) ?? 0]));
  const serving = parts.filter(
    ({ inServiceMs, outOfServiceMs }) => inServiceMs < toMs && (outOfServiceMs ?? toMs) > fromMs,
  );
  const carriers =
    ['gpu', 'cpu'].map((type) => serving.filter((part) => part.type === type)).find((of) => of.length > 0) ??
    [];
  const hostMs =
    carriers.reduce((sum, { id }) => sum + (byId.get(id) ?? 0), 0) / Math.max(1, carriers.length);
  return ok({ of: ({ id, type }) => (type === 'gpu' ? (byId.get(id) ?? 0) : hostMs) });
}
