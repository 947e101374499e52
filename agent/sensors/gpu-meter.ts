/** What the readers of GPUs agree on. */
import type { Meter } from '../../shared/metering/reading.ts';
import { watts } from '../../shared/units.ts';

/** No board draws more (a GB300 and an MI355X are rated 1,400 W); the server refuses more as well. */
const MAX_BOARD_WATTS = 2500;

/**
 * @param id its UUID, or what else stays with the board
 * @param scope `module` where the meter covers the CPU beside the GPU
 */
export function gpuMeter(sensor: string, id: string, name: string, scope: 'device' | 'module'): Meter {
  return {
    id: `${sensor}:${id}`,
    sensor,
    deviceId: id,
    deviceType: 'gpu',
    deviceName: name,
    scope,
    powerKind: 'integrated',
    maxPlausibleWatts: watts(MAX_BOARD_WATTS),
  };
}
