/** Cron as it fires: once a minute, what each run takes. */
import { HOUR_MS } from '../../shared/time/window.ts';
import type { Fleet } from './fleet.ts';

const MINUTE_MS = 60_000;
const MOST_MINUTES = 1_440;

export interface CronHours {
  readonly minutes: number;
  readonly rowsWritten: number;
  readonly mostCpuSeconds: number;
  readonly mostStatements: number;
  readonly longestValue: number;
  /** From the end of the last hour asked for until all of it was summed. */
  readonly lagMinutes: number;
}

export class Cron {
  readonly #fleet: Fleet;
  /** So far. */
  rowsWritten = 0;
  #minutes = 0;
  #mostCpuSeconds = 0;
  #mostStatements = 0;
  #longestValue = 0;
  /** When all hours before the end of this one were summed, by hours since 1970. */
  readonly #summedAtMs = new Map<number, number>();

  constructor(fleet: Fleet) {
    this.#fleet = fleet;
  }

  async minute(nowMs: number): Promise<void> {
    await this.#fleet.setClock(nowMs);
    const { bill } = await this.#fleet.billOf(() => this.#fleet.door('cron', null));
    this.#minutes++;
    this.rowsWritten += bill.written;
    this.#mostCpuSeconds = Math.max(this.#mostCpuSeconds, bill.cpuSeconds);
    this.#mostStatements = Math.max(this.#mostStatements, bill.statements);
    this.#longestValue = Math.max(this.#longestValue, bill.longestValue);
    const hour = await this.#summedHour();
    if (!this.#summedAtMs.has(hour)) this.#summedAtMs.set(hour, nowMs);
  }

  /** Goes on from this instant until all before `endMs` is summed and nothing is marked. */
  async untilSummed(fromMs: number, endMs: number): Promise<CronHours> {
    for (
      let nowMs = fromMs;
      (await this.#summedHour()) * HOUR_MS < endMs || (await this.#isMarked());
      nowMs += MINUTE_MS
    ) {
      if (this.#minutes > MOST_MINUTES) throw new Error('the rollups do not catch up');
      process.stderr.write(`\r  ${`summing, ${this.#minutes} runs of cron`.padEnd(90)}`);
      await this.minute(nowMs);
    }
    const summedAtMs = [...this.#summedAtMs].find(([hour]) => hour * HOUR_MS >= endMs)![1];
    return {
      minutes: this.#minutes,
      rowsWritten: this.rowsWritten,
      mostCpuSeconds: this.#mostCpuSeconds,
      mostStatements: this.#mostStatements,
      longestValue: this.#longestValue,
      lagMinutes: (summedAtMs - endMs) / MINUTE_MS,
    };
  }

  async #summedHour(): Promise<number> {
    const hours: number[] = [];
    for (const database of this.#fleet.site.databases.values())
      hours.push(
        (await database.prepare('SELECT done_hour AS hour FROM rollup_state').first<{ hour: number }>())
          ?.hour ?? 0,
      );
    return Math.min(...hours);
  }

  async #isMarked(): Promise<boolean> {
    for (const database of this.#fleet.site.databases.values())
      if ((await database.prepare('SELECT 1 FROM rollup_marks LIMIT 1').first()) !== null) return true;
    return false;
  }
}
