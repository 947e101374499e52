/**
 * Builds what runs outside the toolchain into dist/: the agent as one file, the page, and the Worker for the local
 * launcher (`wrangler deploy` bundles its own). Plain JavaScript, so that it runs on whatever Node starts it.
 */
import { chmod, cp, mkdir, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build as bundle, stop } from 'esbuild';
import { buildInstaller } from '../package/installer.mjs';
import { packedYaml } from './packed-yaml.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** @type {import('esbuild').BuildOptions} */
const shared = { absWorkingDir: root, bundle: true, format: 'esm', logLevel: 'error', legalComments: 'none' };

/**
 * An `import` of `node:http` looks at everything that it exports, and with it loads the whole of `fetch`: 13 to 20 MiB that
 * the agent never uses. `require` looks at what is asked for.
 *
 * @type {import('esbuild').Plugin}
 */
const httpWithoutFetch = {
  name: 'http-without-fetch',
  setup(build) {
    build.onResolve({ filter: /^node:http$/ }, () => ({ path: 'http', namespace: 'builtin' }));
    build.onLoad({ filter: /.*/, namespace: 'builtin' }, () => ({
      contents: "module.exports = requireBuiltin('node:http');",
      loader: 'js',
    }));
  },
};

/** The agent: one file for Node 20 and newer. koffi is native and stays beside it, where it is installed. */
async function buildAgent() {
  await bundle({
    ...shared,
    entryPoints: ['agent/main.ts'],
    outfile: 'dist/wattshed.mjs',
    platform: 'node',
    target: 'node20',
    external: ['koffi', 'node:ffi'],
    banner: {
      js: [
        '#!/usr/bin/env node',
        "import { createRequire } from 'node:module';",
        'const requireBuiltin = createRequire(import.meta.url);',
      ].join('\n'),
    },
    plugins: [httpWithoutFetch, packedYaml],
  });
  await chmod(`${root}/dist/wattshed.mjs`, 0o755);
}

async function buildDashboard() {
  const out = `${root}/dist/dashboard`;
  await rm(out, { recursive: true, force: true });
  await mkdir(out, { recursive: true });
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
