/** Every source of jobs: found, absent or forbidden, and the jobs whose devices nobody tells. */
import type { JobsOnce } from '../jobs/once.ts';
import type { Check } from './check.ts';

const SAID = {
  ready: 'found',
  standby: 'standing by',
  absent: 'absent',
  noData: 'forbidden',
  failed: 'failed',
} as const;

export function jobChecks({ jobSources, jobs }: JobsOnce): Check[] {
  const checks = jobSources.map(({ sensor, state, detail, fix }): Check => {
    const needsHand = state === 'noData' || state === 'failed' || (state === 'ready' && fix !== undefined);
    return {
      area: 'jobs',
      name: sensor.replace(/^jobs: /, ''),
      result: needsHand ? 'problem' : state === 'ready' ? 'ok' : 'note',
      detail: `${SAID[state]}: ${detail}`,
      ...(fix === undefined ? {} : { fix }),
    };
  });
  const unknown = jobs.filter(({ gpus, attribution }) => gpus === null || attribution === 'processes');
  if (unknown.length > 0)
    checks.push({
      area: 'jobs',
      name: 'allocation',
      result: 'problem',
      detail: `nobody tells which GPUs ${unknown.length === 1 ? unknown[0]!.id : `${unknown.length} jobs`} may use: only processes that are seen on a GPU are theirs, and nothing counts as idle`,
      fix: 'let the scheduler write a file for each job, as docs/jobs.md shows',
    });
  return checks;
}
