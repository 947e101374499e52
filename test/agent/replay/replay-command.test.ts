/** `wattshed replay` as a process: whole, in parts, killed in the middle, and on files that are no traces. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EXIT } from '../../../agent/cli/exit-codes.ts';
import type { ReplaySummary } from '../../../agent/replay/summary.ts';
import { openStore } from '../../../agent/store/open-store.ts';
import type { DeviceReport } from '../../../shared/wire/ingest.ts';
import { integralJoules, readTrace } from '../../e2e/trace.ts';
import { buildAgent, run, start } from '../cli/run-wattshed.ts';

const MLPERF = fileURLToPath(new URL('../../fixtures/mlperf-gpt3/node-ac-2s.csv.gz', import.meta.url));
const HEADER = 'timestamp_utc_ms,device_index,device_name,power_w,util_pct,energy_counter_mj';
const START_MS = Date.parse('2026-03-01T00:00:00Z');

let agent: string;
let folder: string;

beforeAll(async () => {
  agent = await buildAgent();
  folder = mkdtempSync(join(tmpdir(), 'wattshed-replays-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  rmSync(dirname(agent), { recursive: true, force: true });
});

async function summaryOf(args: readonly string[]): Promise<ReplaySummary> {
  const ended = await run(agent, { args: ['replay', ...args, '--json'] });
  expect(ended.code, ended.err).toBe(EXIT.ok);
  return JSON.parse(ended.out) as ReplaySummary;
}

/** Everything that the agent would have sent to a server: the newest report of each window. */
async function reportedIn(stateDir: string): Promise<DeviceReport[]> {
  const store = await openStore(join(stateDir, 'spool'));
  const reports = await store.read(store.pending());
  await store.close();
  return reports.flatMap((report) => report.devices);
}

const sum = (devices: readonly DeviceReport[], value: (device: DeviceReport) => number | undefined) =>
  devices.reduce((total, device) => total + (value(device) ?? 0), 0);

test('a recorded node comes to its own integral, and in two parts to the same', async () => {
  const samples = readTrace().get(21)!;
  const base = [MLPERF, '--scope', 'node', '--only', '21'];
  const whole = await summaryOf(base);
  expect(whole.energyMillijoules / 1000).toBeCloseTo(integralJoules(samples), 2);
  expect(whole).toMatchObject({ rows: samples.length, skippedRows: 0, gaps: [] });

  const stateDir = join(folder, 'parts');
  const cut = '2024-05-17T16:01:07Z';
  await summaryOf([...base, '--state-dir', stateDir, '--to', cut]);
  await summaryOf([...base, '--state-dir', stateDir, '--from', cut]);
  const energy = sum(await reportedIn(stateDir), (device) => device.energyMillijoules);
  expect(Math.abs(energy - whole.energyMillijoules)).toBeLessThanOrEqual(1);
});

test('meters of several hosts are no one host: refused, with what to ask for', async () => {
  const ended = await run(agent, { args: ['replay', MLPERF, '--scope', 'node'] });
  expect(ended.code).toBe(EXIT.failed);
  expect(ended.err).toContain('device_index 33, 47');
  expect(ended.err).toContain('--only INDEX');
});

test('readings that no such device draws are left out aloud', async () => {
  const ended = await run(agent, {
    args: ['replay', MLPERF, '--only', '33', '--to', '2024-05-17T15:40:00Z'],
  });
  expect(ended.out).toMatch(/^\d+ implausible readings left out: .*--scope node/m);
});

