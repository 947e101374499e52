/** The commands that act on the grid, as processes, against the real Worker with a forecast of its own. */
import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EXIT } from '../../agent/cli/exit-codes.ts';
import { buildAgent, run } from '../agent/cli/run-wattshed.ts';
import { type Harness, startHarness } from './harness.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
let harness: Harness;
let agent: string;
let reader: Record<string, string>;
let node: Record<string, string>;
/** The commands have the real clock, and so the server must. */
const NOW_MS = Date.now();
/** Twelve hours from now the grid is clean, day after day; now it is dirty. */
const inOneDay = (hourMs: number) => 300 + 200 * Math.cos((2 * Math.PI * (hourMs - NOW_MS)) / DAY_MS);
const flat = (hourMs: number) => 50 + ((hourMs / HOUR_MS) % 7);

beforeAll(async () => {
  [harness, agent] = await Promise.all([startHarness(), buildAgent()]);
  await harness.setClock(NOW_MS);
  await site('berlin', 'DE', inOneDay);
  await site('paris', 'FR', flat);
  await harness.api('POST', '/v1/sites', { id: 'nowhere', gridZone: 'PL', pueRatio: 1 });
  // One forecast a run, and the jobs take turns.
  for (let minute = -30; minute < 0; minute++) {
    await harness.setClock(NOW_MS + minute * 60_000);
    await harness.tick();
  }
  await harness.setClock(NOW_MS);
  const token = (scope: string) =>
    harness.api<{ token: string }>('POST', '/v1/tokens', { label: 'green', scope });
  reader = { WATTSHED_URL: harness.url, WATTSHED_TOKEN: (await token('read')).token };
  node = { WATTSHED_STATE_DIR: join(dirname(agent), 'state'), WATTSHED_NVIDIA_SMI: '/nonexistent' };
  const { key } = await harness.api<{ key: string }>('POST', '/v1/enrolment-keys', {
    ...{ label: 'green', site: 'berlin', maxUses: 1 },
  });
  const enrolled = await run(agent, { args: ['enroll', '--url', harness.url], env: node, stdin: key });
  expect(enrolled).toMatchObject({ code: EXIT.ok });
});
afterAll(async () => {
  await harness.stop();
  rmSync(dirname(agent), { recursive: true, force: true });
});

async function site(id: string, gridZone: string, of: (hourMs: number) => number): Promise<void> {
  await harness.api('POST', '/v1/sites', { id, gridZone, pueRatio: 1.2 });
  const untilMs = Math.floor(NOW_MS / HOUR_MS) * HOUR_MS;
  const points = Array.from({ length: 10 * 24 }, (_, i) => {
    const startMs = untilMs - (i + 1) * HOUR_MS;
    const instant = (ms: number) => new Date(ms).toISOString();
    return { start: instant(startMs), end: instant(startMs + HOUR_MS), gramsPerKwh: of(startMs) };
  });
  await harness.api('PUT', `/v1/grid/${gridZone}/intensity`, { basis: 'lifecycle', points });
}

const greenest = (args: string[], env = reader) => run(agent, { args: ['greenest', ...args], env });

test('greenest shows start, saving and verdict within 80 columns, in the time of the terminal', async () => {
  const { code, out, err } = await greenest(['--zones', 'DE,FR', '--duration', '4h'], {
    ...reader,
    TZ: 'Asia/Kolkata',
  });
  expect({ code, err }).toEqual({ code: 0, err: '' });
  for (const line of out.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  expect(out).toMatch(/^A job of 4 h at 1000 W, ended by .* GMT\+5:30 \(.*UTC\)$/m);
  expect(out).toMatch(/^zone +FR$/m);
  expect(out).toMatch(/^at once .*, in DE$/m);
  expect(out).toMatch(/^ZONE +BEST START +EMITS +NOW +BY WAITING$/m);
  expect(out).toContain('Worth waiting:');
});

test('one zone: some twelve hours from now, in text, JSON and the form of sbatch', async () => {
  const job = ['--zones', 'DE', '--duration', '2h'];
  const { out } = await greenest([...job, '--json']);
  const answer = JSON.parse(out);
  const inHours = (Date.parse(answer.best.start) - NOW_MS) / HOUR_MS;
  expect(inHours).toBeGreaterThan(10);
  expect(inHours).toBeLessThan(13);
  expect(answer.worthWaiting).toBe(true);
  const { out: begin, err } = await greenest([...job, '--begin-slurm']);
  const seconds = Number(/^now\+(\d+)\n$/.exec(begin)?.[1]);
  expect(Math.abs(seconds / 3600 - inHours)).toBeLessThan(0.1);
  expect(err).toContain('Worth waiting');
  const paused = await greenest([...job, '--interruptible', '--deadline', '80h']);
  expect(paused.out).toContain('Worth waiting');
});

test('waiting does not help in a flat grid: it says so, and now is the start', async () => {
  const job = ['--zones', 'FR', '--duration', '12h'];
  expect((await greenest(job)).out).toContain('Not worth waiting:');
  expect((await greenest([...job, '--begin-slurm'])).out).toBe('now\n');
});

test('a node asks about its own zone without a further token, and about no other', async () => {
  const own = await greenest(['--duration', '4h'], node);
  expect(own).toMatchObject({ code: 0, err: '' });
  expect(own.out).toMatch(/^zone +DE$/m);
  const other = await greenest(['--duration', '4h', '--zones', 'FR'], node);
  expect(other.code).toBe(EXIT.notEnrolled);
  expect(other.err).toContain('may ask about the grid zone of its own site alone (DE)');
  const command = ['when-green', '--percentile', '99', '--json', '--', 'echo', 'run'];
  const waited = await run(agent, { args: command, env: node });
  expect(waited).toMatchObject({ code: 0, out: 'run\n' });
  expect(JSON.parse(waited.err.split('\n')[0]!)).toMatchObject({ event: 'limit', gridZone: 'DE', days: 10 });
});

test.each([
  [['--zones', 'PL', '--duration', '4h'], EXIT.failed, 'PL: '],
  [['--zones', 'XX', '--duration', '4h'], EXIT.usage, 'No grid zone has the key "XX"'],
  [['--zones', 'DE', '--duration', '4h', '--deadline', '2h'], EXIT.usage, 'cannot end by the deadline'],
  [
    ['--duration', '4h', '--begin-slurm'],
    EXIT.usage,
    'name it with --zones or the setting gridZone, one of ',
  ],
])('greenest %j cannot be answered, and says why', async (args, code, why) => {
  const ended = await greenest(args);
  expect(ended).toMatchObject({ code, out: '' });
  expect(ended.err).toContain(why);
});

test('when-green: waits for the forecast, runs at once with a limit that is met, asks which zone', async () => {
  const planned = await run(agent, {
    args: ['when-green', '--zone', 'DE', '--duration', '2h', '--deadline', '2h', '--', 'echo', 'run'],
    env: reader,
  });
  expect(planned).toMatchObject({ code: 0, out: 'run\n' });
  const below = await run(agent, {
    args: ['when-green', '--zone', 'FR', '--below', '100', '--', 'sh', '-c', 'exit 5'],
    env: reader,
  });
  expect(below.code).toBe(5);
  expect(below.err).toContain('FR is at');
  const which = await run(agent, { args: ['when-green', '--', 'true'], env: reader });
  expect(which.code).toBe(EXIT.notBegun);
  expect(which.err).toMatch(/--zone names it: one of .*DE/);
});
