/** How the agent becomes one file: here, so that tests run what users get. */
import { fileURLToPath } from 'node:url';
import { packedYaml } from './packed-yaml.mjs';

/**
 * An `import` of one of Node's own modules looks at everything that it exports, and with it loads what stands behind: the whole
 * of `fetch` with `node:http` (13 to 20 MiB), workers with `node:util`. `require` looks at what is asked for.
 *
 * @type {import('esbuild').Plugin}
 */
const onlyWhatIsAskedFor = {
  name: 'only-what-is-asked-for',
  setup(build) {
    build.onResolve({ filter: /^node:/ }, ({ path, kind }) =>
      kind === 'import-statement' && path !== 'node:module' ? { path, namespace: 'builtin' } : undefined,
    );
    build.onLoad({ filter: /.*/, namespace: 'builtin' }, async ({ path }) => {
      const names = Object.keys(await import(path)).filter((name) => name !== 'default');
      return {
        // Names that nobody imports are left out, since a pure call may be.
        contents: [
          `const module = requireBuiltin('${path}');`,
          'const of = (name) => module[name];',
          'export default module;',
          ...names.map((name) => `export const ${name} = /* @__PURE__ */ of('${name}');`),
        ].join('\n'),
        loader: 'js',
      };
    });
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
  plugins: [onlyWhatIsAskedFor, packedYaml],
  logLevel: 'error',
  legalComments: 'none',
});
