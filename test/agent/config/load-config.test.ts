/** Settings: defaults, then the file, then the environment; what is wrong is named. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CONFIG_KEYS } from '../../../agent/config/keys.ts';
import { ConfigError, loadConfig } from '../../../agent/config/load-config.ts';
import { nearest } from '../../../agent/config/nearest.ts';

let folder: string;
let file: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'wattshed-config-'));
  file = join(folder, 'config.json');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A good value of each key, as text. */
const GOOD: Record<string, string> = {
  url: 'https://wattshed.example.org/',
  readEveryMilliseconds: '2000',
  dcgmExporter: 'http://127.0.0.1:9400/metrics',
  metricsListen: '[::1]:9999',
  raplLevel: 'psys',
  nodeMeter: 'node',
  redfishUrl: 'https://bmc.example.org',
  redfishInsecure: 'true',
  jobSources: 'slurm, drop-files',
  jobUsers: 'hashed',
};

test('every key can be set in the file and in the environment, which wins', () => {
  for (const { key, env } of CONFIG_KEYS) {
    const text = GOOD[key] ?? '/srv/some/place';
    const value = key === 'readEveryMilliseconds' ? Number(text) : text;
    writeFileSync(file, JSON.stringify({ [key]: value }));
    const fromFile = loadConfig({}, 0, file);
    const fromEnvironment = loadConfig({ [env]: text }, 0, join(folder, 'config.json'));
    expect(fromFile.warnings).toEqual([]);
    expect(fromFile.config[key]).toEqual(fromEnvironment.config[key]);
    expect(fromFile.config[key]).not.toEqual(loadConfig({ HOME: '/root' }, 0, emptyFile()).config[key]);
  }
  writeFileSync(file, JSON.stringify({ stateDir: '/from/file' }));
  expect(loadConfig({ WATTSHED_STATE_DIR: '/from/environment' }, 0, file).config.stateDir).toBe(
    '/from/environment',
  );
});

function emptyFile(): string {
  const path = join(folder, 'empty.json');
  writeFileSync(path, '{}');
  return path;
}

test('the state directory is the system one for root, and the home of others', () => {
  const stateDir = (env: NodeJS.ProcessEnv, uid: number) => loadConfig(env, uid, emptyFile()).config.stateDir;
  expect(stateDir({ HOME: '/home/ada' }, 0)).toBe('/var/lib/wattshed');
  expect(stateDir({ HOME: '/home/ada' }, 1000)).toBe('/home/ada/.local/state/wattshed');
  expect(stateDir({ HOME: '/home/ada', XDG_STATE_HOME: '/state' }, 1000)).toBe('/state/wattshed');
});

describe('what cannot be used is refused with its place and what would be right', () => {
  test.each([
    ['{ "url": "wattshed.example.org" }', /^"url" in .* must be an address such as https:/],
    ['{ "url": "https://user@host" }', /must be a bare address/],
    ['{ "readEveryMilliseconds": 50 }', /must be a whole number from 100 to 10000$/],
    ['{ "stateDir": "" }', /must be a path$/],
    ['{ "stateDir": 7 }', /must be a path$/],
    ['{ "nodeMeter": "yes" }', /must be one of auto, node, off$/],
    ['{ "redfishUser": " " }', /must be a text$/],
    ['{ "redfishInsecure": "maybe" }', /must be true or false$/],
    ['{ "redfishInsecure": 1 }', /must be true or false$/],
    ['{ "url": ', /is not valid JSON/],
    ['[]', /must hold one JSON object$/],
  ])('%s', (text, message) => {
    writeFileSync(file, text);
    expect(() => loadConfig({}, 0, file)).toThrow(ConfigError);
    expect(() => loadConfig({}, 0, file)).toThrow(message);
  });

  test('a file that was asked for and is not there', () => {
    expect(() => loadConfig({}, 0, join(folder, 'none.json'))).toThrow(
      /none\.json cannot be read \(ENOENT\)/,
    );
    expect(() => loadConfig({ WATTSHED_CONFIG: join(folder, 'none.json') }, 0)).toThrow(ConfigError);
  });
});

test('the nearest name is offered for a typo, and none for another word', () => {
  const known = ['stateDir', 'url', 'readEveryMilliseconds'];
  expect(nearest('state_dir', known)).toBe('stateDir');
  expect(nearest('URl', known)).toBe('url');
  expect(nearest('readEveryMillis', known)).toBe('readEveryMilliseconds');
  expect(nearest('colour', known)).toBeNull();
});
