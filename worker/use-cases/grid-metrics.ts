/** How the services that providers ask stand, for a monitoring system. */
import type { MetricFamily } from '../../shared/metrics/open-metrics.ts';
import { CIRCUITS, type Circuit } from '../grid/service-state.ts';
import type { ServiceStanding } from './grid-services.ts';

const LABELS: Readonly<Record<Circuit, string>> = { closed: 'closed', halfOpen: 'half_open', open: 'open' };

export function gridServiceFamilies(services: readonly ServiceStanding[]): MetricFamily[] {
  return [
    {
      name: 'wattshed_grid_service_circuit',
      type: 'gauge',
      help: 'Whether a service of intensity providers is asked: 1 for the state of its circuit, 0 for the others.',
      samples: services.flatMap(({ service, circuit }) =>
        CIRCUITS.map((one) => ({
          labels: { service, circuit: LABELS[one] },
          value: Number(one === circuit),
        })),
      ),
    },
    {
      name: 'wattshed_grid_service_consecutive_failures',
      type: 'gauge',
      help: 'Failures and limits in a row of a service, whatever zone it was asked for; 0 while it answers.',
      samples: services.map(({ service, consecutiveFailures }) => ({
        labels: { service },
        value: consecutiveFailures,
      })),
    },
  ];
}
