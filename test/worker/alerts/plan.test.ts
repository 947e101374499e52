/** What the past is summed again for: not for nodes that enrol, of which it held nothing. */
import { expect, test } from 'vitest';
import type { RecordedSetting } from '../../../worker/storage/settings.ts';
import { beginAt, restatedSettings } from '../../../worker/use-cases/alerts/plan.ts';

const HOUR_MS = 3_600_000;
const NOW_MS = 500_000 * HOUR_MS;

const setting = (subject: string, key: string, effectiveFromMs: number): RecordedSetting => ({
  subject,
  key,
  value: 'x',
  effectiveFromMs,
  recordedAtMs: NOW_MS,
  recordedBy: 'admin',
});
const cursor = { ...beginAt(NOW_MS - 30 * HOUR_MS, [1]), headMs: NOW_MS };
const hoursOf = (...fresh: readonly RecordedSetting[]) =>
  restatedSettings([[setting('node:1', 'site', 0), ...fresh]], cursor).hours;

test('a node that enrols and labels that it is given sum nothing again', () => {
  expect(hoursOf(setting('node:2', 'site', 0), setting('node:2', 'labels', NOW_MS - 9 * HOUR_MS))).toEqual(
    [],
  );
});

test('a node that is moved since an hour ago and a site that is told otherwise do', () => {
  expect(hoursOf(setting('node:1', 'site', NOW_MS - HOUR_MS))).toEqual([500_000 - 1]);
  expect(hoursOf(setting('node:2', 'site', 0), setting('node:2', 'site', NOW_MS - 2 * HOUR_MS))).toHaveLength(
    2,
  );
  expect(hoursOf(setting('site:berlin', 'pueRatio', 0))).toHaveLength(30);
});
