/** What a monitoring system scrapes of alerts. */
import type { MetricFamily } from '../../../shared/metrics/open-metrics.ts';
import { countFiring } from '../../storage/alert-episodes.ts';

export async function alertFamilies(db: D1Database): Promise<MetricFamily[]> {
  const counts = await countFiring(db);
  return [
    {
      name: 'wattshed_alerts_firing',
      type: 'gauge',
      help: 'Alerts that fire now, by rule: one for each grid zone of its scope; 0 while none does.',
      samples: counts.map(({ ruleName, severity, firing }) => ({
        labels: { rule: ruleName, severity },
        value: firing,
      })),
    },
  ];
}
