/** `curl .../install.sh | sh` as a host meets it, into a folder that stands for the host's root. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { freePort } from '../../deploy/local/server.ts';
import { buildAgent, start } from '../agent/cli/run-wattshed.ts';
import { type Launch, launch } from './launcher.ts';

let folder: string;
let server: Launch;
let url: string;
let script: string;
let host: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'wattshed-installer-'));
  const port = await freePort('127.0.0.1', 0);
  server = launch('--port', String(port), '--data', join(folder, 'data'), '--no-agent');
  await server.until('Ctrl-C stops it all');
  url = `http://127.0.0.1:${port}`;
  const reply = await fetch(`${url}/install.sh`);
  expect(reply.headers.get('content-type')).toContain('text/x-shellscript');
  script = await reply.text();
});
afterAll(async () => {
  server.signal('SIGINT');
  await server.exit;
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => {
  host = mkdtempSync(join(folder, 'host-'));
});

/** The script comes on standard input, as through a pipe. */
function install(args: readonly string[], { text = script }: { text?: string } = {}) {
  return new Promise<{ exitCode: number | null; said: string }>((resolve) => {
    const child = spawn('sh', ['-s', '--', '--root', host, ...args], {
      env: { PATH: process.env.PATH },
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (part: string) => {
        said += part;
      });
    child.once('close', (exitCode) => resolve({ exitCode, said }));
    child.stdin.on('error', () => {});
    child.stdin.end(text);
  });
}

const installed = () => readdirSync(host, { recursive: true }) as string[];

/** The file of a new key: into an image a token goes only where one is named. */
async function keyFile(): Promise<string> {
  const path = join(folder, 'enrolment-key');
  writeFileSync(path, await enrolmentKey(), { mode: 0o600 });
  return path;
}

async function enrolmentKey(): Promise<string> {
  const token = readFileSync(join(folder, 'data/admin-token'), 'utf8').trim();
  const reply = await fetch(`${url}/v1/enrolment-keys`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ label: 'installer', site: 'local', maxUses: 1 }),
  });
  return ((await reply.json()) as { key: string }).key;
}

test('a dry run shows the plan and changes nothing', async () => {
  const { exitCode, said } = await install(['--dry-run']);
  expect({ exitCode, said }).toMatchObject({ exitCode: 0 });
  expect(said).toContain(`from ${url}`);
  expect(said).toContain('/opt/wattshed/');
  expect(installed()).toEqual([]);
});

test('puts a complete agent on the host, which calls libraries without any package, enrols and runs', async () => {
  const { exitCode, said } = await install(['--key-file', await keyFile()]);
  expect({ exitCode, said }).toMatchObject({ exitCode: 0 });
  expect(said).toMatch(/node \S+, site local, grid zone WORLD/);
  expect(installed()).toContain('etc/systemd/system/wattshed.service');
  const { url: enrolledAt } = JSON.parse(readFileSync(join(host, 'etc/wattshed/node.json'), 'utf8')) as {
    url: string;
  };
  expect(enrolledAt).toBe(url);

  const wattshed = join(host, 'usr/local/bin/wattshed');
  const once = spawnSync(wattshed, ['once', '--json', '--state-dir', join(host, 'state')], {
    encoding: 'utf8',
  });
  expect(once.status).toBe(0);
  const { sensors } = JSON.parse(once.stdout) as {
    sensors: { sensor: string; state: string; detail: string }[];
  };
  // Without a way to call libraries it would say so; absent means that the library was looked for.
  expect(sensors.find(({ sensor }) => sensor === 'nvml')?.state).not.toBe('failed');

  const gone = spawnSync(wattshed, ['uninstall', '--root', host], { encoding: 'utf8' });
  expect({ status: gone.status, said: gone.stderr }).toEqual({ status: 0, said: '' });
  expect(installed().filter((path) => path.includes('wattshed'))).toEqual([]);
});

test('a host that reaches no more than a relay installs and enrols through it', async () => {
  const port = await freePort('127.0.0.1', 0);
  const relay = start(await buildAgent(), {
    args: [
      ...['relay', '--url', url, '--listen', `127.0.0.1:${port}`],
      ...['--metrics', 'off', '--state-dir', join(folder, 'relay')],
    ],
  });
  try {
    await relay.said('relays from');
    const at = `http://127.0.0.1:${port}`;
    const { exitCode, said } = await install(['--key-file', await keyFile()], {
      text: await (await fetch(`${at}/install.sh`)).text(),
    });
    expect({ exitCode, said }).toMatchObject({ exitCode: 0 });
    expect(said).toContain(`from ${at}`);
    expect(JSON.parse(readFileSync(join(host, 'etc/wattshed/node.json'), 'utf8'))).toMatchObject({ url: at });
  } finally {
    relay.child.kill('SIGTERM');
    await relay.ended;
  }
});

test('a file that is not what was built is not installed', async () => {
  const liar = createServer((request, response) => {
    void fetch(`${url}${request.url}`).then(async (reply) => {
      const body = Buffer.from(await reply.arrayBuffer());
      body[body.length - 2]! ^= 1;
      response.end(body);
    });
  });
  await new Promise<void>((resolve) => liar.listen(0, '127.0.0.1', resolve));
  const at = `http://127.0.0.1:${(liar.address() as AddressInfo).port}`;
  try {
    const { exitCode, said } = await install(['--no-service'], {
      text: script.replace(`SERVER='${url}'`, `SERVER='${at}'`),
    });
    expect(exitCode).toBe(1);
    expect(said).toContain('checksum differs');
    expect(installed()).toEqual([]);
  } finally {
    liar.close();
  }
});

test('a download that was cut off runs nothing', async () => {
  for (const share of [0.05, 0.3, 0.6, 0.9, 0.999]) {
    const text = script.slice(0, Math.floor(script.length * share));
    await install(['--no-service'], { text });
    expect(installed()).toEqual([]);
  }
});

test('cut off within its last line it does not begin, least of all without its options', async () => {
  // Whatever becomes of the options, nothing is put on the host that runs this test.
  const harmless = script.trimEnd().replace('dry_run=no\n', 'dry_run=yes\n');
  expect((await install([], { text: harmless })).said).toContain('Wattshed agent');
  for (let length = harmless.lastIndexOf('\n') + 1; length < harmless.length; length++) {
    const { said } = await install([], { text: harmless.slice(0, length) });
    expect(said).not.toContain('Wattshed agent');
  }
});

test('what cannot be is said in one line with the way out', async () => {
  expect((await install(['--nonsense'])).said).toMatch(/no option --nonsense; --help lists them/);
  expect((await install(['--archive', '/nowhere.tar.gz'])).said).toMatch(/give --sha256/);
  const wrong = join(folder, 'wrong.tar.gz');
  writeFileSync(wrong, 'no archive');
  const { exitCode, said } = await install(['--archive', wrong, '--sha256', '0'.repeat(64)]);
  expect({ exitCode, said }).toMatchObject({ exitCode: 1 });
  expect(said).toContain('is not what was built');
});
