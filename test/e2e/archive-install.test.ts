/** `install.sh --archive`, for hosts without Node or without a way out: an archive as `npm run package` makes it, into a folder. */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { packArchive } from '../../deploy/package/archive.mjs';
import { installScript, packageVersion, sha256Of } from '../../deploy/package/installer.mjs';
import { nativeFile } from '../../deploy/package/native-files.mjs';
import { buildAgent } from '../agent/cli/run-wattshed.ts';

const arch = process.arch === 'arm64' ? 'arm64' : 'x64';
const VERSION = packageVersion();

let folder: string;
let parts: Omit<Parameters<typeof packArchive>[0], 'out'>;
let archive: string;
let script: string;
let host: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'wattshed-archive-'));
  const agent = await buildAgent();
  const koffi = nativeFile('koffi', arch)!;
  // In the place of Node's 100 MB: a program that goes by its name and hands over to the Node of this test.
  const node = join(folder, 'node');
  writeFileSync(node, `#!/bin/sh\nWATTSHED_TEST_NODE=archive exec '${process.execPath}' "$@"\n`);
  chmodSync(node, 0o755);
  parts = { arch, agent, koffi, node };
  archive = await packArchive({ ...parts, out: folder });
  script = await installScript({ agent, server: '', koffi: { [arch]: koffi } });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeEach(() => {
  host = mkdtempSync(join(folder, 'host-'));
});

/** Without a Node on the PATH, as on a host that has none. */
function sh(args: readonly string[], input = '') {
  const { status, stdout, stderr } = spawnSync('sh', args, {
    input,
    encoding: 'utf8',
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
  });
  return { status, said: stdout + stderr };
}

const install = (...more: string[]) =>
  sh(['-s', '--', '--root', host, '--archive', archive, ...more], script);

function once() {
  const command = join(host, 'usr/local/bin/wattshed');
  const { status, stdout } = spawnSync(command, ['once', '--json', '--state-dir', join(host, 'state')], {
    encoding: 'utf8',
    env: { PATH: '/usr/bin:/bin' },
  });
  const { sensors } = JSON.parse(stdout) as { sensors: { sensor: string; state: string }[] };
  return { status, nvml: sensors.find(({ sensor }) => sensor === 'nvml')?.state };
}

test('puts the agent with its own Node on the host, and it runs', () => {
  const sum = sha256Of(archive);
  const { status, said } = install('--sha256', sum);
  expect({ status, said }).toMatchObject({ status: 0 });
  expect(said).toContain(`Installed ${VERSION}`);
  const program = join(host, 'opt/wattshed', VERSION);
  expect(readdirSync(program).sort()).toEqual(['bin', 'koffi.node', 'wattshed.mjs']);
  expect(readFileSync(join(program, 'bin/node'), 'utf8')).toContain('WATTSHED_TEST_NODE');
  expect(readFileSync(join(program, 'bin/wattshed'), 'utf8')).toContain('"$here/bin/node"');
  expect(existsSync(join(host, 'etc/systemd/system/wattshed.service'))).toBe(true);
  // Libraries are called through the archive's own koffi: absent means that NVML was looked for.
  expect(once()).toMatchObject({ status: 0, nvml: expect.not.stringMatching('failed') });
  const gone = spawnSync(join(host, 'usr/local/bin/wattshed'), ['uninstall', '--root', host], {
    encoding: 'utf8',
  });
  expect({ status: gone.status, said: gone.stderr }).toEqual({ status: 0, said: '' });
  const left = readdirSync(host, { recursive: true }) as string[];
  expect(left.filter((path) => path.includes('wattshed'))).toEqual([]);
});

test('installs by itself once it is unpacked', () => {
  expect(sh(['-c', `tar -xzf '${archive}' -C '${host}'`]).status).toBe(0);
  const unpacked = join(host, `wattshed-agent-${VERSION}-linux-${arch}`);
  const { status, said } = sh([join(unpacked, 'install.sh'), '--root', host, '--no-service']);
  expect({ status, said }).toMatchObject({ status: 0 });
  rmSync(unpacked, { recursive: true });
  expect(once()).toMatchObject({ status: 0 });
});

test('the same parts make the same archive, and a changed one is not installed', async () => {
  const sum = sha256Of(archive);
  writeFileSync(archive, Buffer.concat([readFileSync(archive), Buffer.from([0])]));
  try {
    const { status, said } = install('--sha256', sum, '--no-service');
    expect({ status, said }).toMatchObject({ status: 1 });
    expect(said).toContain('is not what was built');
    expect(readdirSync(host)).toEqual([]);
  } finally {
    writeFileSync(archive, readFileSync(archive).subarray(0, -1));
  }
  expect(sha256Of(archive)).toBe(sum);
  const out = join(folder, 'again');
  mkdirSync(out);
  const again = await packArchive({ ...parts, out });
  expect(sha256Of(again)).toBe(sum);
});

test('an upgrade keeps the version before it and no older one; a second run keeps both', () => {
  const programs = join(host, 'opt/wattshed');
  for (const version of ['0.0.1', '0.0.2', '0.0.3.new']) {
    mkdirSync(join(programs, version), { recursive: true });
    writeFileSync(join(programs, version, 'wattshed.mjs'), '');
  }
  mkdirSync(join(programs, 'notes'));
  expect(sh(['-c', `ln -s 0.0.2 '${programs}/current'`]).status).toBe(0);
  for (let run = 0; run < 2; run++) {
    const { status, said } = install('--sha256', sha256Of(archive), '--no-service');
    expect({ status, said }).toMatchObject({ status: 0 });
    expect(readdirSync(programs).sort()).toEqual(['0.0.2', VERSION, 'current', 'notes'].sort());
    expect(readlinkSync(join(programs, 'current'))).toBe(VERSION);
  }
});
