/** The pods of a Kubernetes node, by the kubelet's own list of the devices that it gave out. */
import type { HostPaths } from '../../inventory/host-paths.ts';
import { errnoOf } from '../../inventory/read-text.ts';
import type { Outcome } from '../../sensors/sensor.ts';
import {
  counted,
  type JobSighting,
  type JobSource,
  MAX_JOBS_PER_SOURCE,
  type Sightings,
} from '../job-source.ts';
import { socketIsThere } from '../socket-is-there.ts';
import { callGrpc } from './grpc-call.ts';
import { labelsOfGroup, limitCores, type PodLabels, podGroups, podLogs } from './pod-groups.ts';
import { type PodResources, parsePodResources } from './pod-resources.ts';

const LIST = '/v1.PodResourcesLister/List';
const PATIENCE_MS = 1_500;

/** Resources of the device plugins whose ids name GPUs. */
const GPU_RESOURCE = /^(nvidia\.com\/(gpu|mig-)|amd\.com\/gpu|gpu\.intel\.com\/|habana\.ai\/gaudi)/;

export interface KubeletOptions {
  readonly paths: HostPaths;
  /** Of the kubelet's pod resources. */
  readonly socket: string;
  /** Where the kubelet keeps its pods' logs. */
  readonly podLogFolder: string;
}

export function createKubeletSource({ paths, socket, podLogFolder }: KubeletOptions): JobSource {
  /** A kubelet has answered: only then its folders say anything. */
  let seen = false;
  /** Read once per pod: its processes keep what they were started with. By uid. */
  const labels = new Map<string, PodLabels>();

  async function sightingOf(pod: PodResources, uid: string, group: string | undefined): Promise<JobSighting> {
    const gpus = pod.devices.filter(({ resource }) => GPU_RESOURCE.test(resource)).flatMap(({ ids }) => ids);
    const own = labels.get(uid) ?? (group === undefined ? null : await labelsOfGroup(paths.procRoot, group));
    if (own !== null && uid !== '' && Object.values(own).some((label) => label !== null))
      labels.set(uid, own);
    return {
      scheduler: 'k8s',
      job: `${pod.namespace}/${pod.name}`,
      restart: null,
      cluster: null,
      incarnation: uid,
      owners: [uid],
      user: own?.user ?? null,
      project: own?.project ?? pod.namespace,
      phase: own?.phase ?? null,
      gpus: pod.hasDynamicResources ? null : gpus,
      cores: pod.exclusiveCpus || (group === undefined ? null : await limitCores(group)),
    };
  }

  return {
    name: 'kubernetes',
    get watched() {
      return seen ? [podLogFolder] : [];
    },

    async look(): Promise<Outcome<Sightings>> {
      if (!socketIsThere(socket)) return { state: 'absent', detail: `no kubelet socket ${socket}` };
      let pods: PodResources[];
      try {
        pods = parsePodResources(await callGrpc(socket, LIST, PATIENCE_MS));
        seen = true;
      } catch (error) {
        const code = errnoOf(error);
        if (code === 'EACCES' || code === 'EPERM') return forbidden(code);
        return {
          state: 'failed',
          detail: `the kubelet does not answer on ${socket}: ${(error as Error).message}`,
        };
      }
      const [logs, groups] = [await podLogs(podLogFolder), await podGroups(paths.sysRoot)];
      for (const uid of labels.keys()) if (!groups.has(uid)) labels.delete(uid);
      const jobs: JobSighting[] = [];
      for (const pod of pods.slice(0, MAX_JOBS_PER_SOURCE)) {
        const uids = logs.filter((log) => log.pod === `${pod.namespace}/${pod.name}`).map((log) => log.uid);
        const uid = uids.find((one) => groups.has(one)) ?? uids.at(-1) ?? '';
        jobs.push(await sightingOf(pod, uid, groups.get(uid)));
      }
      const dynamic = pods.filter((pod) => pod.hasDynamicResources).length;
      const detail = [
        `${counted(pods.length, 'pod')} by the kubelet`,
        ...(dynamic > 0 ? [`${dynamic} hold devices by claims (DRA), which are not read`] : []),
        ...(pods.length > MAX_JOBS_PER_SOURCE ? [`only the first ${MAX_JOBS_PER_SOURCE} are looked at`] : []),
      ].join('; ');
      return { state: 'ready', value: { jobs, vouches: pods.length <= MAX_JOBS_PER_SOURCE }, detail };
    },
  };

  function forbidden(code: string): Outcome<never> {
    return {
      state: 'noData',
      detail: `the kubelet socket ${socket} may not be opened (${code})`,
      fix: `run the agent as root, as the DaemonSet does, or: setfacl -m u:wattshed:x ${socket.slice(0, socket.lastIndexOf('/'))} && setfacl -m u:wattshed:rw ${socket}`,
    };
  }
}
