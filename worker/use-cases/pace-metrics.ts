/** How often the fleet reports and what it takes of its plan, before it is over it. */
import type { MetricFamily } from '../../shared/metrics/open-metrics.ts';
import { PACE_LIMITS, type PaceLimit } from '../../shared/pace/interval.ts';
import type { FleetPace } from './pace.ts';

const LIMIT_LABELS: Readonly<Record<PaceLimit, string>> = {
  rowsWritten: 'rows_written',
  requests: 'requests',
  throughput: 'throughput',
};

export function paceFamilies({ wantedSeconds, reportEverySeconds, usedRatios }: FleetPace): MetricFamily[] {
  return [
    {
      name: 'wattshed_report_interval_seconds',
      type: 'gauge',
      unit: 'seconds',
      help: 'Between two reports of a node: as the operator asked, and as agents are told; more than asked where the fleet would outgrow its plan.',
      samples: [
        { labels: { of: 'asked' }, value: wantedSeconds },
        { labels: { of: 'told' }, value: reportEverySeconds },
      ],
    },
    {
      name: 'wattshed_plan_used_ratio',
      type: 'gauge',
      unit: 'ratio',
      help: 'What the nodes that report take of a day of the plan (rows written, requests), and of what a database takes in a second.',
      samples: PACE_LIMITS.flatMap((limit) => {
        const value = usedRatios[limit];
        return value === undefined ? [] : [{ labels: { limit: LIMIT_LABELS[limit] }, value }];
      }),
    },
  ];
}
