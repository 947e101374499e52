/** Reports that stay pending but would hold up the others: asked for again every five minutes. */
import type { MonotonicMs } from '../../shared/units.ts';
import type { PendingReport, ReportRef } from '../store/durable-store.ts';

export interface StuckReport {
  readonly kind: 'conflict' | 'tooLarge';
  readonly detail: string;
}

const ASK_AGAIN_MS = 300_000;

export class StuckReports {
  readonly #stuck = new Map<string, StuckReport & { readonly askAgainAt: number }>();

  add(ref: ReportRef, report: StuckReport, now: MonotonicMs): void {
    this.#stuck.set(keyOf(ref), { ...report, askAgainAt: now + ASK_AGAIN_MS });
  }

  delete(ref: ReportRef): void {
    this.#stuck.delete(keyOf(ref));
  }

  /** Pending reports without those that are stuck for now; forgets those that a newer revision has replaced. */
  without(pending: readonly PendingReport[], now: MonotonicMs): readonly PendingReport[] {
    const keys = new Set(pending.map(keyOf));
    for (const key of this.#stuck.keys()) if (!keys.has(key)) this.#stuck.delete(key);
    return pending.filter((report) => (this.#stuck.get(keyOf(report))?.askAgainAt ?? now) <= now);
  }

  /** What a person should hear of: a conflict before anything else. */
  worst(): StuckReport | null {
    const all = [...this.#stuck.values()];
    return all.find((report) => report.kind === 'conflict') ?? all[0] ?? null;
  }
}

function keyOf(ref: ReportRef): string {
  return `${ref.windowStartMs}/${ref.epoch}/${ref.revision}`;
}
