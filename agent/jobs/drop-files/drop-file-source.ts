/** A folder with one JSON file per running job, for schedulers that can run a script when a job starts and ends. */
import { readdir, readFile, stat } from 'node:fs/promises';
import type { Clock } from '../../clock.ts';
import { errnoOf } from '../../inventory/read-text.ts';
import type { Outcome } from '../../sensors/sensor.ts';
import {
  counted,
  type JobSighting,
  type JobSource,
  MAX_JOBS_PER_SOURCE,
  type Sightings,
  slurmGpu,
} from '../job-source.ts';
import { wholeJobs } from '../whole-jobs.ts';
import { DropFileError, parseDropFile } from './parse-drop-file.ts';

const MAX_BYTES = 16_384;
/** An epilog may come late; a file that outlives its job by more was forgotten. */
const GRACE_SECONDS = 600;
/** Told by name; the rest by number. */
const MAX_PROBLEMS = 3;

export interface DropFileOptions {
  readonly folder: string;
  readonly clock: Pick<Clock, 'wallNow'>;
}

export function createDropFileSource({ folder, clock }: DropFileOptions): JobSource {
  /** What a file said; it is read again when it has changed. By path. */
  const known = new Map<string, { readonly mark: string; readonly text: string }>();

  return {
    name: 'drop-files',
    watched: [folder],

    async look(): Promise<Outcome<Sightings>> {
      let names: string[];
      try {
        names = (await readdir(folder))
          .filter((name) => name.endsWith('.json') && !name.startsWith('.'))
          .sort();
      } catch (error) {
        const code = errnoOf(error);
        if (code === 'ENOENT') return { state: 'absent', detail: `no folder ${folder}` };
        return { state: 'noData', detail: `${folder} cannot be read (${code})`, fix: `chmod 755 ${folder}` };
      }
      const seen: JobSighting[] = [];
      const problems: string[] = [];
      for (const path of known.keys())
        if (!names.some((name) => path === `${folder}/${name}`)) known.delete(path);
      for (const name of names.slice(0, MAX_JOBS_PER_SOURCE)) {
        const read = await readOne(`${folder}/${name}`);
        if (typeof read === 'string') problems.push(`${name} ${read}`);
        else if (read !== null) seen.push(read);
      }
      if (names.length > MAX_JOBS_PER_SOURCE)
        problems.push(
          `${names.length - MAX_JOBS_PER_SOURCE} files beyond the first ${MAX_JOBS_PER_SOURCE} are not read`,
        );
      const jobs = wholeJobs(seen);
      const detail = [`${counted(jobs.length, 'job')} in ${folder}`, ...listed(problems)].join('; ');
      const fix =
        problems.length > 0
          ? { fix: `mend or remove these files in ${folder}; docs/jobs.md has the fields` }
          : {};
      return { state: 'ready', value: { jobs, vouches: false, ...fix }, detail };
    },
  };

  async function textOf(path: string, mark: string): Promise<string> {
    const before = known.get(path);
    if (before?.mark === mark) return before.text;
    const text = await readFile(path, 'utf8');
    known.set(path, { mark, text });
    return text;
  }

  /** @returns what is wrong with it, or the job; null where it went meanwhile */
  async function readOne(path: string): Promise<JobSighting | string | null> {
    try {
      const { size, ino, mtimeMs } = await stat(path);
      if (size > MAX_BYTES) return `is longer than ${MAX_BYTES} bytes`;
      const { until, ...job } = parseDropFile(await textOf(path, `${ino}/${size}/${mtimeMs}`));
      if (until !== null && clock.wallNow() / 1000 > until + GRACE_SECONDS)
        return 'is left over: its "until" has passed; did the epilog run?';
      const gpus = job.scheduler === 'slurm' ? (job.gpus?.map(slurmGpu) ?? null) : job.gpus;
      return { ...job, gpus, owners: [job.job], incarnation: `${ino}/${Math.round(mtimeMs)}` };
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return null;
      return error instanceof DropFileError ? error.message : `cannot be read (${errnoOf(error)})`;
    }
  }
}

function listed(problems: readonly string[]): string[] {
  if (problems.length <= MAX_PROBLEMS) return [...problems];
  return [...problems.slice(0, MAX_PROBLEMS), `${problems.length - MAX_PROBLEMS} more like these`];
}
