import { expect, test } from 'vitest';
import { previewText } from '../../../agent/rules/preview-text.ts';

const alert = (startedAt: string, endedAt: string | null, gridZone: string | null = 'DE') => ({
  gridZone,
  startedAt,
  endedAt,
});

test('a dry run tells of each rule how often it would have fired', () => {
  const rules = [
    {
      name: 'Dirty',
      alerts: 12,
      newest: [alert('2026-05-16T17:00:00.000Z', '2026-05-16T21:05:00.000Z')],
    },
    { name: 'Budget', alerts: 1, newest: [alert('2026-05-16T17:00:00.000Z', null, null)] },
    { name: 'Never', alerts: 0, newest: [] },
    { name: 'Ahead', alerts: null, newest: [] },
  ];
  const preview = { from: '2026-04-17T00:00:00.000Z', to: '2026-05-17T00:00:00.000Z', rules };
  expect(previewText({ preview }).split('\n')).toEqual([
    '',
    'From 2026-04-17 00:00 to 2026-05-17 00:00 UTC it would have fired:',
    '  Dirty: 12 times, last from 2026-05-16 17:00 to 2026-05-16 21:05 UTC in DE',
    '  Budget: once, last from 2026-05-16 17:00 still at the end',
    '  Never: never',
    '  Ahead: the past does not tell',
    '',
  ]);
});

test('where nothing was a dry run there is nothing to tell', () => {
  expect(previewText({ preview: null })).toBe('');
  expect(previewText({})).toBe('');
});
