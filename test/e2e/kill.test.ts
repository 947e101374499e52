/** `kill -9` of the real agent process, ten times, while the clock runs on. */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Emissions, prepareSite } from './fleet.ts';
import { type Harness, startHarness } from './harness.ts';
import { bookedDevices } from './ledger.ts';
import { energyCurve } from './rich-host.ts';
import { integralJoules, readTrace, type Sample } from './trace.ts';

const AGENT = new URL('../../dist/wattshed.mjs', import.meta.url).pathname;
const FROM_MS = Date.parse('2024-05-17T15:40:00Z');
const TO_MS = Date.parse('2024-05-17T16:30:00Z');
const SPEED = 40;
const KILLS = 10;
/** Index of the one device without a counter. */
const POWER_ONLY = 8;

const samples = readTrace().get(1)!;
const folder = mkdtempSync(join(tmpdir(), 'wattshed-kill-'));
const traceFile = join(folder, 'trace.csv');
const stateDir = join(folder, 'state');
/** What the power-only device drew at each second of the trace. */
const powerOnly: Sample[] = [];
const counters = new Map<number, { first: number; last: number }>();

let harness: Harness;
beforeAll(async () => {
  writeFileSync(traceFile, deriveTrace());
  harness = await startHarness();
  await harness.setClock(FROM_MS - 60_000);
  const key = await prepareSite(harness, 1);
  const env = { ...process.env, WATTSHED_ENROLMENT_KEY: key };
  execFileSync(process.execPath, [AGENT, 'enroll', '--url', harness.url, '--state-dir', stateDir], {
    env,
    stdio: 'pipe',
  });
  await harness.setClock(TO_MS);
});

afterAll(async () => {
  await harness?.stop();
  rmSync(folder, { recursive: true, force: true });
});

test('ten kills at random points: counters to the millijoule, power-only sensors the reference minus the declared gaps', async () => {
  let from = FROM_MS;
  for (let kills = 0; kills < KILLS; kills++) {
    const before = newestSegment().name;
    const startedAt = performance.now();
    const agent = replay(['--from', new Date(from).toISOString(), '--speed', String(SPEED)]);
    await committed(before);
    // Spread over the run; where in its work the process stands then is left to chance.
    await sleep((kills * 397) % 700);
    process.kill(agent.pid!, 'SIGKILL');
    expect(await agent.ended).toMatchObject({ signal: 'SIGKILL' });
    // The clock ran on while it lived, and does so while it is dead.
    from += Math.ceil(performance.now() - startedAt) * SPEED + 7_000 + ((kills * 1_301) % 30_000);
  }
  expect(from).toBeLessThan(TO_MS - 60_000);
  const last = await replay(['--from', new Date(from).toISOString(), '--json']).ended;
  expect(last.code, last.errors).toBe(0);

  const { gaps } = JSON.parse(last.output) as {
    gaps: { deviceId: string; startMs: number; endMs: number }[];
  };
  const { nodeId } = await harness
    .api<{ nodes: { id: string }[] }>('GET', '/v1/nodes')
    .then(({ nodes }) => ({ nodeId: nodes[0]!.id }));
  const booked = await bookedDevices(harness, nodeId);

  for (const [index, { first, last: end }] of counters) {
    const device = booked.get(`gpu-${index}`)!;
    expect(device.energyMillijoules, `gpu-${index}`).toBe(end - first);
    expect(device.recoveredMillijoules).toBeGreaterThan(0);
    expect(gaps.filter(({ deviceId }) => deviceId === `gpu-${index}`)).toEqual([]);
  }

  const declared = gaps.filter(({ deviceId }) => deviceId === `gpu-${POWER_ONLY}`);
  expect(declared).toHaveLength(KILLS);
  let expectedJoules = integralJoules(powerOnly);
  let gapMs = 0;
  for (const { startMs, endMs } of declared) {
    expectedJoules -= integralJoules(powerOnly, startMs, endMs);
    gapMs += endMs - startMs;
  }
  const device = booked.get(`gpu-${POWER_ONLY}`)!;
  expect(Math.abs(device.energyMillijoules - expectedJoules * 1000)).toBeLessThan(50);
  expect(device.meteredMilliseconds).toBe(powerOnly.at(-1)!.atMs - powerOnly[0]!.atMs - gapMs);

  // Ten whole windows of nine devices: coverage is lower by exactly what the one device did not meter.
  const { totals } = await harness.api<Emissions>(
    'GET',
    `/v1/nodes/${nodeId}/emissions?from=2024-05-17T15:40:00Z&to=2024-05-17T16:30:00Z`,
  );
  const metered = [...booked.values()].reduce((sum, { meteredMilliseconds }) => sum + meteredMilliseconds, 0);
  expect(totals.coverage).toBeCloseTo(metered / (9 * (TO_MS - FROM_MS)), 12);
});

/** The file that the agent of the moment writes to: each life begins one of its own. */
function newestSegment(): { name: string; bytes: number } {
  const spool = join(stateDir, 'spool');
  const names = existsSync(spool) ? readdirSync(spool).filter((name) => name.endsWith('.spool')) : [];
  const name = names.sort().at(-1);
  if (name === undefined) return { name: '', bytes: 0 };
  return { name, bytes: statSync(join(spool, name), { throwIfNoEntry: false })?.size ?? 0 };
}

/** A file's header is smaller, a record with nine devices larger. */
const HEADER_BYTES = 200;

/** Resolves once the agent has committed, so that each life leaves a trace; gives up after a while. */
async function committed(before: string): Promise<void> {
  const done = () => {
    const { name, bytes } = newestSegment();
    return name !== before && bytes > HEADER_BYTES;
  };
  for (let polls = 0; polls < 1_000 && !done(); polls++) await sleep(20);
  expect(done()).toBe(true);
}

/** Nine devices each second: eight with power and a counter, the last with power alone. */
function deriveTrace(): string {
  const energy = energyCurve(samples);
  const lines = ['timestamp_utc_ms,device_index,device_name,power_w,util_pct,energy_counter_mj'];
  for (let atMs = FROM_MS; atMs <= TO_MS; atMs += 1_000) {
    const joules = energy(atMs);
    const nodeWatts = energy(atMs + 500) * 2 - joules * 2;
    for (let index = 0; index < POWER_ONLY; index++) {
      const counter = Math.floor(joules * 1000 * (0.08 + index * 0.002)) + 5_000_000;
      counters.set(index, { first: counters.get(index)?.first ?? counter, last: counter });
      lines.push(`${atMs},${index},NVIDIA H100 80GB HBM3,${(nodeWatts * 0.09).toFixed(2)},97,${counter}`);
    }
    const powerWatts = Number((nodeWatts * 0.1).toFixed(2));
    powerOnly.push({ atMs, powerWatts });
    lines.push(`${atMs},${POWER_ONLY},NVIDIA A10,${powerWatts},,`);
  }
  return `${lines.join('\n')}\n`;
}

function replay(options: string[]) {
  const child = spawn(
    process.execPath,
    [AGENT, 'replay', traceFile, '--url', harness.url, '--state-dir', stateDir, ...options],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let output = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const ended = new Promise<{ code: number | null; signal: string | null; output: string; errors: string }>(
    (resolve) => child.on('close', (code, signal) => resolve({ code, signal, output, errors })),
  );
  return { pid: child.pid, ended };
}
