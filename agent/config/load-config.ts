/** Reads the settings: built-in defaults, then the file, then the environment. */
import { readFileSync } from 'node:fs';
import { CONFIG_KEYS, type Config, defaultConfig } from './keys.ts';
import { nearest } from './nearest.ts';

export const DEFAULT_CONFIG_FILE = '/etc/wattshed/config.json';

/** Environment variables that are no settings: the file's place, the key for `enroll`, the token of commands that ask. */
export const OTHER_VARIABLES = ['WATTSHED_CONFIG', 'WATTSHED_ENROLMENT_KEY', 'WATTSHED_TOKEN'];

/** A setting that cannot be used; the message names where it stands and what would be right. */
export class ConfigError extends Error {}

export interface LoadedConfig {
  readonly config: Config;
  /** The file that was read; null where there is none. */
  readonly file: string | null;
  /** One line each: unknown keys, with the nearest known one. */
  readonly warnings: readonly string[];
}

/**
 * @param file as given by `--config`; else `WATTSHED_CONFIG`, else the default, which may be missing
 * @throws ConfigError
 */
export function loadConfig(
  env: NodeJS.ProcessEnv,
  uid: number | undefined,
  file = env.WATTSHED_CONFIG,
): LoadedConfig {
  const path = file ?? DEFAULT_CONFIG_FILE;
  const written = readConfigFile(path, file !== undefined);
  const warnings: string[] = [];
  const config: { -readonly [K in keyof Config]: Config[K] } = { ...defaultConfig(env, uid) };
  const take = (key: (typeof CONFIG_KEYS)[number], value: unknown, place: string) => {
    try {
      Object.assign(config, { [key.key]: key.parse(value) });
    } catch (error) {
      throw new ConfigError(`${place} ${(error as Error).message}`);
    }
  };
  for (const [name, value] of Object.entries(written ?? {})) {
    const key = CONFIG_KEYS.find((one) => one.key === name);
    if (key === undefined)
      warnings.push(
        unknown(
          `"${name}" in ${path}`,
          name,
          CONFIG_KEYS.map((one) => one.key),
        ),
      );
    else take(key, value, `"${name}" in ${path}`);
  }
  const variables = CONFIG_KEYS.map((one) => one.env);
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith('WATTSHED_') || OTHER_VARIABLES.includes(name) || value === undefined) continue;
    const key = CONFIG_KEYS.find((one) => one.env === name);
    if (key === undefined)
      warnings.push(unknown(`environment variable ${name}`, name, [...variables, ...OTHER_VARIABLES]));
    else if (value !== '') take(key, value, `environment variable ${name}`);
  }
  return { config, file: written === null ? null : path, warnings };
}

function readConfigFile(path: string, required: boolean): Record<string, unknown> | null {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' && !required) return null;
    throw new ConfigError(`the configuration file ${path} cannot be read (${code})`);
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new ConfigError(
      `the configuration file ${path} is not valid JSON: ${(error as SyntaxError).message}`,
    );
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw new ConfigError(`the configuration file ${path} must hold one JSON object`);
  return parsed as Record<string, unknown>;
}

function unknown(place: string, name: string, known: readonly string[]): string {
  const near = nearest(name, known);
  return `${place} is not a setting and is ignored${near === null ? '' : `; did you mean ${near}?`}`;
}
