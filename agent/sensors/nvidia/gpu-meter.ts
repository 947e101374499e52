/** What both readers of NVIDIA GPUs agree on. */
import type { Meter } from '../../../shared/metering/reading.ts';
import { watts } from '../../../shared/units.ts';

/** No board draws more (a GB300 is rated 1,400 W); the server refuses more as well. */
const MAX_BOARD_WATTS = 2500;

/** @param scope `module` where the meter's counter covers the CPU beside the GPU */
export function gpuMeter(sensor: string, uuid: string, name: string, scope: 'device' | 'module'): Meter {
  return {
    id: `${sensor}:${uuid}`,
    sensor,
    deviceId: uuid,
    deviceType: 'gpu',
    deviceName: name,
    scope,
    powerKind: 'integrated',
    maxPlausibleWatts: watts(MAX_BOARD_WATTS),
  };
}
