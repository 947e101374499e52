/** What the Worker serves to a host that installs the agent: the files, and install.sh with their checksums in it. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ARCHITECTURES, nativeFile } from './native-files.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** Made by `npm run package`: `<sha256>  <file name>` lines. */
const ARCHIVE_CHECKSUMS = join(root, 'dist/package/SHA256SUMS');

/** @param {string} version @param {import('./native-files.mjs').Architecture} arch */
export const archiveName = (version, arch) => `wattshed-agent-${version}-linux-${arch}.tar.gz`;

/** @param {string} file */
export const sha256Of = (file) => createHash('sha256').update(readFileSync(file)).digest('hex');

export function packageVersion() {
  return /** @type {string} */ (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version);
}

/**
 * The text of install.sh. Without a server it takes its files from beside itself, as in an archive.
 *
 * @param {{ agent: string, server: string, koffi: Record<string, string | null> }} parts paths of the files; the server's
 *   place stays `@SERVER@` for the Worker to fill in
 */
export async function installScript({ agent, server, koffi }) {
  const version = packageVersion();
  const archives = existsSync(ARCHIVE_CHECKSUMS) ? readFileSync(ARCHIVE_CHECKSUMS, 'utf8') : '';
  /** @param {import('./native-files.mjs').Architecture} arch */
  const archiveSum = (arch) =>
    archives
      .split('\n')
      .find((line) => line.endsWith(`  ${archiveName(version, arch)}`))
      ?.split(' ')[0] ?? '';
  /** @type {Record<string, string>} */
  const values = { VERSION: version, SERVER: server, SHA256_AGENT: sha256Of(agent) };
  for (const arch of ARCHITECTURES) {
    const file = koffi[arch] ?? null;
    values[`SHA256_KOFFI_${arch.toUpperCase()}`] = file === null ? '' : sha256Of(file);
    values[`SHA256_ARCHIVE_${arch.toUpperCase()}`] = archiveSum(arch);
  }
  const template = await readFile(join(root, 'deploy/install/install.sh'), 'utf8');
  return template.replace(/'@([A-Z0-9_]+)@'/g, (_, name) => {
    const value = values[name];
    if (value === undefined) throw new Error(`install.sh asks for @${name}@, which nothing fills in`);
    return `'${value}'`;
  });
}

/**
 * @param {string} agent the built agent
 * @param {string} folder of the static files
 */
export async function buildInstaller(agent, folder) {
  const out = join(folder, 'agent');
  await mkdir(out, { recursive: true });
  await copyFile(agent, join(out, 'wattshed.mjs'));
  /** @type {Record<string, string | null>} */
  const koffi = {};
  for (const arch of ARCHITECTURES) {
    const file = nativeFile('koffi', arch);
    koffi[arch] = file;
    if (file !== null) await copyFile(file, join(out, `koffi-linux-${arch}.node`));
  }
  await writeFile(join(out, 'install.sh'), await installScript({ agent, server: '@SERVER@', koffi }));
}
