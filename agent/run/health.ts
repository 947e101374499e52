/** The agent's health as it travels with reports. */
import type { MeterCounts } from '../../shared/metering/meter-state.ts';
import type { AgentHealth, SensorHealth } from '../../shared/wire/ingest.ts';
import type { StoreStats } from '../store/durable-store.ts';

export function agentHealth(stats: StoreStats, sensors: readonly SensorHealth[]): AgentHealth {
  const { spoolBytes, spoolReports, droppedSeries, droppedReports, damagedRecords } = stats;
  return {
    sensors: [...sensors, ...diskTrouble(stats)],
    spoolBytes,
    spoolReports,
    droppedSeries,
    droppedReports,
    damagedRecords,
  };
}

/** A disk that takes no writes, and reports that the server refused for good: seen on the server, not only on the host. */
function diskTrouble({ error, setAsideReports }: StoreStats): SensorHealth[] {
  if (error !== null) return [{ sensor: 'store', state: 'failed', detail: error }];
  if (setAsideReports === 0) return [];
  return [
    {
      sensor: 'store',
      state: 'noData',
      detail: `${setAsideReports} reports were refused and lie in quarantine/`,
    },
  ];
}

/** The meter's own line: what it refused, and why. */
export function meteringHealth(counts: MeterCounts, clockDetail: string): SensorHealth {
  const told: readonly [number, string][] = [
    [counts.gaps, 'gaps in the metering'],
    [counts.countersRestarted, 'counters that started anew'],
    [counts.implausibleReadings, 'implausible power readings left out'],
    [counts.nodeMeterBelowParts, 'times the node meter stood below its parts'],
    [
      counts.disagreements,
      'windows of a device in which its counter and its power differ by over 5 % and 5 W',
    ],
    [counts.lostMillijoules, 'millijoules lost before the clock was known'],
    [counts.jobMillijoulesForgotten, 'millijoules of jobs beyond the bounds of a report, left to nobody'],
  ];
  const seen = told.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
  return { sensor: 'metering', state: 'ready', detail: [`clock ${clockDetail}`, ...seen].join('; ') };
}
