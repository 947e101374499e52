/** A pod of the DaemonSet, as far as a process without a cluster can be one: its own settings, against the real Worker. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { freePort } from '../../deploy/local/server.ts';
import { buildAgent, run, type Started, start } from '../agent/cli/run-wattshed.ts';
import { until } from '../agent/relay/support.ts';
import { prepareSite } from './fleet.ts';
import { type Harness, startHarness } from './harness.ts';

const folder = mkdtempSync(join(tmpdir(), 'wattshed-pod-'));
const stateDir = join(folder, 'state');
let agent: string;
let harness: Harness;
let env: Record<string, string>;
let metricsPort: number;
const pods: Started[] = [];

beforeAll(async () => {
  agent = await buildAgent();
  harness = await startHarness();
  await harness.setClock(Date.now());
  const keyFile = join(folder, 'key');
  writeFileSync(keyFile, await prepareSite(harness, 1));
  metricsPort = await freePort('127.0.0.1', 0);
  env = {
    ...settingsOfThePod(),
    // What the pod has from its mounts and its node, this process has from elsewhere.
    WATTSHED_URL: harness.url,
    WATTSHED_ENROLMENT_KEY_FILE: keyFile,
    WATTSHED_STATE_DIR: stateDir,
    WATTSHED_SYS_ROOT: '/sys',
    WATTSHED_PROC_ROOT: '/proc',
    WATTSHED_HOSTNAME: 'worker-7.cluster.example.org',
    WATTSHED_METRICS_LISTEN: `127.0.0.1:${metricsPort}`,
  };
});
afterAll(async () => {
  for (const { child, ended } of pods) {
    child.kill('SIGKILL');
    await ended;
  }
  await harness?.stop();
  rmSync(folder, { recursive: true, force: true });
});

function settingsOfThePod(): Record<string, string> {
  const file = new URL('../../deploy/kubernetes/daemonset.yaml', import.meta.url);
  interface DaemonSet {
    readonly kind: string;
    readonly spec: {
      readonly template: {
        readonly spec: { readonly containers: [{ readonly env: { name: string; value?: string }[] }] };
      };
    };
  }
  const resources = parseAllDocuments(readFileSync(file, 'utf8')).map((each) => each.toJS() as DaemonSet);
  const { spec } = resources.find(({ kind }) => kind === 'DaemonSet')!;
  return Object.fromEntries(
    spec.template.spec.containers[0].env.map(({ name, value = '' }) => [name, value]),
  );
}

async function startPod(): Promise<Started> {
  const pod = start(agent, { args: ['run'], env });
  pods.push(pod);
  await pod.said('as worker-7');
  return pod;
}

const tokenOf = () =>
  (JSON.parse(readFileSync(join(stateDir, 'node.json'), 'utf8')) as { token: string }).token;
const node = () =>
  harness.api<{ hostname: string; lastReportAt: string | null }>('GET', '/v1/nodes/worker-7');

test('it enrols, reports and is alive; it stays the node that it is when it comes back, with its disk or without', async () => {
  const first = await startPod();
  await until(async () => (await node()).lastReportAt !== null);
  expect((await node()).hostname).toBe('worker-7.cluster.example.org');
  const metrics = await fetch(`http://127.0.0.1:${metricsPort}/metrics`);
  expect([metrics.status, (await metrics.text()).includes('wattshed_device_energy_joules_total')]).toEqual([
    200,
    true,
  ]);
  // The check of the image.
  await until(async () => (await run(agent, { args: ['status'], env })).code === 0);

  const token = tokenOf();
  first.child.kill('SIGKILL');
  await first.ended;
  const second = await startPod();
  expect(tokenOf()).toBe(token);

  second.child.kill('SIGTERM');
  expect((await second.ended).code).toBe(0);
  rmSync(stateDir, { recursive: true });
  await startPod();
  expect(tokenOf()).not.toBe(token);
  const { nodes } = await harness.api<{ nodes: { id: string }[] }>('GET', '/v1/nodes');
  expect(nodes.map(({ id }) => id)).toEqual(['worker-7']);
});
