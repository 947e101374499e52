/** What of a job leaves the host, and how: its id, and its user as the operator chose. */
import { createHmac } from 'node:crypto';
import { plainText } from '../inventory/plain-text.ts';
import type { JobSighting } from './job-source.ts';

export const USER_CHOICES = ['name', 'hashed', 'absent'] as const;
export type UserChoice = (typeof USER_CHOICES)[number];

/** 64 bits: two users of one fleet with one hash are not to be expected. */
const HASH_DIGITS = 16;

/** A label as people wrote it, in their own script: without control characters, bounded; null where nothing is left. */
export function labelText(text: string | null, maxLength: number): string | null {
  const clean = (text ?? '').replace(/[\p{Cc}\p{Cs}]+/gu, ' ').trim();
  return (
    clean
      .slice(0, maxLength)
      .replace(/\p{Cs}$/u, '')
      .trimEnd() || null
  );
}

/** @param salt the fleet's, so that a user has one hash on all hosts; needed for `hashed` only */
export function userName(user: string | null, choice: UserChoice, salt: string): string | null {
  if (user === null || choice === 'absent') return null;
  if (choice === 'name') return labelText(user, 256);
  return createHmac('sha256', salt).update(user).digest('hex').slice(0, HASH_DIGITS);
}

/** `<scheduler>:<cluster>:<job>[:<restart>]`: colons within would make it another job's. */
export function jobIdOf(job: JobSighting, cluster: string): string {
  const parts = [job.scheduler, cluster, job.job, ...(job.restart === null ? [] : [job.restart])];
  return plainText(parts.map((part) => part.replaceAll(':', '_')).join(':'), 256, 'job');
}
