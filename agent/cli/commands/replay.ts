/** `wattshed replay FILE`: a recorded power trace through the whole agent, on its own clock. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DEVICE_TYPES, type DeviceType, type Inventory } from '../../../shared/wire/ingest.ts';
import { systemClock } from '../../clock.ts';
import type { Config } from '../../config/keys.ts';
import { createHttpClient } from '../../http/http-client.ts';
import { createReplayClock, type ReplayClock } from '../../replay/replay-clock.ts';
import { runReplay } from '../../replay/run-replay.ts';
import { summarize, summaryText } from '../../replay/summary.ts';
import { readTraceFile, type TraceCounts, TraceError } from '../../replay/trace-file.ts';
import { createTraceSource, type TraceSource } from '../../replay/trace-source.ts';
import { agentHealth } from '../../run/health.ts';
import { newEpoch } from '../../run/new-epoch.ts';
import { encodeSeriesForWire } from '../../run/series-encoder.ts';
import { createShipper, type Shipper } from '../../ship/shipper.ts';
import type { DurableStore } from '../../store/durable-store.ts';
import { openStore } from '../../store/open-store.ts';
import { AGENT_VERSION } from '../../version.ts';
import type { Command, Io, OptionValues } from '../command.ts';
import { requireCredentials } from '../credentials.ts';
import { CliError, EXIT } from '../exit-codes.ts';
import { instantOption } from '../option-values.ts';
import { checkedUrl } from '../server-url.ts';
import { settingsFor } from '../settings.ts';

/** Progress, in the trace's time. */
const TELL_EVERY_MS = 600_000;

export const replayCommand: Command = {
  name: 'replay',
  operands: ['FILE'],
  summary: 'runs a recorded power trace through the whole agent',
  details: [
    'FILE is CSV, plain or gzipped (.gz), in order of time, and begins with',
    '  timestamp_utc_ms,device_index,device_name,power_w,util_pct,energy_counter_mj',
    'With --url the reports go to that server under the token in the state directory;',
    'without it a summary is printed. Without --state-dir nothing is kept. A later',
    'replay on the same --state-dir goes on where the first one ended, as a',
    'restarted agent does.',
  ].join('\n'),
  options: {
    url: { type: 'string', value: 'URL', about: 'send the reports to this server' },
    json: { type: 'boolean', about: 'the summary as JSON' },
    'device-type': { type: 'string', value: 'TYPE', about: 'gpu (default), cpu, memory or other' },
    scope: {
      type: 'string',
      value: 'SCOPE',
      about: 'device (default), or node for a meter of the whole host',
    },
    from: { type: 'string', value: 'INSTANT', about: 'rows from here on, such as 2024-05-17T15:40:00Z' },
    to: { type: 'string', value: 'INSTANT', about: 'rows before this' },
    only: { type: 'string', value: 'INDEX', about: 'rows of this device_index only' },
    speed: { type: 'string', value: 'N', about: 'N times as fast as it was; as fast as possible by default' },
  },
  async run(io, options, [file]) {
    const { config } = settingsFor(io, options);
    const kept = typeof options['state-dir'] === 'string' || options.url !== undefined;
    const stateDir = kept ? config.stateDir : mkdtempSync(join(tmpdir(), 'wattshed-replay-'));
    try {
      return await replayFile(io, options, file!, { ...config, stateDir });
    } catch (error) {
      throw error instanceof TraceError ? new CliError(EXIT.failed, error.message) : error;
    } finally {
      if (!kept) rmSync(stateDir, { recursive: true, force: true });
    }
  },
};

