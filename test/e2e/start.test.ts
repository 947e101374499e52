import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { freePort } from '../../deploy/local/server.ts';
import { descendantsOf, isRunning, type Launch, launch, launchByNpm } from './launcher.ts';

let folder: string;
let launches: Launch[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wattshed-start-'));
  launches = [];
});

afterEach(async () => {
  for (const one of launches) {
    one.signal('SIGKILL');
    await one.exit;
  }
  rmSync(folder, { recursive: true, force: true });
});

function start(...args: string[]): Launch {
  const one = launch(...args);
  launches.push(one);
  return one;
}

interface Totals {
  readonly energyKwh: number;
  readonly operationalGrams: number;
  readonly gridKinds: Record<string, number>;
}

async function readTotals(url: string, fromMs: number): Promise<Totals> {
  const query = new URLSearchParams({
    from: new Date(fromMs).toISOString(),
    to: new Date().toISOString(),
    step: 'none',
  });
  const response = await fetch(`${url}/v1/fleet/emissions?${query}`, {
    headers: asAdmin(),
  });
  const body = await response.text();
  if (!response.ok) throw new Error(`the API answered ${response.status}: ${body}`);
  return (JSON.parse(body) as { totals: Totals }).totals;
}

const asAdmin = () => ({
  Authorization: `Bearer ${readFileSync(join(folder, 'admin-token'), 'utf8').trim()}`,
});

async function nodeIds(url: string): Promise<string[]> {
  const response = await fetch(`${url}/v1/nodes`, { headers: asAdmin() });
  return ((await response.json()) as { nodes: { id: string }[] }).nodes.map(({ id }) => id);
}

async function revokeNodeTokens(url: string): Promise<void> {
  const response = await fetch(`${url}/v1/tokens`, { headers: asAdmin() });
  const { tokens } = (await response.json()) as { tokens: { id: string; scope: string }[] };
  const ofNodes = tokens.filter(({ scope }) => scope === 'ingest');
  expect(ofNodes).toHaveLength(1);
  for (const { id } of ofNodes) {
    expect((await fetch(`${url}/v1/tokens/${id}`, { method: 'DELETE', headers: asAdmin() })).ok).toBe(true);
  }
}

