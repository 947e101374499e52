/** Which sensor steps back where two would meter the same thing: overlapping meters are never added. */
import type { Meter } from '../../shared/metering/reading.ts';
import type { DeviceType } from '../../shared/wire/ingest.ts';

/**
 * Sensors that only stand in for a better one, and the devices they meter. All others may run side by side.
 */
const STANDS_IN_FOR: Readonly<Record<string, DeviceType>> = {
  'nvidia-smi': 'gpu',
  'cpu-model': 'cpu',
  'memory-model': 'memory',
};

/**
 * The meter that makes a sensor needless, if there is one.
 *
 * @param sensor its name
 * @param better meters of the sensors that come before it in the list and have worked in this run: one that fails for a
 *   moment keeps its place, since its counter will tell what was used meanwhile
 */
export function coveredBy(sensor: string, better: readonly Meter[]): Meter | null {
  const type = STANDS_IN_FOR[sensor];
  if (type === undefined) return null;
  return (
    better.find(
      ({ deviceType, scope }) =>
        deviceType === type || (scope === 'module' && (type === 'cpu' || type === 'memory')),
    ) ?? null
  );
}
