import { expect, test } from 'vitest';
import { jobChecks } from '../../../agent/doctor/job-checks.ts';
import type { RunningJob } from '../../../agent/jobs/job-set.ts';
import { SENSOR_STATES } from '../../../shared/wire/ingest.ts';

const job = (changes: Partial<RunningJob>): RunningJob => ({
  id: 'slurm:c:1',
  user: null,
  project: null,
  phase: null,
  gpus: [],
  cores: null,
  attribution: 'allocation',
  ...changes,
});

test('each source by its state; one that works but is missing something needs a hand as well', () => {
  const jobSources = SENSOR_STATES.map((state) => ({ sensor: `jobs: ${state}`, state, detail: 'so' }));
  const partly = { sensor: 'jobs: slurm', state: 'ready' as const, detail: 'so', fix: 'do this' };
  const checks = jobChecks({ jobSources: [...jobSources, partly], jobs: [job({})] });
  expect(checks.map(({ name, result, detail }) => [name, result, detail])).toEqual([
    ['ready', 'ok', 'found: so'],
    ['standby', 'note', 'standing by: so'],
    ['absent', 'note', 'absent: so'],
    ['noData', 'problem', 'forbidden: so'],
    ['failed', 'problem', 'failed: so'],
    ['slurm', 'problem', 'found: so'],
  ]);
  expect(checks.at(-1)!.fix).toBe('do this');
});

test.each([
  ['one whose GPUs nobody tells', [job({ gpus: null })], /which GPUs slurm:c:1 may use/],
  [
    'several that only their processes tell of',
    [job({ attribution: 'processes' }), job({ gpus: null })],
    /which GPUs 2 jobs may use/,
  ],
])('%s is told, with what mends it', (_, jobs, detail) => {
  expect(jobChecks({ jobSources: [], jobs })).toMatchObject([
    {
      name: 'allocation',
      result: 'problem',
      detail: expect.stringMatching(detail),
      fix: expect.stringContaining('docs/jobs.md'),
    },
  ]);
});
