/**
 * `npm run package [-- --arch x64|arm64]`: one archive per architecture with everything an agent needs, its own Node
 * included, for hosts that have none or no way out. The same sources give the same bytes.
 */
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { build } from '../build/build.mjs';
import { archiveName, installScript, packageVersion, sha256Of } from './installer.mjs';
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
  const file = await pack(arch);
  sums.push(`${sha256Of(file)}  ${archiveName(packageVersion(), arch)}`);
  console.log(`${sums.at(-1)}  (${(statSync(file).size / 2 ** 20).toFixed(1)} MiB)`);
}
writeFileSync(join(out, 'SHA256SUMS'), `${sums.join('\n')}\n`);
// Once more: install.sh of the server now knows the archives.
await build();
console.log(`in ${out}`);

/** @param {import('./native-files.mjs').Architecture} arch */
async function pack(arch) {
  const name = archiveName(packageVersion(), arch);
  const folder = name.replace('.tar.gz', '');
  const place = join(out, folder);
  mkdirSync(join(place, 'bin'), { recursive: true });
  const agent = join(root, 'dist/wattshed.mjs');
  const koffi = fetchNativeFile('koffi', arch);
  const node = fetchNativeFile('node', arch);
  cpSync(agent, join(place, 'wattshed.mjs'));
  cpSync(koffi, join(place, 'koffi.node'));
  cpSync(node, join(place, 'bin/node'));
  for (const file of ['LICENSE', 'NOTICE']) cpSync(join(root, file), join(place, file));
  cpSync(join(root, 'node_modules/koffi/LICENSE.txt'), join(place, 'LICENSE.koffi'));
  const nodeLicence = join(node, '../../LICENSE');
  if (existsSync(nodeLicence)) cpSync(nodeLicence, join(place, 'LICENSE.node'));
  const script = await installScript({ agent, server: '', koffi: { [arch]: koffi } });
  writeFileSync(join(place, 'install.sh'), script, { mode: 0o755 });
  const files = /** @type {string[]} */ (readdirSync(place, { recursive: true })).filter((file) =>
    statSync(join(place, file)).isFile(),
  );
  const sums = files.sort().map((file) => `${sha256Of(join(place, file))}  ${file}\n`);
  writeFileSync(join(place, 'SHA256SUMS'), sums.join(''));
  const plain = join(out, `${folder}.tar`);
  execFileSync('tar', [
    '--sort=name',
    '--mtime=@0',
    '--owner=0',
    '--group=0',
    '--numeric-owner',
    '--mode=u=rwX,go=rX',
    '-cf',
    plain,
    '-C',
    out,
    folder,
  ]);
  const file = join(out, name);
  writeFileSync(file, gzipSync(readFileSync(plain), { level: 9 }));
  rmSync(plain);
  rmSync(place, { recursive: true });
  return file;
}
