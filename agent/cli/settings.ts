/** The settings of one command: file and environment, then its own options. */
import { type LoadedConfig, loadConfig } from '../config/load-config.ts';
import type { Io, OptionValues } from './command.ts';

/** Tells of unknown settings on standard error. @throws ConfigError */
export function settingsFor(io: Io, options: OptionValues): LoadedConfig {
  const loaded = loadConfig(io.env, io.uid, options.config as string | undefined);
  for (const warning of loaded.warnings) io.err(`wattshed: ${warning}\n`);
  const stateDir = options['state-dir'];
  return typeof stateDir === 'string' ? { ...loaded, config: { ...loaded.config, stateDir } } : loaded;
}
