import { randomBytes } from 'node:crypto';

/** A name for one unbroken run of durable state: 20 hexadecimal digits, never used before. */
export function newEpoch(): string {
  return randomBytes(10).toString('hex');
}
