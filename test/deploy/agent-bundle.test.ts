import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { expect, onTestFinished, test } from 'vitest';
import { agentBundle } from '../../deploy/build/agent-bundle.mjs';

test("the agent loads of Node's modules what it uses, and nothing that stands behind them", async () => {
  const folder = mkdtempSync(join(tmpdir(), 'wattshed-bundle-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const agent = join(folder, 'wattshed.mjs');
  await build(agentBundle(agent));
  // Loaded first, it sees the process end.
  const watcher = join(folder, 'watcher.cjs');
  writeFileSync(
    watcher,
    "process.on('exit', () => console.error(process.moduleLoadList.map((name) => name.replace('NativeModule ', '')).join()));",
  );
  const { stdout, stderr } = spawnSync(process.execPath, ['--require', watcher, agent, '--version'], {
    encoding: 'utf8',
  });
  expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  const loaded = stderr.trim().split(',');
  expect(loaded).toContain('https');
  for (const needless of ['internal/deps/undici/undici', 'worker_threads', 'internal/crypto/webcrypto'])
    expect(loaded).not.toContain(needless);
});
