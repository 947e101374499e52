/** Which group a share of a node belongs to. */

import type { Place } from '../settings/place.ts';
import type { JoinNode } from './join-node.ts';
import { JOB_KEYS, type JobFacts, type JobKey, jobValue, OTHER_JOBS, type Owner } from './owners.ts';

export const PLACE_KEYS = ['node', 'gridZone', 'site', 'gpuModel'] as const;
export const GROUP_KEYS = [...PLACE_KEYS, ...JOB_KEYS] as const;
export type GroupKey = (typeof GROUP_KEYS)[number];

/** Key of what belongs to none. */
export const NO_GROUP = 'none';

/** What is asked of jobs: groups by one of their values, or only some of them. */
export interface JobRequest {
  /** Asked for every job of the hours that are added. */
  readonly jobOf: (jobNumber: number) => JobFacts;
  readonly acceptsJob: (job: JobFacts) => boolean;
  /** Whether energy and hardware that was in no job is wanted too. */
  readonly acceptsOwner: (owner: Owner) => boolean;
}

export interface GroupName {
  readonly key: string;
  readonly label: string;
  /** In groups by what jobs are: whether it is jobs, proven idle or nobody's. Null in others. */
  readonly owner: 'job' | 'idle' | 'unattributed' | null;
}

export function groupOf(
  groupBy: GroupKey,
  node: Pick<JoinNode, 'id' | 'hostname'>,
  gpuModel: string | null,
  place: Place,
  owner: Owner,
): GroupName {
  const same = (key: string | null) => ({ key: key ?? NO_GROUP, label: key ?? NO_GROUP, owner: null });
  switch (groupBy) {
    case 'node':
      return { key: node.id, label: node.hostname, owner: null };
    case 'gridZone':
      return same(place.gridZone);
    case 'site':
      return same(place.siteId);
    case 'gpuModel':
      return same(gpuModel);
    default:
      return { key: owner.key, label: owner.key, owner: owner.kind === 'whole' ? null : owner.kind };
  }
}

export interface JobOwners {
  readonly ofNumber: (jobNumber: number) => Owner;
  readonly ofJob: (job: JobFacts) => Owner;
}

/** One owner for each value of the key that groups, or for all jobs together; those that are not accepted have none. */
export function jobOwners({ jobOf, acceptsJob }: JobRequest, key: JobKey | null): JobOwners {
  const byValue = new Map<string, Owner>();
  const byNumber = new Map<number, Owner>();
  const ofJob = (job: JobFacts): Owner => {
    if (!acceptsJob(job)) return OTHER_JOBS;
    const value = key === null ? '' : (jobValue(job, key) ?? NO_GROUP);
    const owner = byValue.get(value) ?? { kind: 'job', key: value };
    byValue.set(value, owner);
    return owner;
  };
  const ofNumber = (jobNumber: number) => {
    const owner = byNumber.get(jobNumber) ?? ofJob(jobOf(jobNumber));
    byNumber.set(jobNumber, owner);
    return owner;
  };
  return { ofNumber, ofJob };
}
