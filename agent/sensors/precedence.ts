/** Which sensor steps back where two would meter the same thing: overlapping meters are never added. */
import type { Meter } from '../../shared/metering/reading.ts';
import type { DeviceType } from '../../shared/wire/ingest.ts';
import type { Sensor } from './sensor.ts';

/** What a CPU+GPU module's meter covers beside the GPU. */
const WITHIN_MODULE: readonly DeviceType[] = ['cpu', 'memory'];

/**
 * The meter that makes a sensor needless, if there is one. Sensors that stand in for nothing run side by side.
 *
 * @param better meters of the sensors that come before it in the list and have worked in this run: one that fails for a
 *   moment keeps its place, since its counter will tell what was used meanwhile
 */
export function coveredBy(
  { standsInFor }: Pick<Sensor, 'standsInFor'>,
  better: readonly Meter[],
): Meter | null {
  if (standsInFor === undefined) return null;
  const covers = ({ deviceType, scope }: Meter) =>
    deviceType === standsInFor || (scope === 'module' && WITHIN_MODULE.includes(standsInFor));
  return better.find(covers) ?? null;
}
