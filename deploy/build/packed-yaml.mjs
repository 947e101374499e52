/**
 * The reader of YAML, for one command of the agent: as a compressed text within the agent's file, which nothing unpacks
 * before that command asks. As code it would cost every running agent 1.1 MiB, packed it costs a tenth of that.
 */
import { deflateRawSync } from 'node:zlib';
import { build as bundle } from 'esbuild';

/** What the agent takes of it. */
const NAMES = ['LineCounter', 'parseDocument', 'stringify'];

/** @type {import('esbuild').Plugin} */
export const packedYaml = {
  name: 'packed-yaml',
  setup(build) {
    build.onResolve({ filter: /^yaml$/ }, () => ({ path: 'yaml', namespace: 'packed' }));
    build.onLoad({ filter: /.*/, namespace: 'packed' }, async () => {
      const { outputFiles } = await bundle({
        stdin: { contents: `export { ${NAMES} } from 'yaml'`, resolveDir: import.meta.dirname },
        bundle: true,
        minify: true,
        format: 'cjs',
        // That build of it needs nothing of Node, so the text needs no `require`.
        platform: 'browser',
        target: 'node20',
        write: false,
        logLevel: 'error',
      });
      const packed = deflateRawSync(/** @type {{ contents: Uint8Array }} */ (outputFiles[0]).contents);
      const contents = `
        import { inflateRawSync } from 'node:zlib';
        const text = inflateRawSync(Buffer.from('${packed.toString('base64')}', 'base64')).toString();
        const module = { exports: {} };
        new Function('module', text)(module);
        export const { ${NAMES} } = module.exports;`;
      return { contents, loader: 'js' };
    });
  },
};
