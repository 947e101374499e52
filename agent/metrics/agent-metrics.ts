/** What the agent tells of itself to a monitoring system on this host. */
import type { MetricFamily, Sample } from '../../shared/metrics/open-metrics.ts';
import { SENSOR_STATES } from '../../shared/wire/ingest.ts';
import type { AgentStatus } from '../run/status-file.ts';
import type { DeviceTotal } from './device-totals.ts';

const SHIP_STATES = ['waiting', 'delivered', 'retrying', 'unauthorized', 'conflict'] as const;

export function agentMetrics(
  { agentVersion, startedAtMs, sensors, devices, shipping, spool, declaredGaps }: AgentStatus,
  totals: readonly DeviceTotal[],
): MetricFamily[] {
  const ofDevices = (value: (total: DeviceTotal) => number): Sample[] =>
    totals.map((total) => ({
      labels: { device: total.id, device_type: total.type, model: total.name, kind: total.kind },
      value: value(total),
      createdMs: startedAtMs,
    }));
  const one = (value: number): Sample[] => [{ labels: {}, value }];
  return [
    {
      name: 'wattshed_agent_build',
      type: 'info',
      help: 'Version of this agent.',
      samples: [{ labels: { version: agentVersion }, value: 1 }],
    },
    {
      name: 'wattshed_device_energy_joules',
      type: 'counter',
      unit: 'joules',
      help: 'Energy booked for the device since the agent started; kind says how it is known.',
      samples: ofDevices(({ energyMillijoules }) => energyMillijoules / 1_000),
    },
    {
      name: 'wattshed_device_metered_seconds',
      type: 'counter',
      unit: 'seconds',
      help: 'Time that this energy covers.',
      samples: ofDevices(({ meteredMilliseconds }) => meteredMilliseconds / 1_000),
    },
    {
      name: 'wattshed_device_power_watts',
      type: 'gauge',
      unit: 'watts',
      help: 'Latest power sample of the device, where it gives one.',
      samples: devices.flatMap(({ id, powerWatts }) =>
        powerWatts === null ? [] : [{ labels: { device: id }, value: powerWatts }],
      ),
    },
    {
      name: 'wattshed_sensor_state',
      type: 'gauge',
      help: '1 for the state that the sensor is in: ready, standby, absent, no_data or failed.',
      samples: sensors.flatMap(({ sensor, state }) =>
        SENSOR_STATES.map((each) => ({
          labels: { sensor, state: each === 'noData' ? 'no_data' : each },
          value: Number(each === state),
        })),
      ),
    },
    {
      name: 'wattshed_metering_gaps',
      type: 'counter',
      help: 'Spans that nobody metered, since the state on disk began.',
      samples: one(declaredGaps),
    },
    {
      name: 'wattshed_spool_bytes',
      type: 'gauge',
      unit: 'bytes',
      help: 'Bytes of the spool on disk.',
      samples: one(spool.spoolBytes),
    },
    {
      name: 'wattshed_spool_reports',
      type: 'gauge',
      help: 'Reports that the server has not acknowledged; unsynced ones are in memory only.',
      samples: [
        { labels: { state: 'durable' }, value: spool.spoolReports - spool.unsyncedReports },
        { labels: { state: 'unsynced' }, value: spool.unsyncedReports },
      ],
    },
    {
      name: 'wattshed_dropped_records',
      type: 'counter',
      help: 'What was given up, since the state on disk began: series and reports for want of space, damaged records, reports that the server refused for good.',
      samples: [
        { labels: { what: 'series' }, value: spool.droppedSeries },
        { labels: { what: 'report' }, value: spool.droppedReports },
        { labels: { what: 'damaged' }, value: spool.damagedRecords },
        { labels: { what: 'set_aside' }, value: spool.setAsideReports },
      ],
    },
    {
      name: 'wattshed_shipping_state',
      type: 'gauge',
      help: '1 for how the last request to the server ended.',
      samples: SHIP_STATES.map((state) => ({ labels: { state }, value: Number(state === shipping.state) })),
    },
    {
      name: 'wattshed_last_delivery_timestamp_seconds',
      type: 'gauge',
      unit: 'seconds',
      help: 'When the server last took a report; absent before the first time.',
      samples: shipping.lastDeliveredAtMs === null ? [] : one(shipping.lastDeliveredAtMs / 1_000),
    },
  ];
}
