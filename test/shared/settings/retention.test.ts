import { expect, test } from 'vitest';
import { retentionSettings, shareOfRetention } from '../../../shared/settings/retention.ts';

test('a preset per plan, the careful one where nothing is said', () => {
  const paid = { seriesDays: 10, windowsDays: 35, archivedSeriesDays: 28, withoutArchive: 'nothing' };
  expect(retentionSettings({})).toMatchObject(paid);
  const free = { seriesDays: 2, windowsDays: 7, hoursDays: 730, withoutArchive: 'everything' };
  expect(retentionSettings({ RETENTION_PLAN: 'free' })).toMatchObject(free);
});

test('each span is the operator’s', () => {
  expect(
    retentionSettings({
      RETENTION_PLAN: 'free',
      RETENTION_SERIES_DAYS: '30',
      RETENTION_WINDOWS_DAYS: '3',
      RETENTION_HOURS_DAYS: '731',
      RETENTION_WITHOUT_ARCHIVE: 'everything',
    }),
  ).toMatchObject({ seriesDays: 30, windowsDays: 3, hoursDays: 731, withoutArchive: 'everything' });
  const always = { RETENTION_HOURS_DAYS: 'always', RETENTION_ARCHIVED_SERIES_DAYS: 'always' };
  expect(retentionSettings(always)).toMatchObject({ hoursDays: null, archivedSeriesDays: null });
});

test.each([
  [{ RETENTION_PLAN: 'gold' }, /RETENTION_PLAN must be one of free, paid/],
  [{ RETENTION_SERIES_DAYS: '1' }, /RETENTION_SERIES_DAYS must be a whole number of days from 2/],
  [{ RETENTION_WINDOWS_DAYS: 'x' }, /RETENTION_WINDOWS_DAYS/],
  [{ RETENTION_HOURS_DAYS: '35' }, /RETENTION_HOURS_DAYS must be a whole number of days from 36/],
  [{ RETENTION_HOURS_DAYS: '90', RETENTION_SERIES_DAYS: '90' }, /from 91/],
  [{ RETENTION_ARCHIVED_SERIES_DAYS: '3' }, /from 11 to 36500 or "always", got "3"/],
  [{ RETENTION_WITHOUT_ARCHIVE: 'all' }, /nothing, series, everything/],
])('%j is refused with the fix', (env, message) => {
  expect(() => retentionSettings(env)).toThrow(message);
});

test('a day of 10,000 nodes is archived within a day, within the CPU of a run, on up to eight databases', () => {
  const turnsPerDay = 288;
  const cpuSeconds = { series: 0.5, windows: 1.1 };
  for (let databases = 1; databases <= 8; databases++) {
    const { archiveSteps, packSteps, packNodes } = shareOfRetention(retentionSettings({}), databases);
    expect(archiveSteps * databases * turnsPerDay).toBeGreaterThanOrEqual(10_000);
    expect(packSteps * databases * packNodes * turnsPerDay).toBeGreaterThanOrEqual(10_000);
    const windowSteps = Math.ceil(archiveSteps / 10);
    const cpu = archiveSteps * cpuSeconds.series + windowSteps * cpuSeconds.windows;
    expect(cpu * databases).toBeLessThanOrEqual(30);
  }
});
