import { expect, it } from 'vitest';
import type { Get } from '../../../worker/dashboard/api.ts';
import { loadOverview } from '../../../worker/dashboard/load.ts';

/** A fleet that reported until `12:00`, asked a while later. */
const silentSinceNoon: Get = async (path) => {
  const hour = (start: string, coverage: number) => ({
    start,
    operationalGrams: 0,
    embodiedGrams: 1,
    coverage,
  });
  const series = [hour('2026-03-01T11:00:00Z', 1), hour('2026-03-01T12:00:00Z', 0)];
  const answers: Readonly<Record<string, object>> = {
    '/v1/nodes': { nodes: [], nextCursor: null },
    '/v1/alerts': { alerts: [], nextCursor: null },
  };
  return (answers[path] ?? { series, groups: [], otherGroups: null, rolledUpTo: null, totals: {} }) as never;
};

it.each([
  ['12:04:59', [false, false]],
  ['12:05:00', [false, true]],
])('at %s an hour without a report counts as a gap only once one should be there', async (clock, gaps) => {
  const { hours } = await loadOverview(silentSinceNoon, Date.parse(`2026-03-01T${clock}Z`));
  expect(hours.map(({ isGap }) => isGap)).toEqual(gaps);
});