async function replayFile(io: Io, options: OptionValues, file: string, config: Config) {
  const scope = oneOf('scope', options.scope ?? 'device', ['device', 'node'] as const);
  const deviceType: DeviceType = oneOf(
    'device-type',
    options['device-type'] ?? (scope === 'node' ? 'other' : 'gpu'),
    DEVICE_TYPES,
  );
  const counts: TraceCounts = { rows: 0, skippedRows: 0 };
  const filter = {
    fromMs: instantOption(options, 'from') ?? Number.NEGATIVE_INFINITY,
    toMs: instantOption(options, 'to') ?? Number.POSITIVE_INFINITY,
    onlyDeviceIndex: wholeNumber('only', options.only),
  };
  const speed = wholeNumber('speed', options.speed);
  const clock = createReplayClock(0);
  const sensors = createTraceSource({
    rows: readTraceFile(file, filter, counts),
    clock,
    deviceType,
    scope,
  });
  const firstAtMs = await sensors.firstAtMs();
  if (firstAtMs === null) throw new CliError(EXIT.failed, `${file} has no readings in that range`);
  clock.advanceTo(firstAtMs);
  const enrolled =
    options.url === undefined
      ? null
      : await requireCredentials({ ...config, url: checkedUrl(String(options.url)) }, io.env);
  const store = await openStore(join(config.stateDir, 'spool'));
  try {
    const shipper =
      enrolled === null ? undefined : replayShipper(io, config, enrolled, { store, clock, sensors });
    let told = Math.floor(firstAtMs / TELL_EVERY_MS);
    const result = await runReplay({
      clock,
      sensors,
      store,
      newEpoch,
      encodeSeries: encodeSeriesForWire,
      isOver: () => sensors.exhausted,
      signal: io.signal,
      ...(shipper === undefined ? {} : { shipper }),
      async beforeAdvance(toMs) {
        if (Math.floor(toMs / TELL_EVERY_MS) !== told) {
          told = Math.floor(toMs / TELL_EVERY_MS);
          io.err(`wattshed: replayed to ${new Date(clock.wallNow()).toISOString()}\n`);
        }
        if (speed !== null) await pace(clock, toMs, speed, io.signal);
      },
    });
    const summary = summarize(result, counts, store.pending().length);
    io.out(options.json === true ? `${JSON.stringify(summary, null, 2)}\n` : summaryText(summary));
    if (enrolled === null || summary.pendingReports === 0) return EXIT.ok;
    throw new CliError(
      EXIT.unreachable,
      `${summary.pendingReports} reports are still to be sent: ${shipper!.status().detail}`,
    );
  } finally {
    await store.close();
  }
}

function replayShipper(
  io: Io,
  config: Config,
  enrolled: { url: string; token: string; nodeId: string },
  parts: { store: DurableStore; clock: ReplayClock; sensors: TraceSource },
): Shipper {
  const { store, clock, sensors } = parts;
  return createShipper({
    store,
    clock,
    http: createHttpClient({ agentVersion: AGENT_VERSION, environment: io.env, caFile: config.caFile }),
    url: enrolled.url,
    token: enrolled.token,
    nodeId: enrolled.nodeId,
    agentVersion: AGENT_VERSION,
    random: Math.random,
    inventory: () => traceInventory(sensors),
    health: () =>
      agentHealth(store.stats(), [{ sensor: 'replay', state: 'ready', detail: 'a recorded trace' }]),
    // The trace has its own time: the server's says nothing about it.
    onServerTime: () => {},
    log: (line) => io.err(`wattshed: ${line}\n`),
  });
}

/** What a trace tells of its hardware: the GPUs that it names. */
function traceInventory(sensors: TraceSource): Inventory {
  const gpus = sensors.meters.filter((meter) => meter.deviceType === 'gpu');
  return {
    hostname: 'replay',
    kernel: '',
    productName: '',
    parts: gpus.map((meter) => ({ id: meter.deviceId, type: 'gpu', name: meter.deviceName })),
  };
}

async function pace(clock: ReplayClock, toMs: number, speed: number, signal: AbortSignal): Promise<void> {
  const deadline = systemClock.monotonicNow() + (toMs - clock.wallNow()) / speed;
  await systemClock.sleepUntil(deadline as ReturnType<typeof systemClock.monotonicNow>, signal);
}

function oneOf<T extends string>(name: string, value: unknown, known: readonly T[]): T {
  const found = known.find((one) => one === value);
  if (found === undefined)
    throw new CliError(EXIT.usage, `--${name} must be one of ${known.join(', ')}, not "${value}"`);
  return found;
}

function wholeNumber(name: string, value: unknown): number | null {
  if (value === undefined) return null;
  const text = String(value);
  if (!/^\d{1,9}$/.test(text))
    throw new CliError(EXIT.usage, `--${name} must be a whole number, not "${text}"`);
  return Number(text);
}
