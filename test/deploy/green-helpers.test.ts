/**
 * The helpers of deploy/ that start jobs in greener hours, with the real agent and programs in the place of sbatch and kubectl
 * that record what they were called with. No Slurm and no cluster has been seen.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { buildAgent, run } from '../agent/cli/run-wattshed.ts';
import { failing, type GridServer, greenestIn, startGridServer } from '../agent/green/grid-server.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const SBATCH_GREEN = join(root, 'deploy/slurm/sbatch-green');
const GREEN_START = join(root, 'deploy/kubernetes/green-start.sh');
const HOUR_MS = 3_600_000;

let folder: string;
let server: GridServer;
let env: Record<string, string>;

beforeAll(async () => {
  const agent = await buildAgent();
  folder = dirname(agent);
  server = await startGridServer();
  mkdirSync(join(folder, 'bin'));
  program('wattshed', `exec "${process.execPath}" "${agent}" "$@"`);
  program('sbatch', recording('sbatch'));
  program(
    'kubectl',
    `${recording('kubectl')}\n[ "$1" = get ] && printf %s "$SUSPENDED"\nexit "\${KUBECTL_EXIT:-0}"`,
  );
  env = {
    PATH: `${join(folder, 'bin')}:/usr/bin:/bin`,
    WATTSHED_URL: server.url,
    WATTSHED_TOKEN: server.token,
    WATTSHED_GRID_ZONE: 'DE',
    WATTSHED_CONFIG: join(folder, 'config.json'),
    HOME: folder,
  };
});
beforeEach(() => {
  server.asked.length = 0;
  rmSync(join(folder, 'sbatch'), { force: true });
  rmSync(join(folder, 'kubectl'), { force: true });
});
afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

function program(name: string, script: string): void {
  writeFileSync(join(folder, 'bin', name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}

/** One call a line, its arguments apart by a character that none of them has. */
const recording = (name: string) =>
  `for each in "$@"; do printf '%s\\037' "$each"; done >>"${join(folder, name)}"; echo >>"${join(folder, name)}"`;

const calls = (name: string): string[][] =>
  readFileSync(join(folder, name), 'utf8')
    .split('\u001f\n')
    .slice(0, -1)
    .map((line) => line.split('\u001f'));

