/**
 * The native files of each architecture: koffi's, and Node itself. npm installs those of this machine; those of the other
 * come from the registry when a package is made, checked against the lockfile.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const cache = join(root, 'node_modules/.cache/wattshed-native');

/** @typedef {'x64' | 'arm64'} Architecture */
export const ARCHITECTURES = /** @type {const} */ (['x64', 'arm64']);

/** @type {Record<'koffi' | 'node', (arch: Architecture) => { name: string, path: string }>} */
const FILES = {
  koffi: (arch) => ({ name: `@koromix/koffi-linux-${arch}`, path: `linux_${arch}/koffi.node` }),
  node: (arch) => ({ name: `node-linux-${arch}`, path: 'bin/node' }),
};

/**
 * Where the file lies on this machine; null where it does not.
 *
 * @param {'koffi' | 'node'} what
 * @param {Architecture} arch
 */
export function nativeFile(what, arch) {
  const { name, path } = FILES[what](arch);
  const { version } = lockedPackage(name);
  const places = [join(root, 'node_modules', name), join(cache, `${name}@${version}`)];
  return places.map((place) => join(place, path)).find((file) => existsSync(file)) ?? null;
}

/**
 * The same, from the registry if need be.
 *
 * @param {'koffi' | 'node'} what
 * @param {Architecture} arch
 */
export function fetchNativeFile(what, arch) {
  const there = nativeFile(what, arch);
  if (there !== null) return there;
  const { name, path } = FILES[what](arch);
  const { version, integrity } = lockedPackage(name);
  const whole = join(cache, `${name}@${version}`);
  // Half a folder must never look like a whole one.
  const folder = `${whole}.part`;
  rmSync(folder, { recursive: true, force: true });
  rmSync(whole, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const output = execFileSync('npm', ['pack', `${name}@${version}`, '--json', '--pack-destination', folder], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const archive = join(folder, JSON.parse(output)[0].filename.replace('@', '').replace('/', '-'));
  const digest = `sha512-${createHash('sha512').update(readFileSync(archive)).digest('base64')}`;
  if (digest !== integrity) {
    rmSync(folder, { recursive: true, force: true });
    throw new Error(`${name}@${version} is not what the lockfile names (its checksum differs)`);
  }
  execFileSync('tar', ['-xzf', archive, '-C', folder, '--strip-components=1']);
  rmSync(archive);
  renameSync(folder, whole);
  return join(whole, path);
}

/** @param {string} name */
function lockedPackage(name) {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  const entry = lock.packages[`node_modules/${name}`];
  if (entry === undefined) throw new Error(`package-lock.json does not name ${name}`);
  return /** @type {{ version: string, integrity: string }} */ (entry);
}
