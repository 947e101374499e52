/** One running job as a file: what a prolog, a launcher or a person writes into the folder of jobs. */
import { gpuList, MAX_GPU_NAMES } from '../gpu-list.ts';
import { ID_PART, ID_RULE } from '../job-source.ts';

export interface DropFile {
  readonly scheduler: string;
  readonly cluster: string | null;
  readonly job: string;
  readonly restart: string | null;
  readonly user: string | null;
  readonly project: string | null;
  readonly phase: string | null;
  readonly gpus: readonly string[] | null;
  readonly cores: number | null;
  /** Unix seconds after which the job has ended, whether the file is gone or not. */
  readonly until: number | null;
}

/** The message names the field and what would be right. */
export class DropFileError extends Error {}

const FIELDS = [
  'scheduler',
  'cluster',
  'job',
  'restart',
  'user',
  'project',
  'phase',
  'gpus',
  'cores',
  'until',
];

/** @throws DropFileError */
export function parseDropFile(text: string): DropFile {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new DropFileError(`is not valid JSON: ${(error as SyntaxError).message}`);
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw new DropFileError('must hold one JSON object');
  const fields = parsed as Readonly<Record<string, unknown>>;
  const odd = Object.keys(fields).find((name) => !FIELDS.includes(name));
  if (odd !== undefined) throw new DropFileError(`"${odd}" is no field; there are ${FIELDS.join(', ')}`);
  const job = idPart(fields, 'job');
  if (job === null) throw new DropFileError('"job" is missing: the job\u2019s number or name');
  return {
    scheduler: idPart(fields, 'scheduler') ?? 'job',
    cluster: idPart(fields, 'cluster'),
    job,
    restart: idPart(fields, 'restart'),
    user: label(fields, 'user', 256),
    project: label(fields, 'project', 256),
    phase: label(fields, 'phase', 64),
    gpus: gpuNames(fields),
    cores: whole(fields, 'cores', 65_536),
    until: whole(fields, 'until', 2 ** 40),
  };
}

type Fields = Readonly<Record<string, unknown>>;

/** A text or a whole number; empty counts as left out, which is what a shell writes for an unset variable. */
function scalar(fields: Fields, name: string): string | null {
  const value = fields[name];
  if (value === undefined || value === null || value === '') return null;
  if (typeof value === 'string') return value;
  if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value);
  throw new DropFileError(`"${name}" must be a text`);
}

function idPart(fields: Fields, name: string): string | null {
  const value = scalar(fields, name);
  if (value !== null && !ID_PART.test(value)) throw new DropFileError(`"${name}" ${ID_RULE}`);
  return value;
}

function label(fields: Fields, name: string, most: number): string | null {
  const value = scalar(fields, name);
  if (value !== null && value.length > most)
    throw new DropFileError(`"${name}" must be at most ${most} characters long`);
  return value;
}

function whole(fields: Fields, name: string, most: number): number | null {
  const text = scalar(fields, name);
  if (text === null) return null;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0 || value > most)
    throw new DropFileError(`"${name}" must be a whole number from 0 to ${most}`);
  return value;
}

/** `"all"`, a list such as `["0", "GPU-…"]`, or one text with commas and ranges as Slurm writes it: `"0,2-3"`. */
function gpuNames(fields: Fields): readonly string[] | null {
  const { gpus } = fields;
  if (gpus === undefined || gpus === null) return null;
  if (typeof gpus === 'string') return gpuList(gpus);
  const names = Array.isArray(gpus)
    ? gpus.map((one: unknown) => (typeof one === 'number' ? String(one) : one))
    : null;
  if (
    names === null ||
    names.length > MAX_GPU_NAMES ||
    !names.every((one) => typeof one === 'string' && one.length <= 128)
  )
    throw new DropFileError(
      `"gpus" must be "all", a list of at most ${MAX_GPU_NAMES} numbers or UUIDs, or a text such as "0,2-3"`,
    );
  return names as string[];
}
