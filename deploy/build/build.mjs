/**
 * Builds what runs outside the toolchain into dist/: the agent as one file, the page, and the Worker for the local
 * launcher (`wrangler deploy` bundles its own). Plain JavaScript, so that it runs on whatever Node starts it.
 */
import { chmod, cp, mkdir, readdir, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build as bundle, stop } from 'esbuild';
import { buildInstaller } from '../package/installer.mjs';
import { agentBundle } from './agent-bundle.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** @type {import('esbuild').BuildOptions} */
const shared = { absWorkingDir: root, bundle: true, format: 'esm', logLevel: 'error', legalComments: 'none' };

async function buildAgent() {
  await bundle(agentBundle('dist/wattshed.mjs'));
  await chmod(`${root}/dist/wattshed.mjs`, 0o755);
}

async function buildDashboard() {
  const out = `${root}/dist/dashboard`;
  await mkdir(out, { recursive: true });
  // The folder itself stays: a server that runs from it would serve nothing any more.
  for (const name of await readdir(out)) await rm(`${out}/${name}`, { recursive: true });
  await bundle({
    ...shared,
    entryPoints: ['worker/dashboard/main.ts'],
    outdir: 'dist/dashboard',
    platform: 'browser',
    target: 'es2022',
    minify: true,
  });
  for (const file of ['index.html', 'style.css', '_headers', 'favicon.svg']) {
    await cp(`${root}/worker/dashboard/${file}`, `${out}/${file}`);
  }
}

async function buildWorker() {
  await bundle({
    ...shared,
    entryPoints: ['worker/index.ts'],
    outfile: 'dist/worker/index.js',
    platform: 'browser',
    external: ['node:zlib'],
    target: 'es2022',
    conditions: ['workerd', 'worker', 'browser'],
  });
}

export async function build() {
  await Promise.all([buildAgent(), buildDashboard(), buildWorker()]);
  await buildInstaller(`${root}/dist/wattshed.mjs`, `${root}/dist/dashboard`);
  // The compiler's process would stay as long as the launcher does.
  await stop();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await build();
