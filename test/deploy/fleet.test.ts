/** What `deploy/` holds for fleets says what the agent and its installer know. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { COMMANDS } from '../../agent/cli/cli.ts';
import { loadConfig } from '../../agent/config/load-config.ts';
import { nativeFile } from '../../deploy/package/native-files.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');

describe('the image', () => {
  const lines = read('deploy/docker/Dockerfile')
    .replaceAll(/^\s*#.*$/gm, '')
    .replaceAll(/\\\n/g, ' ')
    .split('\n')
    .filter((line) => line.trim() !== '');
  const ofKind = (word: string) => lines.filter((line) => line.startsWith(`${word} `));

  test('copies files that there are, and nothing that its context leaves out', () => {
    const ignored = read('deploy/docker/Dockerfile.dockerignore').trim().split('\n');
    const sources = ofKind('COPY')
      .filter((line) => !line.includes('--from='))
      .flatMap((line) => line.split(/\s+/).slice(1, -1))
      .filter((word) => !word.startsWith('--'));
    expect(sources).toContain('package-lock.json');
    for (const source of sources) {
      expect({ source, exists: existsSync(join(root, source)) }).toEqual({ source, exists: true });
      expect(ignored).not.toContain(source);
    }
    expect(ignored).toEqual(expect.arrayContaining(['**/node_modules', '.git', '.wattshed', 'dist']));
  });

  test('takes from the build what the build makes', () => {
    const build = ofKind('RUN').find((line) => line.includes('npm run build'));
    expect(build).toContain('dist/wattshed.mjs');
    expect(read('deploy/build/build.mjs')).toContain("'dist/wattshed.mjs'");
    // What `cp dist/dashboard/agent/koffi-linux-ARCH.node` finds: the installer's own file.
    expect(build).toContain('dist/dashboard/agent/koffi-linux-$(node -p process.arch).node');
    expect(read('deploy/package/installer.mjs')).toMatch(/`koffi-linux-\$\{arch\}\.node`/);
    expect(nativeFile('koffi', process.arch as 'x64')).not.toBeNull();
  });

  test('runs the agent as the installed service runs it: with the flags that the benchmark measures', () => {
    const copied = ofKind('COPY').find((line) => line.endsWith(' /usr/local/bin/wattshed'));
    expect(copied).toBe('COPY --chmod=755 deploy/docker/wattshed.sh /usr/local/bin/wattshed');
    const installed = read('deploy/install/install.sh');
    const bench = read('bench/agent/agent.ts');
    const folder = mkdtempSync(join(tmpdir(), 'wattshed-image-'));
    const node = join(folder, 'node');
    writeFileSync(node, '#!/bin/sh\necho "$MALLOC_ARENA_MAX/$MALLOC_TRIM_THRESHOLD_/$MALLOC_TOP_PAD_ $*"\n', {
      mode: 0o755,
    });
    const said = (...words: string[]) =>
      spawnSync('sh', [join(root, 'deploy/docker/wattshed.sh'), ...words], {
        encoding: 'utf8',
        env: { PATH: `${folder}:${process.env.PATH}` },
      }).stdout.trim();
    expect(said('run', '--config', 'a b')).toBe(
      '1/65536/16384 --lite-mode /opt/wattshed/wattshed.mjs run --config a b',
    );
    // What is over in a moment, or works all the time, is better off with V8 as it is.
    expect(said('relay')).toBe('// /opt/wattshed/wattshed.mjs relay');
    rmSync(folder, { recursive: true });
    expect(installed).toContain('MALLOC_ARENA_MAX=1 MALLOC_TRIM_THRESHOLD_=65536 MALLOC_TOP_PAD_=16384');
    expect(installed).toContain("lite=' --lite-mode'");
    expect(bench).toContain("const FLAGS = ['--lite-mode'];");
  });

  test('runs the agent without rights, and holds no secret', () => {
    expect(ofKind('USER')).toEqual(['USER 10001:10001']);
    expect(ofKind('ENTRYPOINT')).toEqual(['ENTRYPOINT ["wattshed"]']);
    expect(ofKind('CMD')).toEqual(['CMD ["run"]']);
    // Each look starts a Node: a minute apart they would cost almost what the agent does.
    expect(ofKind('HEALTHCHECK')[0]).toMatch(/--interval=300s .*CMD \["wattshed", "status"\]$/);
    expect(lines.join('\n')).not.toMatch(/wsk_|ENROLMENT_KEY|TOKEN/);
    for (const command of ['run', 'status']) expect(COMMANDS.map(({ name }) => name)).toContain(command);
  });
});

interface Container {
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string; readonly value?: string; readonly valueFrom?: unknown }[];
  readonly securityContext: unknown;
  readonly resources: Record<string, Record<string, string>>;
  readonly livenessProbe: { readonly httpGet: { readonly path: string; readonly port: string } };
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly volumeMounts: readonly {
    readonly name: string;
    readonly mountPath: string;
    readonly readOnly?: boolean;
  }[];
}
interface PodSpec {
  readonly hostPID: boolean;
  readonly serviceAccountName: string;
  readonly automountServiceAccountToken: boolean;
  readonly tolerations: unknown;
  readonly containers: readonly [Container];
  readonly volumes: readonly {
    readonly name: string;
    readonly hostPath?: { readonly path: string };
    readonly secret?: { readonly secretName: string };
  }[];
}
interface Resource {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly automountServiceAccountToken?: boolean;
  readonly spec?: {
    readonly selector: { readonly matchLabels: unknown };
    readonly template: { readonly metadata: { readonly labels: unknown }; readonly spec: PodSpec };
  };
}

