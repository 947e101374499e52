/**
 * `npm run package [-- --arch x64|arm64]`: one archive per architecture with everything an agent needs, its own Node
 * included, for hosts that have none or no way out. The same sources give the same bytes.
 */
import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from '../build/build.mjs';
import { packArchive } from './archive.mjs';
import { archiveName, packageVersion, sha256Of } from './installer.mjs';
import { ARCHITECTURES, fetchNativeFile } from './native-files.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const out = join(root, 'dist/package');

const { values } = parseArgs({ options: { arch: { type: 'string' } } });
const wanted = ARCHITECTURES.filter((arch) => values.arch === undefined || values.arch === arch);
if (wanted.length === 0) {
  console.error(`wattshed: --arch must be one of ${ARCHITECTURES.join(', ')}, got "${values.arch}"`);
  process.exit(2);
}

await build();
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const sums = [];
for (const arch of wanted) {
  const parts = { koffi: fetchNativeFile('koffi', arch), node: fetchNativeFile('node', arch) };
  const file = await packArchive({ arch, agent: join(root, 'dist/wattshed.mjs'), ...parts, out });
  sums.push(`${sha256Of(file)}  ${archiveName(packageVersion(), arch)}`);
  console.log(`${sums.at(-1)}  (${(statSync(file).size / 2 ** 20).toFixed(1)} MiB)`);
}
writeFileSync(join(out, 'SHA256SUMS'), `${sums.join('\n')}\n`);
// Once more: install.sh of the server now knows the archives.
await build();
console.log(`in ${out}`);