describe('killed in the middle (SIGKILL), restarted later', () => {
  const SECONDS = 3_600;
  const RESTART_SECOND = 2_700;
  const powerAt = (second: number) => 400 + (second % 90) * 3;

  function traceFile(name: string, rowOf: (second: number, energyMillijoules: number) => string): string {
    const rows = [HEADER];
    let energy = 5_000_000_000;
    for (let second = 0; second <= SECONDS; second++) {
      rows.push(`${START_MS + second * 1000},0,NVIDIA H100 80GB HBM3,${rowOf(second, energy)}`);
      energy += 1000 * powerAt(second) + 7;
    }
    const path = join(folder, name);
    writeFileSync(path, gzipSync(rows.join('\n')));
    return path;
  }

  async function killAndRestart(name: string, trace: string) {
    const stateDir = join(folder, name);
    const first = start(agent, {
      args: ['replay', trace, '--state-dir', stateDir, '--speed', '2000'],
    });
    await first.said('replayed to 2026-03-01T00:1');
    first.child.kill('SIGKILL');
    await first.ended;
    const from = new Date(START_MS + RESTART_SECOND * 1000).toISOString();
    const second = await summaryOf([trace, '--state-dir', stateDir, '--from', from]);
    return { second, devices: await reportedIn(stateDir) };
  }

  test('a counter tells all of it, to the millijoule, the time between as recovered', async () => {
    const trace = traceFile('counter.csv.gz', (second, energy) => `${powerAt(second)},50,${energy}`);
    const { second, devices } = await killAndRestart('counter', trace);
    const consumed = Array.from({ length: SECONDS }, (_, i) => 1000 * powerAt(i) + 7).reduce(
      (a, b) => a + b,
      0,
    );
    expect(sum(devices, (device) => device.energyMillijoules)).toBe(consumed);
    expect(sum(devices, (device) => device.meteredMilliseconds)).toBe(SECONDS * 1000);
    expect(sum(devices, (device) => device.recoveredMillijoules)).toBeGreaterThan(0);
    expect(devices.every((device) => device.kind === 'counter')).toBe(true);
    expect(second.gaps).toEqual([]);
  });

  test('power alone misses exactly the declared gap', async () => {
    const trace = traceFile('power.csv.gz', (second) => `${powerAt(second)},,`);
    const { second, devices } = await killAndRestart('power', trace);
    expect(second.gaps).toHaveLength(1);
    const [gap] = second.gaps;
    const samples = Array.from({ length: SECONDS + 1 }, (_, i) => ({
      atMs: START_MS + i * 1000,
      powerWatts: powerAt(i),
    }));
    const expected = integralJoules(samples) - integralJoules(samples, gap!.startMs, gap!.endMs);
    expect(sum(devices, (device) => device.energyMillijoules)).toBe(expected * 1000);
    expect(sum(devices, (device) => device.meteredMilliseconds)).toBe(
      SECONDS * 1000 - (gap!.endMs - gap!.startMs),
    );
  });
});

test('rows that hold no reading are left out and counted', async () => {
  const path = join(folder, 'torn.csv');
  const rows = [
    `${START_MS},0,GPU,100,10,`,
    `${START_MS + 1000},0,GPU,-1.000000,,`,
    `${START_MS + 2000},0,GPU,[N/A],,`,
    `${START_MS + 3000},0,GPU,100,10,`,
    String(START_MS).slice(0, 9),
  ];
  writeFileSync(path, [HEADER, ...rows].join('\n'));
  expect(await summaryOf([path])).toMatchObject({ rows: 2, skippedRows: 3, energyMillijoules: 300_000 });
});

test.each([
  ['missing.csv', null, 'cannot be read (ENOENT)'],
  ['other.csv', 'time,watts\n1,2\n', `is no trace: its first line must be ${HEADER}`],
  ['torn.csv.gz', 'not gzip', 'cannot be read (Z_DATA_ERROR)'],
  ['empty.csv', `${HEADER}\n`, 'has no readings in that range'],
  ['backward.csv', `${HEADER}\n2000,0,a,1,,\n1000,0,a,1,,\n`, 'is not in order of time at 1000,0,a,1,,'],
])('%s is refused in one line', async (name, content, message) => {
  const path = join(folder, name);
  if (content !== null) writeFileSync(path, content);
  const ended = await run(agent, { args: ['replay', path] });
  expect(ended).toMatchObject({ code: EXIT.failed, out: '', err: `wattshed: ${path} ${message}\n` });
});
