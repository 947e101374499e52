/** What the readers of GPUs agree on. */
import type { Meter } from '../../shared/metering/reading.ts';
import { watts } from '../../shared/units.ts';
import type { MeterFacts } from '../../shared/wire/ingest.ts';

/** No board draws more (a GB300 and an MI355X are rated 1,400 W); the server refuses more as well. */
const MAX_BOARD_WATTS = 2500;

/**
 * Recorded boards draw up to an eighth more than their limit over a second, and single samples more; one that was lowered
 * says nothing of the time before, so the higher of the two limits counts. Twice that no board draws.
 */
const ABOVE_LIMIT = 2;

/**
 * @param id its UUID, or what else stays with the board
 * @param scope `module` where the meter covers the CPU beside the GPU: a limit of the GPU does not bound it then
 */
export function gpuMeter(
  sensor: string,
  id: string,
  name: string,
  scope: 'device' | 'module',
  facts?: MeterFacts,
): Meter {
  return {
    id: `${sensor}:${id}`,
    sensor,
    deviceId: id,
    deviceType: 'gpu',
    deviceName: name,
    scope,
    powerKind: 'integrated',
    maxPlausibleWatts: watts(scope === 'device' ? mostWatts(facts) : MAX_BOARD_WATTS),
    ...(facts !== undefined && { facts }),
  };
}

function mostWatts({ powerLimitWatts = 0, defaultPowerLimitWatts = 0 }: MeterFacts = {}): number {
  const limit = Math.max(powerLimitWatts, defaultPowerLimitWatts);
  return limit === 0 ? MAX_BOARD_WATTS : Math.min(MAX_BOARD_WATTS, ABOVE_LIMIT * limit);
}
