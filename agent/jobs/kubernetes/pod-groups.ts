/** Pods as the host sees them: their uids by the kubelet's log folders, their control groups by either driver. */
import { readdir } from 'node:fs/promises';
import { readTextOrEmpty } from '../../inventory/read-text.ts';
import { podUidOf } from '../cgroup-paths.ts';
import { foldersIn, processesBelow } from '../cgroup-tree.ts';
import { readEnviron } from '../environ.ts';

export interface PodLog {
  /** `namespace/name` */
  readonly pod: string;
  readonly uid: string;
}

/** The kubelet keeps `/var/log/pods/<namespace>_<name>_<uid>`, for a while also of pods that are gone. */
export async function podLogs(folder: string): Promise<PodLog[]> {
  // They lie on a disk, which may hang.
  const logs = await readdir(folder).catch(() => []);
  return logs.flatMap((log) => {
    const [namespace, name, uid] = log.split('_');
    return namespace && name && uid ? [{ pod: `${namespace}/${name}`, uid }] : [];
  });
}

/**
 * Folders of the pods' groups by uid: `kubepods.slice/…-pod<uid>.slice` (systemd) or `kubepods/…/pod<uid>` (cgroupfs),
 * straight in the hierarchy (version 2) or below the `cpu` controller (version 1). Guaranteed pods have no class between.
 */
export async function podGroups(sysRoot: string): Promise<Map<string, string>> {
  const groups = new Map<string, string>();
  for (const base of ['', '/cpu', '/cpu,cpuacct'])
    for (const root of [
      'kubepods.slice',
      'kubepods',
      'kubelet.slice/kubelet-kubepods.slice',
      'kubelet/kubepods',
    ]) {
      const folder = `${sysRoot}/fs/cgroup${base}/${root}`;
      for (const name of foldersIn(folder)) {
        const inClass = /(besteffort|burstable)(\.slice)?$/.test(name);
        const pods = inClass ? foldersIn(`${folder}/${name}`).map((pod) => `${name}/${pod}`) : [name];
        for (const pod of pods) {
          const uid = podUidOf(`/${pod}`);
          if (uid !== null && !groups.has(uid)) groups.set(uid, `${folder}/${pod}`);
        }
      }
    }
  return groups;
}

/** CPUs that the group may use, by its limit; null where it has none. Requests are told by no file that can be trusted. */
export async function limitCores(group: string): Promise<number | null> {
  const [quota, period] = (await readTextOrEmpty(`${group}/cpu.max`)).split(' ');
  const cores =
    period === undefined
      ? Number(await readTextOrEmpty(`${group}/cpu.cfs_quota_us`)) /
        Number(await readTextOrEmpty(`${group}/cpu.cfs_period_us`))
      : Number(quota) / Number(period);
  return Number.isFinite(cores) && cores > 0 ? cores : null;
}

export interface PodLabels {
  readonly user: string | null;
  readonly project: string | null;
  readonly phase: string | null;
}

/** What a pod says of itself in the environment of its processes. */
export async function labelsOfGroup(procRoot: string, group: string): Promise<PodLabels> {
  let labels: PodLabels = { user: null, project: null, phase: null };
  for (const { pid } of processesBelow(group)) {
    const environ = await readEnviron(procRoot, pid);
    if (!environ.ok) continue;
    const told = (name: string) => environ.variables.get(name) || null;
    labels = {
      user: labels.user ?? told('WATTSHED_USER'),
      project: labels.project ?? told('WATTSHED_PROJECT'),
      phase: labels.phase ?? told('WATTSHED_PHASE'),
    };
  }
  return labels;
}
