/** Busy shares of logical processors from `/proc/stat`. */

/** Cumulated ticks of one logical processor. */
export interface ProcessorTicks {
  readonly busy: number;
  readonly total: number;
}

/**
 * Fields of a `cpuN` line: user, nice, system, idle, iowait, irq, softirq, steal, guest, guest_nice. Guests are within
 * user and nice already; steal is time in which the hypervisor ran somebody else, so it is in the total but not busy.
 *
 * @returns by the processor's number
 */
export function parseProcessorTicks(procStat: string): Map<number, ProcessorTicks> {
  const ticks = new Map<number, ProcessorTicks>();
  for (const [, number, fields] of procStat.matchAll(/^cpu(\d+)((?: \d+)+)$/gm)) {
    const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0] = (
      fields ?? ''
    )
      .trim()
      .split(' ')
      .map(Number);
    const busy = user + nice + system + irq + softirq;
    ticks.set(Number(number), { busy, total: busy + idle + iowait + steal });
  }
  return ticks;
}

/**
 * Mean busy share of some processors between two looks, 0..1; null where no tick passed. iowait may run backwards by a
 * tick or two, hence the clamp.
 */
export function busyRatio(
  before: ReadonlyMap<number, ProcessorTicks>,
  now: ReadonlyMap<number, ProcessorTicks>,
  processors: readonly number[],
): number | null {
  let busy = 0;
  let total = 0;
  for (const processor of processors) {
    const from = before.get(processor);
    const to = now.get(processor);
    // Processors come and go with hotplug: only those seen at both ends count.
    if (from === undefined || to === undefined) continue;
    busy += to.busy - from.busy;
    total += to.total - from.total;
  }
  return total > 0 ? Math.min(1, Math.max(0, busy / total)) : null;
}
