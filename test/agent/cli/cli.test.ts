/** The command line as a user meets it: the built agent, as a process. */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { COMMANDS } from '../../../agent/cli/cli.ts';
import { EXIT } from '../../../agent/cli/exit-codes.ts';
import type { OnceReport } from '../../../agent/sensors/once.ts';
import { AGENT_VERSION } from '../../../agent/version.ts';
import { nodeCrypto } from '../../../deploy/node-crypto.ts';
import { createToken } from '../../../shared/auth/token-format.ts';
import type { IngestBody } from '../../../shared/wire/ingest.ts';
import { buildAgent, run, start } from './run-wattshed.ts';

let agent: string;
let folder: string;
/** A host with one RAPL package whose counter stands at 123,456,789 microjoules. */
let host: Record<string, string>;

beforeAll(async () => {
  agent = await buildAgent();
  folder = dirname(agent);
  const zone = join(folder, 'sys/class/powercap/intel-rapl:0');
  mkdirSync(zone, { recursive: true });
  writeFileSync(join(zone, 'name'), 'package-0\n');
  writeFileSync(join(zone, 'energy_uj'), '123456789\n');
  writeFileSync(join(zone, 'max_energy_range_uj'), '262143328850\n');
  mkdirSync(join(folder, 'proc/sys/kernel/random'), { recursive: true });
  mkdirSync(join(folder, 'sys/class/dmi/id'), { recursive: true });
  writeFileSync(join(folder, 'sys/class/dmi/id/product_uuid'), '4c4c4544-0042-3510-8052-b4c04f4e3732\n');
  writeFileSync(join(folder, 'proc/meminfo'), 'MemTotal:       16384000 kB\n');
  writeFileSync(join(folder, 'proc/sys/kernel/random/boot_id'), 'boot-of-the-test\n');
  host = {
    WATTSHED_SYS_ROOT: join(folder, 'sys'),
    WATTSHED_PROC_ROOT: join(folder, 'proc'),
    WATTSHED_NVIDIA_SMI: '/nonexistent/nvidia-smi',
    WATTSHED_STATE_DIR: join(folder, 'state'),
  };
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('help', () => {
  test('lists every command; each has its own', async () => {
    const general = await run(agent, { args: ['--help'] });
    expect(general).toMatchObject({ code: EXIT.ok, err: '' });
    for (const command of COMMANDS) {
      expect(general.out).toContain(`  ${command.name}`);
      const own = await run(agent, { args: [...command.name.split(' '), '--help'] });
      expect(own.code).toBe(EXIT.ok);
      for (const option of Object.keys(command.options)) expect(own.out).toContain(`--${option}`);
    }
  });

  test('the version is the one in package.json', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));
    expect(AGENT_VERSION).toBe(version);
    expect((await run(agent, { args: ['--version'] })).out).toBe(`${version}\n`);
  });
});

test.each([
  [['staus'], 'wattshed: there is no command "staus"; did you mean status?; wattshed --help lists them\n'],
  [['frobnicate'], 'wattshed: there is no command "frobnicate"; wattshed --help lists them\n'],
  [
    ['once', '--jsn'],
    'wattshed: wattshed once has no option --jsn; did you mean --json?; wattshed once --help lists them\n',
  ],
  [['once', 'twice'], 'wattshed: wattshed once takes no arguments, not "twice"\n'],
  [['replay'], 'wattshed: wattshed replay takes FILE, none were given\n'],
  [
    ['enroll', '--url', 'ftp://x'],
    "wattshed: the server's URL must start with https:// or http://, got ftp://x\n",
  ],
  [['replay', 'x.csv', '--scope', 'rack'], 'wattshed: --scope must be one of device, node, not "rack"\n'],
  [
    ['replay', 'x.csv', '--from', '2024-05-17'],
    'wattshed: --from must be an instant with its zone, such as 2024-05-17T15:40:00Z\n',
  ],
])('%j is wrong usage, and says what would be right', async (args, err) => {
  expect(await run(agent, { args })).toEqual({ code: EXIT.usage, out: '', err });
});

test('a setting that nobody knows warns with the nearest one; a bad value ends it', async () => {
  const config = join(folder, 'other.json');
  writeFileSync(config, JSON.stringify({ sateDir: '/tmp' }));
  const warned = await run(agent, {
    args: ['once', '--config', config],
    env: { ...host, WATTSHED_URI: 'x' },
  });
  expect(warned.err).toContain(
    `"sateDir" in ${config} is not a setting and is ignored; did you mean stateDir?`,
  );
  expect(warned.err).toContain('WATTSHED_URI is not a setting and is ignored; did you mean WATTSHED_URL?');
  expect(warned.code).toBe(EXIT.ok);
  const bad = await run(agent, { args: ['once'], env: { ...host, WATTSHED_READ_EVERY_MILLISECONDS: '5' } });
  expect(bad).toMatchObject({
    code: EXIT.usage,
    err: 'wattshed: environment variable WATTSHED_READ_EVERY_MILLISECONDS must be a whole number from 100 to 10000\n',
  });
});

test('once --json prints one reading of every sensor', async () => {
  const { code, out } = await run(agent, { args: ['once', '--json'], env: host });
  const report = JSON.parse(out) as OnceReport;
  expect(code).toBe(EXIT.ok);
  expect(report.meters.find(({ meter }) => meter.deviceId === 'cpu-0')!.reading!.counter).toMatchObject({
    value: 123_456_789,
    unitsPerMillijoule: 1000,
    wrapsAt: 262_143_328_850,
  });
});

