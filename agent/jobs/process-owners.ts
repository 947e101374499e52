/** Which jobs the processes on the GPUs belong to: for GPUs that are shared, and for those that nobody allocated. */
import type { Meter, Reading } from '../../shared/metering/reading.ts';
import type { HostPaths } from '../inventory/host-paths.ts';
import { ownerOfProcess } from './cgroup-paths.ts';
import { groupText } from './cgroup-tree.ts';

export interface SeenProcess {
  readonly deviceId: string;
  /** `<scheduler>:<job>`, as sightings are keyed; a pod by its uid and a container by its id. */
  readonly owner: string;
  /** 0..1; null where it is not known. */
  readonly usedRatio: number | null;
}

/** Processes in no job are left out. */
export function seenProcesses(
  { procRoot }: HostPaths,
  meters: readonly Meter[],
  readings: readonly Reading[],
): SeenProcess[] {
  const deviceOf = new Map(meters.map((meter) => [meter.id, meter.deviceId]));
  const seen: SeenProcess[] = [];
  for (const { meterId, processes = [] } of readings)
    for (const { pid, usedRatio } of processes) {
      const owner = ownerOfProcess(groupText(`${procRoot}/${pid}/cgroup`));
      const deviceId = deviceOf.get(meterId);
      if (owner === null || deviceId === undefined) continue;
      const name =
        owner.scheduler === 'slurm' ? owner.job : owner.scheduler === 'k8s' ? owner.podUid : owner.container;
      seen.push({ deviceId, owner: `${owner.scheduler}:${name}`, usedRatio });
    }
  return seen;
}
