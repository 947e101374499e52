/** How full each database is, before D1 takes no more rows. */
import type { MetricFamily } from '../../shared/metrics/open-metrics.ts';
import { PLAN_LIMITS, type Plan } from '../../shared/pace/plans.ts';
import { bindingOf } from '../../shared/settings/shards.ts';

/** Both with the same labels, so that one can be divided by the other. @param sizesBytes in order of the shards */
export function databaseFamilies(sizesBytes: readonly number[], plan: Plan): MetricFamily[] {
  const perDatabase = (figure: (sizeBytes: number) => number) =>
    sizesBytes.map((size, shard) => ({ labels: { database: bindingOf(shard) }, value: figure(size) }));
  return [
    {
      name: 'wattshed_database_size_bytes',
      type: 'gauge',
      unit: 'bytes',
      help: 'Of each database; at its limit it takes no more reports.',
      samples: perDatabase((sizeBytes) => sizeBytes),
    },
    {
      name: 'wattshed_database_limit_bytes',
      type: 'gauge',
      unit: 'bytes',
      help: 'What a database of the plan may hold.',
      samples: perDatabase(() => PLAN_LIMITS[plan].bytesPerDatabase),
    },
  ];
}