test('doctor names what is found, absent and missing, with the fix, and fails while something needs a hand', async () => {
  const { code, out } = await run(agent, { args: ['doctor'], env: host });
  expect(code).toBe(EXIT.failed);
  expect(out).toMatch(/ok {2}rapl +found: package-0/);
  expect(out).toMatch(/-- {2}nvml +absent:/);
  expect(out).toMatch(/!! {2}enrolment +this host is not enrolled\n +fix: wattshed enroll --url URL/);
  expect(out).not.toContain('\u001b');
  const json = await run(agent, { args: ['doctor', '--json'], env: host });
  expect(JSON.parse(json.out)).toMatchObject({ problems: 1 });
});

test.each(['run', 'status'])('%s on a host that is not enrolled says how to enrol', async (command) => {
  const ended = await run(agent, { args: [command], env: host });
  expect(ended.code).toBe(EXIT.notEnrolled);
  expect(ended.err).toMatch(/^wattshed: this host is not enrolled .*wattshed enroll --url URL.*\n$/);
});

describe('enrolled at a server', () => {
  let token: string;
  let key: string;
  const bodies: IngestBody[] = [];
  let server: Server;
  let url: string;

  beforeAll(async () => {
    token = await newToken('n1');
    key = await newToken('enroll1');
    server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const raw = Buffer.concat(chunks);
      const answer = (status: number, body: unknown) =>
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
      const bearer = request.headers.authorization;
      if (request.url === '/v1/enroll' && bearer === `Bearer ${key}`)
        answer(200, { nodeId: 'node-a', token: token, gridZone: 'GB', site: 'lab' });
      else if (request.url === '/v1/ingest' && bearer === `Bearer ${token}`) {
        const plain = request.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw;
        const body = JSON.parse(plain.toString('utf8')) as IngestBody;
        bodies.push(body);
        answer(200, {
          accepted: body.reports.length,
          unchanged: 0,
          quarantined: [],
          serverTimeMs: Date.now(),
          reportEverySeconds: 60,
        });
      } else answer(401, { code: 'unauthenticated', detail: 'No such token.' });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => server.close());

  test('enroll takes the key from standard input, a file or the environment, and never shows the token', async () => {
    const keyFile = join(folder, 'key');
    writeFileSync(keyFile, `${key}\n`);
    const ways = [
      { args: ['enroll', '--url', url], env: host, stdin: `${key}\n` },
      { args: ['enroll', '--url', url, '--key-file', keyFile], env: host },
      { args: ['enroll'], env: { ...host, WATTSHED_URL: url, WATTSHED_ENROLMENT_KEY: key } },
    ];
    for (const way of ways) {
      rmSync(join(folder, 'state'), { recursive: true, force: true });
      const ended = await run(agent, way);
      expect(ended).toMatchObject({ code: EXIT.ok, err: '' });
      expect(ended.out).toContain(`Enrolled as node node-a at ${url}, site lab, grid zone GB.`);
      expect(ended.out).not.toContain(token);
      expect(existsSync(join(folder, 'state'))).toBe(true);
    }
  });

  test('enroll without a key, with a refused one, and without a server: three ends', async () => {
    const none = await run(agent, { args: ['enroll', '--url', url], env: host, stdin: '' });
    expect(none.code).toBe(EXIT.usage);
    const refused = await run(agent, {
      args: ['enroll', '--url', url],
      env: host,
      stdin: await newToken('enroll2'),
    });
    expect(refused.code).toBe(EXIT.notEnrolled);
    const away = await run(agent, { args: ['enroll', '--url', 'http://127.0.0.1:9'], env: host, stdin: key });
    expect(away.code).toBe(EXIT.unreachable);
  });

  test('run meters until SIGTERM, sends once more and exits with 0; a second one is refused; status and doctor agree', async () => {
    const running = start(agent, { args: ['run'], env: host });
    await running.said('reporting to');
    expect((await run(agent, { args: ['run'], env: host })).code).toBe(EXIT.busy);
    running.child.kill('SIGTERM');
    expect((await running.ended).code).toBe(EXIT.ok);
    expect(bodies.at(-1)).toMatchObject({ version: 1, agentVersion: AGENT_VERSION });
    expect(bodies.at(-1)!.health!.sensors.map((one) => one.sensor)).toContain('metering');
    const status = await run(agent, { args: ['status'], env: host });
    expect(status.code).toBe(EXIT.failed);
    expect(status.out).toContain('not running');
    expect(status.out).toMatch(/^not here +.*acpi-power-meter.* \(wattshed doctor says why\)$/m);
    expect(status.out).toContain(`${url}, node node-a`);
    const doctor = await run(agent, { args: ['doctor'], env: host });
    expect(doctor.out).toContain('it answers and takes the token');
    expect(doctor).toMatchObject({ code: EXIT.ok });
  });
});

const otherNode = [process.env.npm_node_execpath, '/usr/local/bin/node', '/usr/bin/node'].find((path) => {
  if (path === undefined || !existsSync(path)) return false;
  const version = spawnSync(path, ['--version'], { encoding: 'utf8' }).stdout.trim();
  return version !== process.version && Number(/^v(\d+)/.exec(version)?.[1]) >= 20;
});

test.skipIf(otherNode === undefined)(
  "the same file runs on the host's own Node (skipped where the host has no other Node >= 20)",
  async () => {
    const { code, out } = await run(agent, { args: ['once', '--json'], env: host, node: otherNode! });
    expect(code).toBe(EXIT.ok);
    expect((JSON.parse(out) as OnceReport).meters.length).toBeGreaterThan(0);
  },
);

const newToken = async (id: string) => (await createToken(nodeCrypto, { id })).token;
