import { expect } from 'vitest';
import type { Outcome } from '../../../agent/sensors/sensor.ts';

/** The value of an outcome that has to be ready; fails with the reason why it is not. */
export function readyValue<T>(outcome: Outcome<T>): T {
  expect(outcome).toMatchObject({ state: 'ready' });
  return (outcome as Outcome<T> & { state: 'ready' }).value;
}