function batchScript(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

/** As `run`, of a script. Not the blocking kind: the server of the test answers meanwhile. */
const runScript = (script: string, args: readonly string[], more: Record<string, string> = {}) =>
  run(script, { args, env: { ...env, ...more }, node: '/bin/sh' });

const asked = () => new URL(server.asked[0]!, server.url).searchParams;

test('both are POSIX shell', () => {
  for (const script of [SBATCH_GREEN, GREEN_START])
    for (const shell of ['dash', 'sh'])
      expect(spawnSync(shell, ['-n', script], { encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' });
});

describe('sbatch-green', () => {
  beforeEach(() => server.answer(greenestIn(2 * HOUR_MS)));

  test('passes every argument as it stands, with --begin before them', async () => {
    const script = batchScript('train.sh', '#!/bin/bash\nsrun train\n');
    const args = ['-p', 'gpu', '--time=04:00:00', '--comment=a "b" $c *', script, '--time', '9', '', 'x y'];
    const { code, out, err } = await runScript(SBATCH_GREEN, args);
    expect({ code, out }).toEqual({ code: 0, out: '' });
    expect(err).toContain('Worth waiting');
    const [[begin, ...rest] = []] = calls('sbatch');
    expect(rest).toEqual(args);
    const seconds = Number(/^--begin=now\+(\d+)$/.exec(begin!)?.[1]);
    expect(Math.abs(seconds - 7200)).toBeLessThan(120);
    expect(Object.fromEntries(asked())).toMatchObject({ durationMinutes: '240', gridZones: 'DE' });
  });

  test.each([
    ['-t', '90', 90],
    ['-t', '10:01', 11],
    ['--time', '1:30:00', 90],
    ['-t', '2-0', 2880],
    ['-t', '1-2:30', 1590],
    ['-t', '0-1:00:01', 61],
    ['-t', '2', 5],
  ])('%s %s are %d minutes', async (option, limit, minutes) => {
    await runScript(SBATCH_GREEN, [option, limit, '--wrap=true']);
    expect(asked().get('durationMinutes')).toBe(String(minutes));
    expect(calls('sbatch')[0]!.slice(1)).toEqual([option, limit, '--wrap=true']);
  });

  test('the limit also comes from the script, the environment and SBATCH_GREEN_DURATION, as sbatch ranks them', async () => {
    const script = batchScript(
      'limits.sh',
      '#!/bin/sh\n#SBATCH -p gpu -t 3:00:00 # long\n\n# words\n#SBATCH -N 2\nsrun train\n#SBATCH --time=1\n',
    );
    const minutes = async (args: string[], more: Record<string, string> = {}) => {
      server.asked.length = 0;
      await runScript(SBATCH_GREEN, [...args, script], more);
      return asked().get('durationMinutes');
    };
    expect(await minutes([])).toBe('180');
    expect(await minutes([], { SBATCH_TIMELIMIT: '2:00:00' })).toBe('120');
    expect(await minutes(['-t60'], { SBATCH_TIMELIMIT: '2:00:00' })).toBe('60');
    expect(await minutes(['-t60'], { SBATCH_GREEN_DURATION: '1h30m', SBATCH_GREEN_DEADLINE: '8h' })).toBe(
      '90',
    );
    const inMs = Date.parse(asked().get('deadline')!) - Date.now();
    expect(Math.abs(inMs - 8 * HOUR_MS)).toBeLessThan(120_000);
  });

  test.each([
    ['nothing better', () => greenestIn(HOUR_MS, { worthWaiting: false }), 'submits to begin at once'],
    ['a server that fails', () => failing(500), 'no greener start can be told: plain sbatch'],
    ['a refused token', () => failing(401, 'unauthenticated', 'No such token.'), 'No such token'],
  ])('%s: plain sbatch, and it says so', async (_, answer, says) => {
    server.answer(answer());
    const { code, err } = await runScript(SBATCH_GREEN, ['-t', '60', '--wrap=true']);
    expect(code).toBe(0);
    expect(err).toContain(says);
    expect(calls('sbatch')).toEqual([['-t', '60', '--wrap=true']]);
  });

  test.each([
    [['--wrap=true'], 'how long the job runs is not known'],
    [['-t', 'UNLIMITED', '--wrap=true'], 'how long the job runs is not known'],
    [['-t', '60', '--begin=16:00', '--wrap=true'], 'it begins as it says itself (16:00)'],
    [['-t', '60', '-b', 'now+1hour', '--wrap=true'], 'it begins as it says itself (now+1hour)'],
  ])('%j: nothing is asked, plain sbatch, and it says so', async (args, says) => {
    const { err } = await runScript(SBATCH_GREEN, args);
    expect(err).toContain(says);
    expect(server.asked).toEqual([]);
    expect(calls('sbatch')).toEqual([args]);
  });

  test("sbatch's exit code and missing programs are told", async () => {
    const { code } = await runScript(SBATCH_GREEN, ['-t', '60'], { PATH: '/usr/bin:/bin' });
    expect(code).toBe(127);
  });
});

describe('green-start', () => {
  test('lets a suspended Job go at the greenest start', async () => {
    server.answer(greenestIn(1200));
    const { code, err } = await runScript(GREEN_START, ['train', '--duration', '4h'], { SUSPENDED: 'true' });
    expect(code).toBe(0);
    expect(err).toContain('starts now: the greenest start is here');
    expect(calls('kubectl')).toEqual([
      ['get', 'job', 'train', '-o', 'jsonpath={.spec.suspend}'],
      ['patch', 'job', 'train', '--type=merge', '-p', '{"spec":{"suspend":false}}'],
    ]);
  });

  test('leaves alone what is not suspended; fails where kubectl does', async () => {
    expect(await runScript(GREEN_START, ['train'], { SUSPENDED: 'false' })).toMatchObject({ code: 0 });
    expect(calls('kubectl')).toHaveLength(1);
    expect(await runScript(GREEN_START, ['train'], { KUBECTL_EXIT: '3' })).toMatchObject({ code: 1 });
    expect(await runScript(GREEN_START, [])).toMatchObject({ code: 2 });
    expect(server.asked).toEqual([]);
  });

  test("the server's absence does not keep it, and kubectl's exit code is its own", async () => {
    server.answer(failing(500));
    program('kubectl', `${recording('kubectl')}\n[ "$1" = get ] && printf true || exit 7`);
    const { code } = await runScript(GREEN_START, ['train', '--deadline', '1s']);
    expect(code).toBe(7);
    expect(calls('kubectl')).toHaveLength(2);
  });
});

test('the Kubernetes example is whole: what one object names another has', () => {
  const text = readFileSync(join(root, 'deploy/kubernetes/green-job.yaml'), 'utf8');
  const objects = parseAllDocuments(text).map((document) => {
    expect(document.errors).toEqual([]);
    return document.toJS();
  });
  const of = (kind: string, name: string) =>
    objects.find((object) => object.kind === kind && object.metadata.name === name);
  const starter = of('Job', 'train-green').spec.template.spec;
  const [container] = starter.containers;
  const [job, ...options] = container.args as string[];
  expect(of('Job', job!).spec.suspend).toBe(true);
  expect(of('Role', 'train-green').rules[0]).toMatchObject({ resourceNames: [job], verbs: ['get', 'patch'] });
  expect(of('RoleBinding', 'train-green').subjects[0].name).toBe(starter.serviceAccountName);
  expect(of('ServiceAccount', starter.serviceAccountName)).toBeDefined();
  const { secretKeyRef } = container.env[1].valueFrom;
  expect(of('Secret', secretKeyRef.name).stringData).toHaveProperty(secretKeyRef.key);
  // Its options are ones that the command has.
  const filled = options.map((option) => option.replace(/<(.*)>/, '$1'));
  expect(filled).toEqual(['--zone=DE', '--duration=4h', expect.stringMatching(/^--deadline=.*Z$/), '--json']);
});
