/** How the agent becomes one file: here, so that tests run what users get. */
import { fileURLToPath } from 'node:url';
import { packedYaml } from './packed-yaml.mjs';

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

/**
 * One file for Node 20 and newer. koffi is native and stays beside it, where it is installed.
 *
 * @param {string} outfile
 * @returns {import('esbuild').BuildOptions}
 */
export const agentBundle = (outfile) => ({
  absWorkingDir: fileURLToPath(new URL('../..', import.meta.url)),
  entryPoints: ['agent/main.ts'],
  outfile,
  bundle: true,
  format: 'esm',
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
  logLevel: 'error',
  legalComments: 'none',
});
