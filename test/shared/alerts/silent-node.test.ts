/** A node that is asked to report seldom is not silent between two reports. */
import { expect, test } from 'vitest';
import { complaint } from '../../../shared/alerts/observed.ts';
import type { HealthRule } from '../../../shared/alerts/rule.ts';
import { missedAfterMs } from '../../../shared/pace/silence.ts';

const MINUTE_MS = 60_000;
const rule = { kind: 'health', check: 'nodeSilent', limit: 30 } as HealthRule;
const standing = {
  lastHeardMs: 0,
  healthAtMs: null,
  lostSensors: null,
  spoolReports: null,
  conflictAtMs: null,
};
const isSilent = (afterMinutes: number, everySeconds: number) =>
  complaint(rule, standing, afterMinutes * MINUTE_MS, missedAfterMs(everySeconds)) !== null;

test.each([
  [30, 60, false],
  [31, 60, true],
  [31, 1_800, false],
  [90, 1_800, false],
  [91, 1_800, true],
])('%i minutes after the last report, of one each %i s: %s', (minutes, everySeconds, expected) => {
  expect(isSilent(minutes, everySeconds)).toBe(expected);
});
