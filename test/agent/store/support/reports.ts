import type { DurableStore } from '../../../../agent/store/durable-store.ts';
import type { WindowReport } from '../../../../shared/wire/ingest.ts';

export const WINDOW = 300_000;

/** A report whose energy tells which revision of which window it is. */
export function report(
  window: number,
  revision: number,
  options: { series?: string; epoch?: string } = {},
): WindowReport {
  return {
    windowStartMs: window * WINDOW,
    epoch: options.epoch ?? 'epochone1',
    revision,
    final: options.series !== undefined,
    devices: [
      {
        id: 'GPU-1',
        type: 'gpu',
        name: 'NVIDIA H100 80GB HBM3',
        meteredMilliseconds: 1000 * revision,
        energyMillijoules: window * 1000 + revision,
        kind: 'counter',
        ...(options.series === undefined
          ? {}
          : { series: { stepMilliseconds: 1000, watts: options.series } }),
      },
    ],
    jobs: [],
  };
}

/** Everything that is pending, by window (in windows since 1970). */
export async function pendingByWindow(store: DurableStore): Promise<Map<number, WindowReport>> {
  const reports = await store.read(store.pending());
  return new Map(reports.map((pending) => [pending.windowStartMs / WINDOW, pending]));
}
