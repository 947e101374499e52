import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { installSteps, type RunHost, type Step } from '../../../agent/install/install.ts';
import { uninstallSteps } from '../../../agent/install/uninstall.ts';

let root: string;
/** What the host was asked to do, and the names that its databases know. */
let ran: string[];
let known: Set<string>;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'wattshed-install-'));
  ran = [];
  known = new Set(['group video']);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const runHost: RunHost = async (program, args) => {
  if (program === 'getent') {
    if (!known.has(args.join(' '))) throw new Error('unknown');
    return '';
  }
  ran.push([program, ...args].join(' '));
  if (program === 'useradd') known.add('passwd wattshed');
  if (program === 'userdel') known.delete('passwd wattshed');
  return '';
};

const apply = async (steps: readonly Step[]) => {
  for (const step of steps) await step.apply();
};

const install = (options: { isHost?: boolean; token?: string } = {}) =>
  installSteps({
    root,
    isHost: options.isHost ?? true,
    start: true,
    url: 'https://wattshed.example.org',
    enrol:
      options.token === undefined
        ? null
        : async (directory) => writeFileSync(join(directory, 'node.json'), options.token ?? ''),
    runHost,
  });

const uninstall = (options: { keepState?: boolean; checkUnsent?: () => void } = {}) =>
  uninstallSteps({
    root,
    isHost: true,
    keepState: options.keepState ?? false,
    checkUnsent: options.checkUnsent ?? (() => {}),
    runHost,
  });

const unitFile = () => join(root, 'etc/systemd/system/wattshed.service');

test('a host gets an account, a token, a unit and a running service; nothing happens before it is said', async () => {
  const steps = await install({ token: 'secret' });
  expect(readdirSync(root)).toEqual([]);
  expect(ran).toEqual([]);
  expect(steps.map(({ text }) => text.replaceAll(root, ''))).toEqual([
    'make the system account wattshed, without a login',
    'enrol this host at https://wattshed.example.org; its token goes to /etc/wattshed/node.json, for root alone',
    'write /etc/systemd/system/wattshed.service',
    'start the service wattshed, now and at each boot',
  ]);
  await apply(steps);
  expect(ran.map((line) => line.split(' ').slice(0, 2).join(' '))).toEqual([
    'useradd --system',
    'systemctl daemon-reload',
    'systemctl enable',
    'systemctl restart',
  ]);
  const unit = readFileSync(unitFile(), 'utf8');
  expect(unit).toContain('ExecStart=/usr/local/bin/wattshed run');
  expect(unit).toContain('SupplementaryGroups=video\n');
  // Up again within two seconds, however often it ends.
  expect(unit).toMatch(/\[Unit\]\n[^[]*\nStartLimitIntervalSec=0\n/);
  expect(unit).toContain('Restart=always\nRestartSec=1\n');
  expect(unit).not.toMatch(/MemoryDenyWriteExecute|PrivateDevices|ProtectClock|DeviceAllow/);
});

test('again: the account and the token stay', async () => {
  await apply(await install({ token: 'secret' }));
  const again = await install();
  expect(again.map(({ text }) => text.split(' ')[0])).toEqual(['write', 'start']);
  await apply(again);
  expect(readFileSync(join(root, 'etc/wattshed/node.json'), 'utf8')).toBe('secret');
});

test('an image gets the unit, and no account or service of the host that makes it', async () => {
  await apply(await install({ isHost: false }));
  expect(existsSync(unitFile())).toBe(true);
  expect(ran).toEqual([]);
});

test('uninstall leaves nothing', async () => {
  await apply(await install({ token: 'secret' }));
  for (const path of [
    'opt/wattshed/1.0.0/bin',
    'usr/local/bin',
    'var/lib/wattshed/spool',
    `etc/systemd/system/wattshed.service.d`,
  ])
    mkdirSync(join(root, path), { recursive: true });
  writeFileSync(join(root, 'usr/local/bin/wattshed'), '');
  ran = [];
  await apply(await uninstall());
  expect(ran).toEqual(['systemctl disable --now wattshed', 'systemctl daemon-reload', 'userdel wattshed']);
  const left = (readdirSync(root, { recursive: true }) as string[]).filter((path) =>
    path.includes('wattshed'),
  );
  expect(left).toEqual([]);
  expect(await uninstall()).toEqual([]);
});

test('a group that userdel leaves goes as well', async () => {
  await apply(await install({ token: 'secret' }));
  known.add('group wattshed');
  await apply(await uninstall());
  expect(ran.slice(-2)).toEqual(['userdel wattshed', 'groupdel wattshed']);
});

test('uninstall stops at unsent reports, after the service had its chance to send them', async () => {
  await apply(await install({ token: 'secret' }));
  ran = [];
  const steps = await uninstall({
    checkUnsent: () => {
      throw new Error('3 reports are not sent yet');
    },
  });
  await expect(apply(steps)).rejects.toThrow('3 reports');
  expect(ran).toEqual(['systemctl disable --now wattshed']);
  expect(existsSync(join(root, 'etc/wattshed/node.json'))).toBe(true);
});

test('--keep-state keeps state, configuration, token and account', async () => {
  await apply(await install({ token: 'secret' }));
  mkdirSync(join(root, 'var/lib/wattshed'), { recursive: true });
  await apply(await uninstall({ keepState: true }));
  expect(existsSync(join(root, 'etc/wattshed/node.json'))).toBe(true);
  expect(existsSync(join(root, 'var/lib/wattshed'))).toBe(true);
  expect(known).toContain('passwd wattshed');
  expect(existsSync(unitFile())).toBe(false);
});

const hasAnalyze = spawnSync('systemd-analyze', ['--version']).status === 0;

test.skipIf(!hasAnalyze)(
  `systemd reads the unit without a complaint${hasAnalyze ? '' : ' (skipped: no systemd-analyze here)'}`,
  async () => {
    await apply(await install());
    const unit = readFileSync(unitFile(), 'utf8').replace('/usr/local/bin/wattshed run', '/bin/true');
    const file = join(root, 'wattshed.service');
    writeFileSync(file, unit);
    const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', file], {
      encoding: 'utf8',
    });
    expect({
      status,
      complaints: stderr.split('\n').filter((line) => line.includes('wattshed.service')),
    }).toEqual({
      status: 0,
      complaints: [],
    });
  },
);