describe('the DaemonSet', () => {
  const documents = parseAllDocuments(read('deploy/kubernetes/daemonset.yaml'));
  const resources = documents.map((document) => document.toJS() as Resource);
  const daemonSet = resources.find(({ kind }) => kind === 'DaemonSet')!.spec!;
  const pod = daemonSet.template.spec;
  const [agent] = pod.containers;
  const env = Object.fromEntries(agent.env.map(({ name, value }) => [name, value ?? 'from the pod']));

  test('is whole: a namespace, an account without rights, and pods that it finds again', () => {
    expect(documents.flatMap(({ errors }) => errors)).toEqual([]);
    expect(resources.map(({ kind }) => kind)).toEqual(['Namespace', 'ServiceAccount', 'DaemonSet']);
    expect(daemonSet.template.metadata.labels).toEqual(daemonSet.selector.matchLabels);
    const account = resources[1]!;
    expect(pod.serviceAccountName).toBe(account.metadata.name);
    expect([account.automountServiceAccountToken, pod.automountServiceAccountToken]).toEqual([false, false]);
    expect(pod.tolerations).toEqual([{ operator: 'Exists' }]);
  });

  test('sets what the agent knows', () => {
    const { config, warnings } = loadConfig(env, 0, join(root, 'package.json'));
    // package.json stands in for a file of settings; its own keys are none.
    expect(warnings.filter((warning) => warning.includes('environment'))).toEqual([]);
    expect(config).toMatchObject({
      sysRoot: '/host/sys',
      procRoot: '/host/proc',
      jobSources: ['kubernetes', 'processes'],
      metricsListen: { host: '0.0.0.0', port: agent.ports[0]!.containerPort },
    });
    expect(agent.livenessProbe.httpGet).toEqual({ path: '/metrics', port: agent.ports[0]!.name });
    expect(COMMANDS.map(({ name }) => name)).toContain(agent.args[0]);
    expect(env).toMatchObject({ NVIDIA_VISIBLE_DEVICES: 'all', NVIDIA_DRIVER_CAPABILITIES: 'utility' });
    expect(JSON.stringify(agent.resources)).not.toContain('nvidia.com');
    expect(agent.resources.limits).toEqual({ memory: '256Mi' });
  });

  test('mounts what these settings name, and writes to its state alone', () => {
    const mounts = new Map(agent.volumeMounts.map(({ name, mountPath }) => [mountPath, name]));
    const volumes = new Map(pod.volumes.map((volume) => [volume.name, volume]));
    const hostPathAt = (path: string) => volumes.get(mounts.get(path)!)?.hostPath?.path;
    const { config } = loadConfig(env, 0, join(root, 'package.json'));
    expect(hostPathAt(config.sysRoot)).toBe('/sys');
    expect(hostPathAt(config.procRoot)).toBe('/proc');
    expect(hostPathAt(config.stateDir)).toBe('/var/lib/wattshed');
    expect(hostPathAt(dirname(config.kubeletSocket))).toBe(dirname(config.kubeletSocket));
    expect(hostPathAt(config.podLogFolder)).toBe(config.podLogFolder);
    expect(hostPathAt('/etc/machine-id')).toBe('/etc/machine-id');
    expect(volumes.get(mounts.get(dirname(config.enrolmentKeyFile!))!)?.secret?.secretName).toBe(
      'wattshed-enrolment',
    );
    const writable = agent.volumeMounts.filter(({ readOnly }) => readOnly !== true);
    expect(writable.map(({ mountPath }) => mountPath)).toEqual([config.stateDir]);
    expect([...volumes.keys()].sort()).toEqual([...mounts.values()].sort());
  });

  test('has the fewest rights that reading needs', () => {
    expect(agent.securityContext).toEqual({
      runAsUser: 0,
      runAsGroup: 0,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'], add: ['DAC_READ_SEARCH'] },
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(pod.hostPID).toBe(true);
    expect(pod).not.toHaveProperty('hostNetwork');
  });
});

type Task = Record<string, unknown> & {
  readonly name: string;
  readonly block?: readonly Task[];
  readonly always?: readonly Task[];
};

describe('the Ansible role', () => {
  const role = 'deploy/ansible/roles/wattshed';
  const yaml = <T>(path: string) => parse(read(`${role}/${path}`)) as T;
  const flat = (tasks: readonly Task[]): readonly Task[] =>
    tasks.flatMap((task) => (task.block ? [task, ...flat(task.block), ...flat(task.always ?? [])] : [task]));
  const files = readdirSync(join(root, role, 'tasks'));
  const tasks = files.flatMap((file) => flat(yaml<Task[]>(`tasks/${file}`)));
  const KEYWORDS = [
    ...['name', 'when', 'register', 'changed_when', 'failed_when', 'check_mode', 'notify', 'no_log'],
    ...['environment', 'tags', 'vars', 'block', 'always'],
  ];
  const moduleOf = (task: Task) => Object.keys(task).filter((key) => !KEYWORDS.includes(key));

  test('each task names itself and one module, in full', () => {
    for (const task of tasks) {
      const modules = moduleOf(task);
      expect({ name: task.name, modules }).toEqual({
        name: expect.stringMatching(/^[A-Z]/),
        modules: task.block === undefined ? [expect.stringMatching(/^ansible\.builtin\.[a-z_]+$/)] : [],
      });
    }
  });

  test('what it notifies, imports and fills in is there', () => {
    const handlers = yaml<Task[]>('handlers/main.yml').map(({ name }) => name);
    for (const { notify } of tasks) if (notify !== undefined) expect(handlers).toContain(notify);
    for (const task of tasks) {
      const imported = task['ansible.builtin.import_tasks'] as string | undefined;
      if (imported !== undefined) expect(files).toContain(imported);
      const template = task['ansible.builtin.template'] as { src: string } | undefined;
      if (template !== undefined) expect(existsSync(join(root, role, 'templates', template.src))).toBe(true);
    }
    const play = parse(read('deploy/ansible/playbook.yml')) as [{ roles: [{ role: string }] }];
    expect(play[0].roles[0].role).toBe('wattshed');
  });

  test('every variable has a default or is found out', () => {
    const defaults = Object.keys(yaml<object>('defaults/main.yml'));
    const found = tasks.flatMap((task) => [
      ...(typeof task.register === 'string' ? [task.register] : []),
      ...Object.keys((task['ansible.builtin.set_fact'] as object | undefined) ?? {}),
      ...Object.keys((task.vars as object | undefined) ?? {}),
    ]);
    const text = [...files.map((file) => `tasks/${file}`), 'templates/environment.j2']
      .map((file) => read(`${role}/${file}`).replaceAll(/^\s*#.*$/gm, ''))
      .join('\n');
    const used = new Set([...text.matchAll(/\bwattshed_[a-z0-9_]+/g)].map(([name]) => name));
    used.delete('wattshed_uninstall');
    expect([...used].filter((name) => !defaults.includes(name) && !found.includes(name))).toEqual([]);
    expect(defaults.filter((name) => !used.has(name))).toEqual([]);
  });

  test('calls what the agent and its installer understand, and shows no key', () => {
    const commands = tasks.flatMap((task) => {
      const command = task['ansible.builtin.command'] as { argv: string | string[] } | undefined;
      return command === undefined ? [] : [{ task, words: [command.argv].flat().join(' ') }];
    });
    for (const word of ['install', 'uninstall']) {
      expect(COMMANDS.map(({ name }) => name)).toContain(word);
      expect(commands.some(({ words }) => words.includes(word))).toBe(true);
    }
    const { options } = COMMANDS.find(({ name }) => name === 'uninstall')!;
    expect(options).toHaveProperty('discard-unsent');
    expect(read('deploy/install/install.sh')).toContain('--no-service)');
    // The line that the role takes the version from.
    expect(read('deploy/install/install.sh')).toMatch(/^VERSION='/m);
    // Jinja takes one backslash away.
    expect(read(`${role}/tasks/install.yml`)).toContain(String.raw`regex_search("VERSION='([^']+)'", '\\1')`);
    for (const task of tasks) {
      const secret = task.block === undefined && /enrolment_key|template/.test(JSON.stringify(task));
      if (secret) expect({ name: task.name, no_log: task.no_log }).toEqual({ name: task.name, no_log: true });
    }
    expect(commands.map(({ words }) => words).join()).not.toContain('enrolment_key');
  });
});

const hasAnalyze = spawnSync('systemd-analyze', ['--version']).status === 0;

describe("the relay's unit", () => {
  const unit = read('deploy/relay/wattshed-relay.service');

  test('starts the relay, and lets V8 compile', () => {
    expect(unit).toContain('ExecStart=/usr/local/bin/wattshed relay $RELAY_OPTIONS');
    expect(COMMANDS.map(({ name }) => name)).toContain('relay');
    expect(unit).not.toContain('MemoryDenyWriteExecute');
  });

  test.skipIf(!hasAnalyze)(
    `systemd reads it without a complaint${hasAnalyze ? '' : ' (skipped: no systemd-analyze here)'}`,
    () => {
      const folder = mkdtempSync(join(tmpdir(), 'wattshed-unit-'));
      const file = join(folder, 'wattshed-relay.service');
      writeFileSync(file, unit.replace('/usr/local/bin/wattshed relay $RELAY_OPTIONS', '/bin/true'));
      const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', file], {
        encoding: 'utf8',
      });
      rmSync(folder, { recursive: true });
      const complaints = stderr.split('\n').filter((line) => line.includes('wattshed-relay.service'));
      expect({ status, complaints }).toEqual({ status: 0, complaints: [] });
    },
  );
});
