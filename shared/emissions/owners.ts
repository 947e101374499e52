/**
 * Whose a share of a node's time is: of jobs (one, or those of one project, phase or user), proven idle, or nobody's that
 * is known. The owners of a node share everything it has, so they sum to it.
 */

/** What the server knows of a job; null where nobody said. */
export interface JobFacts {
  readonly number: number;
  readonly id: string;
  readonly project: string | null;
  readonly user: string | null;
  readonly phase: string | null;
}

/** What is said of a job. */
export const JOB_WORDS = ['project', 'user', 'phase'] as const;
export const JOB_KEYS = ['job', 'project', 'phase', 'user'] as const;
export type JobKey = (typeof JOB_KEYS)[number];

export interface Owner {
  readonly kind: 'whole' | 'job' | 'idle' | 'unattributed';
  readonly key: string;
}

/** Everything of the node, where it is not asked whose it is. */
export const WHOLE: Owner = { kind: 'whole', key: '' };
export const IDLE: Owner = { kind: 'idle', key: 'idle' };
export const UNATTRIBUTED: Owner = { kind: 'unattributed', key: 'unattributed' };
/** Jobs that are not asked for. */
export const OTHER_JOBS: Owner = { kind: 'job', key: '' };

/** The value of a job under one of its keys; null where nobody said. */
export function jobValue(job: JobFacts, key: JobKey): string | null {
  return key === 'job' ? job.id : job[key];
}
