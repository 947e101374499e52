/** The settings as the sensors take them. */
import { HOST_PATHS } from '../inventory/host-paths.ts';
import type { SensorOptions } from '../sensors/list.ts';
import type { RedfishAccess } from '../sensors/node-meter/redfish-client.ts';
import type { Config } from './keys.ts';

export function sensorOptions(config: Config, env: NodeJS.ProcessEnv) {
  return {
    paths: { ...HOST_PATHS, sysRoot: config.sysRoot, procRoot: config.procRoot },
    ...(config.nvmlLibrary === null ? {} : { nvmlLibraryPath: config.nvmlLibrary }),
    nvidiaSmiPath: config.nvidiaSmi,
    dcgmExporter: config.dcgmExporter,
    raplLevel: config.raplLevel,
    nodeMeter: config.nodeMeter,
    redfish: redfishAccess(config),
    redfishChassis: config.redfishChassis,
    env,
  } satisfies SensorOptions;
}

function redfishAccess(config: Config): RedfishAccess | null {
  if (config.redfishUrl === null) return null;
  return {
    url: config.redfishUrl,
    user: config.redfishUser,
    passwordFile: config.redfishPasswordFile,
    caFile: config.redfishCaFile,
    insecure: config.redfishInsecure,
  };
}
