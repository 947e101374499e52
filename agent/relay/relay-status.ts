/** What the relay tells of itself: to `wattshed relay --status`, and as metrics. */
import type { MetricFamily, Sample } from '../../shared/metrics/open-metrics.ts';
import type { BacklogStatus } from './backlog.ts';
import type { IngestCounts, UpstreamState } from './ingest-relay.ts';

export interface RelayStatus {
  readonly pid: number;
  readonly agentVersion: string;
  readonly startedAtMs: number;
  readonly updatedAtMs: number;
  /** Where nodes reach it. */
  readonly url: string;
  readonly upstreamUrl: string;
  readonly upstream: UpstreamState;
  /** Nodes whose token the server has accepted: for these reports are kept. */
  readonly nodesAccepted: number;
  readonly requests: Readonly<IngestCounts>;
  /** Of the nodes for which something waits, or waited since the start. */
  readonly backlogs: readonly BacklogStatus[];
}

/** What a person should look at: nothing of it mends itself. */
export function troubleOf(status: BacklogStatus): string[] {
  const { shipping, quarantinedReports, setAsideReports, droppedReports, damagedRecords, error } = status;
  const told: readonly (readonly [number, string])[] = [
    [quarantinedReports, 'reports went to quarantine on the server'],
    [setAsideReports, 'reports were refused for good and lie in quarantine/'],
    [droppedReports, 'reports were dropped for want of space'],
    [damagedRecords, 'records were damaged on disk'],
  ];
  return [
    ...(shipping?.state === 'unauthorized' || shipping?.state === 'conflict' ? [shipping.detail] : []),
    ...told.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`),
    ...(error === null ? [] : [error]),
  ];
}

export function relayMetrics(status: RelayStatus): MetricFamily[] {
  const { backlogs, requests, upstream, startedAtMs } = status;
  const one = (value: number): Sample[] => [{ labels: {}, value }];
  const sum = (of: (backlog: BacklogStatus) => number) =>
    backlogs.reduce((total, each) => total + of(each), 0);
  const oldest = backlogs.flatMap(({ oldestWindowStartMs }) => oldestWindowStartMs ?? []);
  return [
    {
      name: 'wattshed_relay_nodes',
      type: 'gauge',
      help: 'Nodes whose token the server has accepted, those with a backlog, and those that need a person.',
      samples: [
        { labels: { state: 'accepted' }, value: status.nodesAccepted },
        { labels: { state: 'backlog' }, value: backlogs.filter(({ reports }) => reports > 0).length },
        { labels: { state: 'trouble' }, value: backlogs.filter((each) => troubleOf(each).length > 0).length },
      ],
    },
    {
      name: 'wattshed_relay_requests',
      type: 'counter',
      help: 'Requests with reports: passed on to the server, kept here, or left with the node (503).',
      samples: [
        { labels: { outcome: 'passed_on' }, value: requests.passedOn, createdMs: startedAtMs },
        { labels: { outcome: 'kept' }, value: requests.kept, createdMs: startedAtMs },
        { labels: { outcome: 'left_with_node' }, value: requests.leftWithNode, createdMs: startedAtMs },
      ],
    },
    {
      name: 'wattshed_relay_spool_reports',
      type: 'gauge',
      help: 'Reports that were acknowledged to nodes and that the server does not have yet.',
      samples: one(sum(({ reports }) => reports)),
    },
    {
      name: 'wattshed_relay_spool_bytes',
      type: 'gauge',
      unit: 'bytes',
      help: 'Bytes of all backlogs on disk.',
      samples: one(sum(({ bytes }) => bytes)),
    },
    {
      name: 'wattshed_relay_oldest_window_timestamp_seconds',
      type: 'gauge',
      unit: 'seconds',
      help: 'Start of the oldest window that waits; absent while none does.',
      samples: oldest.length === 0 ? [] : one(Math.min(...oldest) / 1_000),
    },
    {
      name: 'wattshed_relay_dropped_records',
      type: 'counter',
      help: 'What was given up or set aside: series and reports for want of space, damaged records, reports that the server refused for good.',
      samples: [
        { labels: { what: 'series' }, value: sum(({ droppedSeries }) => droppedSeries) },
        { labels: { what: 'report' }, value: sum(({ droppedReports }) => droppedReports) },
        { labels: { what: 'damaged' }, value: sum(({ damagedRecords }) => damagedRecords) },
        { labels: { what: 'set_aside' }, value: sum(({ setAsideReports }) => setAsideReports) },
      ],
    },
    {
      name: 'wattshed_relay_upstream_up',
      type: 'gauge',
      help: '1 where the server took the last request, 0 where it did not; absent before the first.',
      samples: upstream.answers === null ? [] : one(Number(upstream.answers)),
    },
    {
      name: 'wattshed_relay_upstream_answer_timestamp_seconds',
      type: 'gauge',
      unit: 'seconds',
      help: 'When the server last answered a node; absent before the first time.',
      samples: upstream.lastAnswerAtMs === null ? [] : one(upstream.lastAnswerAtMs / 1_000),
    },
  ];
}
