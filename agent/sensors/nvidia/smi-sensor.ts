/**
 * NVIDIA GPUs through one running `nvidia-smi`, where no library can be called. It knows no energy counter: its power
 * samples are integrated.
 */
import type { Meter, Reading } from '../../../shared/metering/reading.ts';
import { monotonicMs, ratio, watts } from '../../../shared/units.ts';
import type { Clock } from '../../clock.ts';
import { gpuMeter } from '../gpu-meter.ts';
import type { Outcome, Sensor } from '../sensor.ts';
import { type SmiChild, startSmi } from './smi-child.ts';
import { createSmiParser, type SmiParser, type SmiRow } from './smi-parser.ts';

const SMI_SENSOR = 'nvidia-smi';

/** Starting the driver for the first time takes seconds on hosts without persistence mode. */
const FIRST_ROW_PATIENCE_MS = 15_000;
/** Silent for longer than this it hangs; a restart is the only cure. */
const STALL_MS = 10_000;
/** Readings held for the next `read()`; older ones give way. */
const MAX_QUEUED = 4096;

export interface SmiSensorOptions {
  /** The program: a path, or a name looked up on PATH. */
  readonly path: string;
  readonly periodMs: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
}

interface Run {
  readonly child: SmiChild;
  readonly parser: SmiParser;
  readonly queue: Reading[];
  readonly meters: Map<string, Meter>;
  driverVersion: string;
  lastRowAtMs: number;
}

export function createSmiSensor(options: SmiSensorOptions): Sensor {
  const { clock, periodMs } = options;
  let run: Run | null = null;

  async function start(): Promise<Run> {
    const parser = createSmiParser();
    const rowSeen = new AbortController();
    const queue: Reading[] = [];
    const meters = new Map<string, Meter>();
    const child = startSmi({
      ...options,
      onOutput(text) {
        // Stamped on arrival by our own clock: the rows' own stamps are local time of whole milliseconds at best.
        const atMs = clock.monotonicNow();
        for (const row of parser.push(text)) {
          if (!meters.has(row.uuid)) meters.set(row.uuid, gpuMeter(SMI_SENSOR, row.uuid, row.name, 'device'));
          started.driverVersion = row.driverVersion;
          started.lastRowAtMs = atMs;
          queue.push(readingOf(row, atMs));
          rowSeen.abort();
        }
        if (queue.length > MAX_QUEUED) queue.splice(0, queue.length - MAX_QUEUED);
      },
    });
    const started: Run = {
      child,
      parser,
      queue,
      meters,
      driverVersion: '',
      lastRowAtMs: clock.monotonicNow(),
    };
    const deadline = monotonicMs(clock.monotonicNow() + FIRST_ROW_PATIENCE_MS);
    await Promise.race([child.done, clock.sleepUntil(deadline, rowSeen.signal)]);
    rowSeen.abort();
    return started;
  }

  async function stop() {
    const stopping = run;
    run = null;
    await stopping?.child.stop();
  }

  function describe({ meters, driverVersion, parser: { counts } }: Run): string {
    const dropped = counts.badLines + counts.rowsWithoutUuid + counts.powersWithoutValue;
    return [
      `${meters.size} ${meters.size === 1 ? 'GPU' : 'GPUs'}, driver ${driverVersion}, one sample each ${periodMs} ms, no energy counter`,
      ...(dropped === 0 ? [] : [`${dropped} rows without a power, the last said "${lastSaid(counts)}"`]),
    ].join('; ');
  }

  /** Why no rows come: from what the program printed and how it ended. */
  function whyNot({ child, parser: { counts } }: Run): Outcome<never> {
    if (child.ended === 'ENOENT') return { state: 'absent', detail: `${options.path} is not installed` };
    // Also what a search of PATH ends in where one of its folders is closed to this user.
    if (child.ended === 'EACCES')
      return { state: 'absent', detail: `no ${options.path} that this user may run` };
    const said = lastSaid(counts);
    const detail = [`nvidia-smi gives no rows (${child.ended ?? 'still running'})`, said]
      .filter(Boolean)
      .join(': ');
    if (/version mismatch/i.test(said))
      return { state: 'failed', detail, fix: 'reboot, or reload the nvidia kernel modules' };
    return { state: 'noData', detail };
  }

  return {
    name: SMI_SENSOR,
    standsInFor: 'gpu',

    async probe() {
      if (run?.child.ended != null) await stop();
      run ??= await start();
      if (run.meters.size > 0 && run.child.ended === null)
        return { state: 'ready', value: [...run.meters.values()], detail: describe(run) };
      const why = whyNot(run);
      await stop();
      return why;
    },

    async read() {
      if (run === null) return { state: 'noData', detail: 'nvidia-smi is not running' };
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

function readingOf(row: SmiRow, atMs: ReturnType<Clock['monotonicNow']>): Reading {
  return {
    meterId: `${SMI_SENSOR}:${row.uuid}`,
    atMs,
    ...(row.powerWatts !== null && { powerWatts: watts(row.powerWatts) }),
    ...(row.utilizationRatio !== null && { utilizationRatio: ratio(row.utilizationRatio) }),
  };
}

const lastSaid = (counts: SmiParser['counts']) => counts.lastMessage || counts.lastWord;
