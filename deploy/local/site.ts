/** The site of this host and its grid zone, set through the API like anybody's. */
import { findZone, nearestZones, WORLD_ZONE } from '../../shared/grid/zones.ts';
import type { Api } from './api.ts';
import { StartError } from './start-error.ts';

const SITE = 'local';

/** Throws `StartError` that names the keys that may have been meant. */
export function assertKnownZone(key: string): void {
  if (findZone(key) !== null) return;
  throw new StartError(
    `--zone ${key} is no known grid zone. Did you mean ${nearestZones(key).join(', ')}? ` +
      'Keys are those of Electricity Maps; GET /v1/grid/zones lists them.',
  );
}
