/** The settings as the sensors take them. */
import { HOST_PATHS } from '../inventory/host-paths.ts';
import type { SensorOptions } from '../sensors/list.ts';
import type { Config } from './keys.ts';

export function sensorOptions(config: Config, env: NodeJS.ProcessEnv) {
  return {
    paths: { ...HOST_PATHS, sysRoot: config.sysRoot, procRoot: config.procRoot },
    ...(config.nvmlLibrary === null ? {} : { nvmlLibraryPath: config.nvmlLibrary }),
    nvidiaSmiPath: config.nvidiaSmi,
    env,
  } satisfies SensorOptions;
}
