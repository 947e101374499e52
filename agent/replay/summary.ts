/** What a replay came to, for people and for programs. */
import type { Gap, MeterCounts } from '../../shared/metering/meter-state.ts';
import { toKilowattHours } from '../../shared/units.ts';
import type { DeviceReport, EnergyKind } from '../../shared/wire/ingest.ts';
import { table } from '../text-table.ts';
import type { ReplayResult } from './run-replay.ts';
import type { TraceCounts } from './trace-file.ts';

export interface DeviceSummary {
  readonly id: string;
  readonly name: string;
  readonly kind: EnergyKind;
  readonly energyMillijoules: number;
  readonly recoveredMillijoules: number;
  readonly meteredMilliseconds: number;
}

export interface ReplaySummary {
  readonly energyMillijoules: number;
  readonly devices: readonly DeviceSummary[];
  readonly windows: number;
  readonly gaps: readonly Gap[];
  readonly counts: MeterCounts;
  readonly rows: number;
  readonly skippedRows: number;
  /** Not acknowledged by a server. */
  readonly pendingReports: number;
}

export function summarize(
  { reports, gaps, counts }: ReplayResult,
  trace: TraceCounts,
  pendingReports: number,
): ReplaySummary {
  const devices = new Map<string, DeviceSummary>();
  for (const device of reports.flatMap((report) => report.devices))
    devices.set(device.id, add(devices.get(device.id), device));
  const all = [...devices.values()];
  return {
    energyMillijoules: all.reduce((sum, device) => sum + device.energyMillijoules, 0),
    devices: all,
    windows: reports.length,
    gaps,
    counts,
    ...trace,
    pendingReports,
  };
}

function add(before: DeviceSummary | undefined, device: DeviceReport): DeviceSummary {
  return {
    id: device.id,
    name: device.name,
    kind: device.kind,
    energyMillijoules: (before?.energyMillijoules ?? 0) + device.energyMillijoules,
    recoveredMillijoules: (before?.recoveredMillijoules ?? 0) + (device.recoveredMillijoules ?? 0),
    meteredMilliseconds: (before?.meteredMilliseconds ?? 0) + device.meteredMilliseconds,
  };
}

export function summaryText(summary: ReplaySummary): string {
  const skipped = summary.skippedRows === 0 ? '' : `, ${summary.skippedRows} unreadable rows left out`;
  return [
    table(
      ['DEVICE', 'NAME', 'KIND', 'ENERGY', 'METERED'],
      summary.devices.map((device) => [
        device.id,
        device.name,
        device.kind,
        `${toKilowattHours(device.energyMillijoules).toFixed(6)} kWh`,
        `${(device.meteredMilliseconds / 1000).toFixed(1)} s`,
      ]),
    ),
    `${toKilowattHours(summary.energyMillijoules).toFixed(6)} kWh in ${summary.windows} windows from ${summary.rows} rows${skipped}`,
    ...implausible(summary.counts),
    ...summary.gaps.map(
      (gap) =>
        `gap: ${gap.deviceId} from ${new Date(gap.startMs).toISOString()} to ${new Date(gap.endMs).toISOString()} (${gap.reason})`,
    ),
    '',
  ].join('\n');
}

function implausible({ implausibleReadings }: MeterCounts): string[] {
  if (implausibleReadings === 0) return [];
  return [
    `${implausibleReadings} implausible readings left out: no such device draws that much (--scope node is for a meter of a whole host)`,
  ];
}
