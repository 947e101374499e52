/** GPUs by a vendor's program that prints a row of each again and again. It tells power, which is integrated. */
import type { Meter, Reading } from '../../shared/metering/reading.ts';
import { monotonicMs, ratio, watts } from '../../shared/units.ts';
import type { MeterFacts } from '../../shared/wire/ingest.ts';
import type { Clock } from '../clock.ts';
import { type ChildLoop, startLoop } from './child-loop.ts';
import { gpuMeter } from './gpu-meter.ts';
import type { Outcome, Sensor } from './sensor.ts';

/** Starting a driver for the first time takes seconds. */
const FIRST_ROW_PATIENCE_MS = 15_000;
/** Silent for longer than this it hangs; a restart is the only cure. */
const STALL_MS = 10_000;
/** Readings held for the next `read()`; older ones give way. */
const MAX_QUEUED = 4096;

export interface GpuRow {
  readonly uuid: string;
  readonly name: string;
  readonly driverVersion: string;
  /** Null where the driver gives none. */
  readonly powerWatts: number | null;
  /** 0..1; null where the driver gives none. */
  readonly utilizationRatio: number | null;
}

export interface RowParser {
  /** @param chunk any cut of the output; returns the rows that it completes */
  push(chunk: string): GpuRow[];
  /** Rows and lines without a power so far. */
  readonly dropped: number;
  /** What stood there instead, for people. */
  readonly lastSaid: string;
}

export interface RowSensorOptions {
  readonly name: string;
  /** Set where it is only a stand-in. */
  readonly standsInFor?: 'gpu';
  /** The program: a path, or a name looked up on PATH. */
  readonly path: string;
  readonly args: readonly string[];
  readonly periodMs: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly createParser: () => RowParser;
  /** What its power stands for. */
  readonly factsOf: (row: GpuRow) => MeterFacts;
  /** What mends the program's own complaint; null where nothing is known to. */
  readonly mend: (said: string) => string | null;
}

interface Run {
  readonly child: ChildLoop;
  readonly parser: RowParser;
  readonly queue: Reading[];
  readonly meters: Map<string, Meter>;
  /** Resolves when there is a row, or none to be expected. */
  readonly begun: Promise<void>;
  driverVersion: string;
  lastRowAtMs: number;
}

export function createRowSensor(options: RowSensorOptions): Sensor {
  const { name, path, clock, periodMs } = options;
  let run: Run | null = null;

  function start(): Run {
    const parser = options.createParser();
    const rowSeen = new AbortController();
    const queue: Reading[] = [];
    const meters = new Map<string, Meter>();
    const child = startLoop({
      ...options,
      onOutput(text) {
        // Stamped on arrival by our own clock: the rows' own stamps are local time of whole milliseconds at best.
        const atMs = clock.monotonicNow();
        for (const row of parser.push(text)) {
          const meter =
            meters.get(row.uuid) ?? gpuMeter(name, row.uuid, row.name, 'device', options.factsOf(row));
          meters.set(row.uuid, meter);
          started.driverVersion = row.driverVersion;
          started.lastRowAtMs = atMs;
          queue.push(readingOf(meter, row, atMs));
          rowSeen.abort();
        }
        if (queue.length > MAX_QUEUED) queue.splice(0, queue.length - MAX_QUEUED);
      },
    });
    const deadline = monotonicMs(clock.monotonicNow() + FIRST_ROW_PATIENCE_MS);
    const started: Run = {
      child,
      parser,
      queue,
      meters,
      begun: Promise.race([child.done, clock.sleepUntil(deadline, rowSeen.signal)]).then(() =>
        rowSeen.abort(),
      ),
      driverVersion: '',
      lastRowAtMs: clock.monotonicNow(),
    };
    return started;
  }

  async function stop() {
    const stopping = run;
    run = null;
    await stopping?.child.stop();
  }

  function describe({ meters, driverVersion, parser: { dropped, lastSaid } }: Run): string {
    return [
      `${meters.size} ${meters.size === 1 ? 'GPU' : 'GPUs'}, driver ${driverVersion}, one sample each ${periodMs} ms, no energy counter`,
      ...(dropped === 0 ? [] : [`${dropped} rows without a power, the last said "${lastSaid}"`]),
    ].join('; ');
  }

  /** Why no rows come: from what the program printed and how it ended. */
  function whyNot({ child, parser: { lastSaid } }: Run): Outcome<never> {
    if (child.ended === 'ENOENT') return { state: 'absent', detail: `${path} is not installed` };
    // Also what a search of PATH ends in where one of its folders is closed to this user.
    if (child.ended === 'EACCES') return { state: 'absent', detail: `no ${path} that this user may run` };
    const detail = [`${name} gives no rows (${child.ended ?? 'still running'})`, lastSaid]
      .filter(Boolean)
      .join(': ');
    const fix = options.mend(lastSaid);
    return fix === null ? { state: 'noData', detail } : { state: 'failed', detail, fix };
  }

  return {
    name,
    ...(options.standsInFor !== undefined && { standsInFor: options.standsInFor }),

    async probe() {
      if (run?.child.ended != null) await stop();
      run ??= start();
      const asked = run;
      await asked.begun;
      if (asked.meters.size > 0 && asked.child.ended === null)
        return { state: 'ready', value: [...asked.meters.values()], detail: describe(asked) };
      const why = whyNot(asked);
      if (run === asked) await stop();
      return why;
    },

    async read() {
      if (run === null) return { state: 'noData', detail: `${name} is not running` };
      const stalled = clock.monotonicNow() - run.lastRowAtMs > Math.max(STALL_MS, 3 * periodMs);
      if (run.child.ended !== null || stalled) {
        const why = whyNot(run);
        await stop();
        return why;
      }
      return { state: 'ready', value: run.queue.splice(0), detail: describe(run) };
    },

    close: stop,
  };
}

function readingOf(meter: Meter, row: GpuRow, atMs: Reading['atMs']): Reading {
  return {
    meterId: meter.id,
    atMs,
    ...(row.powerWatts !== null && { powerWatts: watts(row.powerWatts) }),
    ...(row.utilizationRatio !== null && { utilizationRatio: ratio(row.utilizationRatio) }),
  };
}
