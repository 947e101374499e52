/** Reports that no disk holds yet, as JSON, within a bound: series are shed first from the oldest, then reports. */
import type { WindowReport } from '../../shared/wire/ingest.ts';
import type { ReportRef } from './durable-store.ts';
import { windowKey } from './spool-index.ts';

export interface SerialReport extends ReportRef {
  readonly json: string;
  readonly bytes: number;
  readonly hasSeries: boolean;
}

export function serialReport(report: WindowReport): SerialReport {
  const json = JSON.stringify(report);
  return {
    windowStartMs: report.windowStartMs,
    epoch: report.epoch,
    revision: report.revision,
    json,
    bytes: Buffer.byteLength(json),
    hasSeries: report.devices.some((device) => device.series !== undefined),
  };
}

/** The same totals under the same revision: a series is not part of what a report says about energy. */
export function withoutSeries(report: SerialReport): SerialReport {
  const full = JSON.parse(report.json) as WindowReport;
  return serialReport({ ...full, devices: full.devices.map(({ series: _, ...device }) => device) });
}

export class HeldReports {
  readonly #limitBytes: number;
  readonly #reports = new Map<string, SerialReport>();

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  get size(): number {
    return this.#reports.size;
  }

  keys(): string[] {
    return [...this.#reports.keys()];
  }

  all(): SerialReport[] {
    return [...this.#reports.values()];
  }

  put(report: SerialReport): void {
    const known = this.#reports.get(windowKey(report));
    if (known === undefined || known.revision <= report.revision)
      this.#reports.set(windowKey(report), report);
  }

  clear(): void {
    this.#reports.clear();
  }

  /** Brings them within the bound; the newest one always stays. */
  shed(): { droppedSeries: number; droppedReports: number } {
    const dropped = { droppedSeries: 0, droppedReports: 0 };
    let bytes = this.all().reduce((sum, report) => sum + report.bytes, 0);
    if (bytes <= this.#limitBytes) return dropped;
    const oldestFirst = this.all().sort((a, b) => a.windowStartMs - b.windowStartMs);
    for (const report of oldestFirst.filter(({ hasSeries }) => hasSeries)) {
      if (bytes <= this.#limitBytes) return dropped;
      const stripped = withoutSeries(report);
      bytes -= report.bytes - stripped.bytes;
      this.put(stripped);
      dropped.droppedSeries += 1;
    }
    for (const report of oldestFirst.slice(0, -1)) {
      if (bytes <= this.#limitBytes) break;
      bytes -= this.#reports.get(windowKey(report))?.bytes ?? 0;
      this.#reports.delete(windowKey(report));
      dropped.droppedReports += 1;
    }
    return dropped;
  }
}
