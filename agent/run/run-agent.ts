/** Wires the running agent: sensors, meter, durable store, shipper, and their end in order. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { monotonicMs } from '../../shared/units.ts';
import { systemClock } from '../clock.ts';
import { openJobs } from '../config/job-options.ts';
import type { Config } from '../config/keys.ts';
import { sensorOptions } from '../config/sensor-options.ts';
import type { Credentials } from '../enroll/credentials.ts';
import { createHttpClient } from '../http/http-client.ts';
import { readInventory } from '../inventory/inventory.ts';
import { readTextOrEmpty } from '../inventory/read-text.ts';
import { createJobWatch } from '../jobs/job-watch.ts';
import { agentMetrics } from '../metrics/agent-metrics.ts';
import { DeviceTotals } from '../metrics/device-totals.ts';
import { serveMetrics } from '../metrics/metrics-server.ts';
import { openSensors, type SensorSet } from '../sensors/sensor-set.ts';
import { createShipper } from '../ship/shipper.ts';
import type { DurableStore } from '../store/durable-store.ts';
import { openStore } from '../store/open-store.ts';
import { AGENT_VERSION } from '../version.ts';
import { createAgentLoop } from './agent-loop.ts';
import { agentHealth, meteringHealth } from './health.ts';
import { hostIsSynchronised, watchSynchronised } from './host-clock.ts';
import { newEpoch } from './new-epoch.ts';
import { encodeSeriesForWire } from './series-encoder.ts';
import { openServiceManager } from './service-manager.ts';
import { runShipLoop } from './ship-loop.ts';
import { type AgentStatus, devicesOf, writeStatus } from './status-file.ts';
import { trustedWall } from './trusted-wall.ts';

/** As long as systemd's watchdog waits: whoever probes the metrics instead learns it then. */
const HANGS_AFTER_MS = 120_000;
/** A service manager waits longer, `npm start` five seconds. */
const LAST_SHIPMENT_MS = 3_000;

export interface RunAgentOptions {
  readonly config: Config;
  readonly credentials: Credentials;
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
}

/**
 * Resolves once the signal has aborted and all is saved.
 * @throws StoreLockedError when another agent runs on the state directory
 */
export async function runAgent(options: RunAgentOptions): Promise<void> {
  const { config, log } = options;
  const store = await openStore(join(config.stateDir, 'spool'));
  let sensors: SensorSet | null = null;
  try {
    sensors = await openSensors(sensorOptions(config, options.env));
    await runOn(options, store, sensors);
  } finally {
    await sensors?.close();
    await store.close();
    log('stopped');
  }
}

async function runOn(options: RunAgentOptions, store: DurableStore, sensors: SensorSet): Promise<void> {
  const { config, credentials, env, signal, log } = options;
  const clock = systemClock;
  const { paths } = sensorOptions(config, env);
  let inventory = await readInventory(paths, sensors.meters, config.hostname);
  const serviceManager = await openServiceManager(env);
  const bootId = (await readTextOrEmpty(`${paths.procRoot}/sys/kernel/random/boot_id`)) || newEpoch();
  const totals = new DeviceTotals();
  let tickedAtMs: number = clock.monotonicNow();
  const jobs = createJobWatch(openJobs(config, paths), clock);
  // What a job held before a restart is proven by a look before the first reading.
  jobs.turn(sensors.meters, []);
  await jobs.settled();
  const loop = createAgentLoop({
    clock,
    store,
    sensors,
    jobs,
    bootId,
    newEpoch,
    wallAt: (atMs) => wall.at(monotonicMs(atMs)),
    encodeSeries: encodeSeriesForWire,
    readEveryMilliseconds: config.readEveryMilliseconds,
    onReports(reports) {
      totals.observe(reports);
      writeStatus(config.stateDir, status());
    },
    onTick() {
      tickedAtMs = clock.monotonicNow();
      serviceManager.alive(tickedAtMs);
    },
    async onMeters() {
      inventory = await readInventory(paths, sensors.meters, config.hostname);
    },
  });
  const wall = trustedWall({
    clock,
    isSynchronised: watchSynchronised(
      () => hostIsSynchronised(env),
      () => clock.monotonicNow(),
    ),
    alreadyTrusted: loop.state.clockTrusted,
  });
  const health = () =>
    agentHealth(store.stats(), [
      ...sensors.health(),
      ...jobs.health(),
      meteringHealth(loop.state.counts, wall.detail()),
    ]);
  const shipper = createShipper({
    store,
    http: createHttpClient({ agentVersion: AGENT_VERSION, environment: env, caFile: config.caFile }),
    url: credentials.url,
    token: credentials.token,
    nodeId: credentials.nodeId,
    agentVersion: AGENT_VERSION,
    clock,
    random: Math.random,
    inventory: () => inventory,
    health,
    onServerTime: (time) => wall.noteServerTime(time),
    log,
  });
  const startedAtMs = clock.wallNow();
  const status = (): AgentStatus => ({
    pid: process.pid,
    agentVersion: AGENT_VERSION,
    startedAtMs,
    updatedAtMs: clock.wallNow(),
    url: credentials.url,
    nodeId: credentials.nodeId,
    sensors: health().sensors,
    devices: devicesOf(loop.state),
    jobs: jobs.running,
    shipping: shipper.status(),
    spool: store.stats(),
    declaredGaps: loop.state.counts.gaps,
  });
  for (const { sensor, state, detail } of [...sensors.health(), ...jobs.health()]) {
    if (state !== 'absent' && state !== 'standby') log(`${sensor}: ${detail}`);
  }
  log(`reporting to ${credentials.url} as ${credentials.nodeId}`);
  const shipping = runShipLoop(
    {
      clock,
      shipper,
      random: Math.random,
      isRestart: store.restoredMeterState !== null,
      firstReport: loop.firstReport,
      isClockTrusted: () => wall.at(clock.monotonicNow()) !== null,
      commit: () => loop.commit(),
    },
    signal,
  );
  void loop.ready.then(serviceManager.ready);
  const metrics = await serveMetrics({
    listen: config.metricsListen,
    families: () => agentMetrics(status(), totals.list()),
    isAlive: () => clock.monotonicNow() - tickedAtMs < HANGS_AFTER_MS,
    log,
  });
  await loop.run(signal);
  await metrics.close();
  serviceManager.stopping();
  const lastShipment = shipping.then(() => shipper.shipOnce());
  await Promise.race([lastShipment, sleep(LAST_SHIPMENT_MS)]);
  writeStatus(config.stateDir, status());
}
