/** Which job a process belongs to, by the paths of its control groups (`/proc/PID/cgroup`). */

export type GroupOwner =
  | { readonly scheduler: 'slurm'; readonly job: string }
  | { readonly scheduler: 'k8s'; readonly podUid: string }
  | { readonly scheduler: 'docker'; readonly container: string };

/** `slurm`, `slurm_node1`, `slurmstepd.scope` and `node1_slurmstepd.scope`, then the job. */
const SLURM_JOB = /\/(?:[^/]*_)?slurm[^/]*\/(?:[^/]*\/)*?job_(\d+)(?:\/|$)/;

/** `kubepods-burstable-pod<uid>.slice` of the systemd driver, with `_` for `-`, and `kubepods/burstable/pod<uid>` of cgroupfs. */
const POD =
  /(?:^|[/-])pod([0-9a-f]{8}[_-][0-9a-f]{4}[_-][0-9a-f]{4}[_-][0-9a-f]{4}[_-][0-9a-f]{12}|[0-9a-f]{32})(?:\.slice|\/|$)/;

const DOCKER = /\/(?:docker-([0-9a-f]{64})\.scope|docker\/([0-9a-f]{64}))(?:\/|$)/;

/** Null: no job that is known here, such as a login session. The innermost owner counts: Slurm within a pod is Slurm's. */
export function ownerOfProcess(cgroupFile: string): GroupOwner | null {
  // `hierarchy:controllers:path`; on version 1 some controllers are left to the login session.
  const paths = cgroupFile
    .split('\n')
    .map((line) => /^\d+:[^:]*:(.*)$/.exec(line.trim())?.[1])
    .filter((path) => path !== undefined);
  for (const ownerOf of [slurmOwner, podOwner, dockerOwner])
    for (const path of paths) {
      const owner = ownerOf(path);
      if (owner !== null) return owner;
    }
  return null;
}

function slurmOwner(path: string): GroupOwner | null {
  const job = SLURM_JOB.exec(path)?.[1];
  return job === undefined ? null : { scheduler: 'slurm', job };
}

function podOwner(path: string): GroupOwner | null {
  const podUid = podUidOf(path);
  return podUid === null ? null : { scheduler: 'k8s', podUid };
}

/** The pod's uid in the path or name of its group, with dashes. */
export function podUidOf(path: string): string | null {
  return POD.exec(path)?.[1]?.replaceAll('_', '-') ?? null;
}

function dockerOwner(path: string): GroupOwner | null {
  const found = DOCKER.exec(path);
  const container = found?.[1] ?? found?.[2];
  return container === undefined ? null : { scheduler: 'docker', container };
}
