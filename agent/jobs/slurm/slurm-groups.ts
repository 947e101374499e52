/** The jobs that a node's slurmd runs, by their control groups: version 2 under systemd, version 1, several slurmd on a host. */
import { countOfList, foldersIn, groupText, identityOf } from '../cgroup-tree.ts';

/** A job under one slurmd: several of a host may each run a part of it. */
export interface SlurmGroup {
  readonly job: string;
  /** Where its processes are listed. */
  readonly folder: string;
  readonly incarnation: string;
  /** Device files of GPUs that it may open; null where that is not limited, or not to be seen (version 2). */
  readonly minors: readonly number[] | null;
  readonly cores: number | null;
}

export interface SlurmGroups {
  /** Folders in which jobs come and go; none where no slurmd runs. */
  readonly scopes: readonly string[];
  readonly jobs: readonly SlurmGroup[];
}

/** `slurmstepd.scope`, and `<node>_slurmstepd.scope` with several slurmd. */
const SCOPE = /^(.*_)?slurmstepd\.scope$/;
/** `slurm`, and `slurm_<node>`. */
const V1_ROOT = /^slurm(_.*)?$/;
const JOB = /^job_(\d+)$/;
/** Sites limit by different ones: the first that knows a job lists its processes. */
const V1_CONTROLLERS = ['devices', 'cpuset', 'memory', 'freezer', 'cpu,cpuacct', 'cpuacct', 'cpu'];

/** Character devices of the NVIDIA driver; 255 and 254 are its control files. */
const NVIDIA_MAJOR = 195;
const FIRST_CONTROL_MINOR = 250;

export function findSlurmGroups(sysRoot: string): SlurmGroups {
  const root = `${sysRoot}/fs/cgroup`;
  const [unified, legacy] = [version2(root), version1(root)];
  return { scopes: [...unified.scopes, ...legacy.scopes], jobs: [...unified.jobs, ...legacy.jobs] };
}

function version2(root: string): SlurmGroups {
  const slice = `${root}/system.slice`;
  const scopes = foldersIn(slice)
    .filter((name) => SCOPE.test(name))
    .map((name) => `${slice}/${name}`);
  const jobs: SlurmGroup[] = [];
  for (const scope of scopes)
    for (const { job, folder } of jobsIn(scope))
      jobs.push({
        job,
        folder,
        incarnation: identityOf(folder),
        minors: null,
        cores: countOfList(groupText(`${folder}/cpuset.cpus`)),
      });
  return { scopes, jobs };
}

function version1(root: string): SlurmGroups {
  const scopes: string[] = [];
  /** By slurmd and job: controllers repeat a job, another slurmd gives it more. */
  const byJob = new Map<string, SlurmGroup>();
  for (const controller of V1_CONTROLLERS) {
    const slurmRoots = foldersIn(`${root}/${controller}`).filter((name) => V1_ROOT.test(name));
    for (const slurmd of slurmRoots) {
      const slurmRoot = `${root}/${controller}/${slurmd}`;
      // Where no job runs the users' folders may be gone as well.
      scopes.push(slurmRoot);
      const users = foldersIn(slurmRoot).filter((name) => name.startsWith('uid_'));
      for (const user of users.map((name) => `${slurmRoot}/${name}`)) {
        scopes.push(user);
        for (const { job, folder } of jobsIn(user)) {
          const key = `${slurmd}/${job}`;
          const known = byJob.get(key) ?? {
            job,
            folder,
            incarnation: identityOf(folder),
            minors: null,
            cores: null,
          };
          byJob.set(key, {
            ...known,
            minors: known.minors ?? nvidiaMinors(groupText(`${folder}/devices.list`)),
            cores: known.cores ?? countOfList(groupText(`${folder}/cpuset.cpus`)),
          });
        }
      }
    }
  }
  return { scopes, jobs: [...byJob.values()] };
}

function jobsIn(parent: string): { job: string; folder: string }[] {
  return foldersIn(parent).flatMap((name) => {
    const job = JOB.exec(name)?.[1];
    return job === undefined ? [] : [{ job, folder: `${parent}/${name}` }];
  });
}

/** Lines such as `c 195:3 rwm`; `a *:* rwm` allows all. Null where devices are not limited by this. */
function nvidiaMinors(devicesList: string): number[] | null {
  const lines = devicesList.split('\n').filter((line) => line !== '');
  if (lines.length === 0 || lines.some((line) => /^[ac] (\*|195):\*/.test(line))) return null;
  return lines
    .map((line) => /^c (\d+):(\d+) /.exec(line))
    .filter((found) => found !== null && Number(found[1]) === NVIDIA_MAJOR)
    .map((found) => Number(found![2]))
    .filter((minor) => minor < FIRST_CONTROL_MINOR);
}