/** The statuses that an impatient reader of the fleet meets; nobody listens in between. */
async function answersUntil(url: string, up: Promise<void>): Promise<number[]> {
  const statuses: number[] = [];
  let isOver = false;
  const over = () => {
    isOver = true;
  };
  void up.then(over, over);
  while (!isOver) {
    try {
      statuses.push((await fetch(`${url}/v1/nodes`, { headers: asAdmin() })).status);
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  return statuses;
}

/** Own figures come with the agent's first report, within 15 seconds; the test's own limit is the deadline. */
async function firstFigures(url: string, fromMs: number): Promise<Totals> {
  for (;;) {
    const totals = await readTotals(url, fromMs);
    if (totals.energyKwh > 0) return totals;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

test('comes up with figures of its own, keeps them over a restart, and leaves nothing running', async () => {
  const fromMs = Math.floor(Date.now() / 300_000) * 300_000 - 300_000;
  const port = await freePort('127.0.0.1', 0);
  const url = `http://127.0.0.1:${port}`;
  const first = start('--port', String(port), '--data', folder);
  const met = answersUntil(url, first.until('Ctrl-C stops it all'));
  await first.until('Ctrl-C stops it all');
  // Whoever waits for it meets a whole database, or nobody.
  expect(await met).not.toContain(500);

  expect((await fetch(`${url}/healthz`)).status).toBe(200);
  const page = await fetch(`${url}/`);
  expect(page.status).toBe(200);
  expect(page.headers.get('content-security-policy')).toContain("script-src 'self'");
  expect(statSync(join(folder, 'admin-token')).mode & 0o777).toBe(0o600);
  const token = readFileSync(join(folder, 'admin-token'), 'utf8').trim();
  expect(first.said()).not.toContain(token);

  const before = await firstFigures(url, fromMs);
  expect(before.gridKinds.annual).toBe(1);
  expect(before.operationalGrams).toBeGreaterThan(0);

  const second = start('--port', String(await freePort('127.0.0.1', 0)), '--data', folder);
  expect(await second.exit).toBe(1);
  expect(second.said()).toMatch(/^wattshed: .* is in use by process \d+: [^\n]+\n$/);

  await revokeNodeTokens(url);
  const family = [first.pid, ...descendantsOf(first.pid)];
  expect(family.length).toBeGreaterThanOrEqual(3);
  first.signal('SIGINT');
  expect(await first.exit).toBe(0);
  expect(family.filter(isRunning)).toEqual([]);

  const again = start('--port', String(port), '--data', folder, '--zone', 'DE');
  await again.until('Ctrl-C stops it all');
  // Its token was revoked meanwhile: the host is enrolled anew, as the same node.
  await again.until('shipping: delivered');
  expect(await nodeIds(url)).toHaveLength(1);
  expect(readFileSync(join(folder, 'admin-token'), 'utf8').trim()).toBe(token);
  const after = await readTotals(url, fromMs);
  expect(after.energyKwh).toBeGreaterThanOrEqual(before.energyKwh);
  // The first real zone holds for the past as well: another intensity for the same energy.
  const gramsPerKwh = (totals: Totals) => totals.operationalGrams / totals.energyKwh;
  expect(gramsPerKwh(after)).not.toBeCloseTo(gramsPerKwh(before), 3);
  again.signal('SIGTERM');
  expect(await again.exit).toBe(0);
});

test('ended by a signal to npm alone, as a service manager or `kill` may do it, it leaves nothing running', async () => {
  const one = launchByNpm('--port', '0', '--data', folder);
  launches.push(one);
  await one.until('Ctrl-C stops it all');
  const family = [one.pid, ...descendantsOf(one.pid)];
  expect(family.length).toBeGreaterThanOrEqual(4);
  one.signal('SIGTERM');
  await one.exit;
  expect(family.filter(isRunning)).toEqual([]);
});

test('killed, as nobody can prevent, it leaves neither the server on its port nor the agent', async () => {
  const port = await freePort('127.0.0.1', 0);
  const one = start('--port', String(port), '--data', folder);
  await one.until('Ctrl-C stops it all');
  const family = descendantsOf(one.pid);
  expect(family.length).toBeGreaterThanOrEqual(3);
  one.signal('SIGKILL');
  // The agent saves first, and a process's last thread may hold the port a moment longer than its first lives; the
  // test's own limit is the deadline.
  const isFree = () =>
    freePort('127.0.0.1', port).then(
      () => true,
      () => false,
    );
  while (family.some(isRunning) || !(await isFree())) await new Promise((resolve) => setTimeout(resolve, 50));
  const again = start('--port', String(port), '--data', folder);
  await again.until('Ctrl-C stops it all');
});

test('a port that is taken is one clear line', async () => {
  const holder = createServer();
  await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
  const { port } = holder.address() as { port: number };
  const one = start('--port', String(port), '--data', folder);
  expect(await one.exit).toBe(1);
  expect(one.said()).toBe(`wattshed: port ${port} on 127.0.0.1 is taken: choose another with --port N\n`);
  await new Promise((resolve) => holder.close(resolve));
});

test('a folder that cannot be written is one clear line', async () => {
  const file = join(folder, 'file');
  writeFileSync(file, '');
  const one = start('--data', join(file, 'below'));
  expect(await one.exit).toBe(1);
  expect(one.said()).toMatch(
    /^wattshed: cannot use the data folder .*below \(ENOTDIR\): choose one .*--data DIR\n$/,
  );
});

test('a folder below /proc, where not even root can write, is one clear line', async () => {
  const one = start('--data', '/proc/wattshed');
  expect(await one.exit).toBe(1);
  expect(one.said()).toMatch(
    /^wattshed: cannot use the data folder \/proc\/wattshed \(ENOENT\): choose one [^\n]+\n$/,
  );
});

test.each([
  [['--bogus'], 2, /^wattshed: Unknown option '--bogus' [^\n]+--help[^\n]+\n$/],
  [['--port', 'x'], 2, /^wattshed: --port must be a number from 0 to 65535, got "x"\n$/],
  [['--zone', 'Germny'], 1, /^wattshed: --zone Germny is no known grid zone\. Did you mean DE, [^\n]+\n$/],
])('npm start -- %j is refused in one line', async (args, exitCode, line) => {
  const one = start('--data', folder, ...args);
  expect(await one.exit).toBe(exitCode);
  expect(one.said()).toMatch(line);
});

test('--help says what there is', async () => {
  const one = start('--help');
  expect(await one.exit).toBe(0);
  for (const option of ['--port', '--listen', '--data', '--zone', '--demo', '--no-agent']) {
    expect(one.said()).toContain(option);
  }
});
