/** Energy of each device since this process began, from what the reports say of their windows. */
import { WINDOW_MS } from '../../shared/time/window.ts';
import type { DeviceReport, EnergyKind, WindowReport } from '../../shared/wire/ingest.ts';

export interface DeviceTotal {
  readonly id: string;
  readonly type: DeviceReport['type'];
  readonly name: string;
  readonly kind: EnergyKind;
  /** What the open window held before a restart counts as well, once. */
  readonly energyMillijoules: number;
  readonly meteredMilliseconds: number;
}

/** A window that changed last so long before the newest one is not looked for again: a day of recovered energy. */
const KEPT_WINDOWS = 300;

interface Seen {
  readonly energyMillijoules: number;
  readonly meteredMilliseconds: number;
}

/** Reports are absolute per window: what a later revision adds is the difference to the one before. */
export class DeviceTotals {
  readonly #totals = new Map<string, DeviceTotal>();
  readonly #windows = new Map<number, Map<string, Seen>>();

  observe(reports: readonly WindowReport[]): void {
    for (const { windowStartMs, devices } of reports) {
      const seen = this.#windows.get(windowStartMs) ?? new Map<string, Seen>();
      this.#windows.set(windowStartMs, seen);
      for (const device of devices) this.#add(device, seen);
    }
    const newest = Math.max(...this.#windows.keys());
    for (const start of this.#windows.keys())
      if (start < newest - KEPT_WINDOWS * WINDOW_MS) this.#windows.delete(start);
  }

  /** By device id. */
  list(): DeviceTotal[] {
    return [...this.#totals.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  #add(device: DeviceReport, seen: Map<string, Seen>): void {
    const { id, type, name, kind, energyMillijoules, meteredMilliseconds } = device;
    const before = seen.get(id);
    seen.set(id, { energyMillijoules, meteredMilliseconds });
    const total = this.#totals.get(id);
    this.#totals.set(id, {
      id,
      type,
      name,
      kind,
      energyMillijoules:
        (total?.energyMillijoules ?? 0) + energyMillijoules - (before?.energyMillijoules ?? 0),
      meteredMilliseconds:
        (total?.meteredMilliseconds ?? 0) + meteredMilliseconds - (before?.meteredMilliseconds ?? 0),
    });
  }
}
