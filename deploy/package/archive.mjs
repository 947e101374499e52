/** The archive of one architecture: the agent, koffi's native file, a Node of its own, install.sh and their checksums. */
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
import { gzipSync } from 'node:zlib';
import { archiveName, installScript, packageVersion, sha256Of } from './installer.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * The same parts give the same bytes.
 *
 * @param {{ arch: import('./native-files.mjs').Architecture, agent: string, koffi: string, node: string, out: string }} parts
 *   paths of the files; `out`: an existing folder
 * @returns {Promise<string>} path of the archive in `out`
 */
export async function packArchive({ arch, agent, koffi, node, out }) {
  const name = archiveName(packageVersion(), arch);
  const folder = name.replace('.tar.gz', '');
  const place = join(out, folder);
  mkdirSync(join(place, 'bin'), { recursive: true });
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
