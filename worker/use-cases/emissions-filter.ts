/** Which nodes, places and jobs an answer is about. */
import { gpuModel, type JobRequest, NO_GROUP, PLACE_KEYS } from '../../shared/emissions/join.ts';
import type { JoinNode } from '../../shared/emissions/join-node.ts';
import { IDLE, JOB_KEYS, type JobFacts, jobValue, UNATTRIBUTED } from '../../shared/emissions/owners.ts';
import type { RollupGroup } from '../../shared/rollup/roll-up.ts';
import type { Place } from '../../shared/settings/place.ts';
import { type FilterTerm, parseFilter } from '../http/filter.ts';
import { ok, type Result } from '../http/problem.ts';
import type { FleetNode } from '../storage/fleet.ts';

const FILTER_KEYS = [...PLACE_KEYS, ...JOB_KEYS] as const;
export type Term = FilterTerm<(typeof FILTER_KEYS)[number]>;

/** @param project one more term, whose name may hold what a filter cannot. Problem: `invalid_parameter`. */
export function emissionsFilter(text: string | undefined, project?: string): Result<Term[]> {
  const terms = parseFilter(text, FILTER_KEYS);
  if (!terms.ok || project === undefined) return terms;
  return ok([...terms.value, { key: 'project', label: '', value: project }]);
}

export function acceptsNode(node: FleetNode, terms: readonly Term[]): boolean {
  return terms.every(({ key, label, value }) => {
    if (key === 'node') return node.id === value;
    return key !== 'label' || node.labels[label] === value;
  });
}

export function acceptsPlace(node: JoinNode, place: Place, terms: readonly Term[]): boolean {
  const { siteId } = place;
  return acceptsZone(place, terms) && acceptsGroup({ siteId, gpuModel: gpuModel(node) }, terms);
}

export function acceptsZone({ gridZone }: Place, terms: readonly Term[]): boolean {
  return terms.every(({ key, value }) => key !== 'gridZone' || (gridZone ?? NO_GROUP) === value);
}

export function acceptsGroup({ siteId, gpuModel: model }: RollupGroup, terms: readonly Term[]): boolean {
  return terms.every(({ key, value }) => {
    if (key === 'site') return (siteId ?? NO_GROUP) === value;
    return key !== 'gpuModel' || (model ?? NO_GROUP) === value;
  });
}

/**
 * What the terms say of jobs. `job:idle` and `job:unattributed` are what was in no job.
 * @param only where given, nothing but these jobs
 * @param withinProjects null, or the only projects of which anything is told
 */
export function acceptsJobs(
  terms: readonly Term[],
  only: readonly number[] | undefined,
  withinProjects: readonly string[] | null,
): Omit<JobRequest, 'jobOf'> & { readonly all: boolean } {
  const ofJobs = terms.flatMap(({ key, value }) => {
    const jobKey = JOB_KEYS.find((each) => each === key);
    return jobKey === undefined ? [] : [{ jobKey, value }];
  });
  return {
    all: ofJobs.length === 0 && only === undefined && withinProjects === null,
    acceptsJob: (job: JobFacts) =>
      (only === undefined || only.includes(job.number)) &&
      isWithin(job, withinProjects) &&
      ofJobs.every(({ jobKey, value }) => (jobValue(job, jobKey) ?? NO_GROUP) === value),
    acceptsOwner: ({ kind, key: owner }) =>
      kind === 'job' ||
      (only === undefined &&
        withinProjects === null &&
        ofJobs.every(({ jobKey, value }) => jobKey === 'job' && value === owner)),
  };
}

/** The one job that the terms ask for, if they do. */
export function onlyJob(terms: readonly Term[]): string | null {
  const term = terms.find(
    ({ key, value }) => key === 'job' && value !== IDLE.key && value !== UNATTRIBUTED.key,
  );
  return term?.value ?? null;
}

/** Whether a caller that is bound to these projects (null: to none) may see the job. */
export function isWithin(
  { project }: Pick<JobFacts, 'project'>,
  projects: readonly string[] | null,
): boolean {
  return projects === null || (project !== null && projects.includes(project));
}
