/** The benchmark of a large fleet, small: two databases, and every sum is the truth. */
import { expect, test } from 'vitest';
import { scaleOf } from '../../bench/scale/options.ts';
import { scale } from '../../bench/scale/scale.ts';

const NODES = 24;

test('what a fleet on two databases consumed is in every answer and in the archive, to the millijoule', async () => {
  const figures = new Map((await scale(scaleOf(NODES, 2, 2, 6))).map((figure) => [figure.name, figure]));
  const value = (name: string) => figures.get(`scale.${name}`)?.value;
  expect(value('total_difference_millijoules')).toBe(0);
  expect(figures.get('scale.total_difference_millijoules')!.note).toContain(
    'by hour, zone, site, node, project',
  );
  expect(value('backlog_difference_millijoules')).toBe(0);
  expect(value('backlog_cleared_minutes')).toBeLessThanOrEqual(15);
  expect(value('archive_difference_millijoules')).toBe(0);
  expect(value('archive_difference_watts')).toBe(0);
  expect(figures.get('scale.archive_difference_millijoules')!.note).toContain(`2 shards, ${NODES} nodes`);
  expect(value('archive_largest_bytes')).toBeLessThanOrEqual(8 * 1024 * 1024);
  expect(value('database_bytes{DB}')).toBeGreaterThan(0);
  expect(value('database_bytes{DB_1}')).toBeGreaterThan(0);
});
