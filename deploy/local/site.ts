/** The site of this host and its grid zone, set through the API like anybody's. */
import { findZone, nearestZones, WORLD_ZONE } from '../../shared/grid/zones.ts';
import { CommandError } from '../command-error.ts';
import type { Api } from './api.ts';

const KEY_LIFETIME_MS = 600_000;
export const LOCAL_SITE = 'local';
/** The earliest instant that the API takes. */
const ALWAYS = '2000-01-01T00:00:00Z';
/** Nobody has named a facility: the host's own energy, nothing on top. */
const NO_OVERHEAD = 1;

/** Throws `CommandError` that names the keys that may have been meant. */
export function assertKnownZone(key: string): void {
  if (findZone(key) !== null) return;
  throw new CommandError(
    `--zone ${key} is no known grid zone. Did you mean ${nearestZones(key).join(', ')}? ` +
      'Keys are those of Electricity Maps; GET /v1/grid/zones lists them.',
  );
}

/**
 * Creates the site at first start. A zone given later holds from now on, except in the place of `WORLD`: nobody had said
 * where the host stands, so the first real zone holds for its whole past. Returns the zone that holds now.
 */
export async function ensureSite(api: Api, gridZone: string | null): Promise<string> {
  const site = await api.call<{ gridZone: string }>('GET', `/v1/sites/${LOCAL_SITE}`);
  if (site === null) {
    const zone = gridZone ?? WORLD_ZONE;
    const values = { gridZone: zone, pueRatio: NO_OVERHEAD };
    await api.call('POST', '/v1/sites', { id: LOCAL_SITE, name: 'This host', ...values });
    return zone;
  }
  if (gridZone === null || gridZone === site.gridZone) return site.gridZone;
  await api.call('PATCH', `/v1/sites/${LOCAL_SITE}`, {
    gridZone,
    ...(site.gridZone === WORLD_ZONE ? { effectiveFrom: ALWAYS } : {}),
  });
  return gridZone;
}

/** A key that enrols `uses` hosts at a site, within minutes. */
export async function createEnrolmentKey(api: Api, site: string, uses = 1): Promise<string> {
  const answer = await api.call<{ key: string }>('POST', '/v1/enrolment-keys', {
    label: 'npm start',
    site,
    maxUses: uses,
    onKnownHost: 'replace',
    expiresAt: new Date(Date.now() + KEY_LIFETIME_MS).toISOString(),
  });
  if (answer === null)
    throw new CommandError('the Worker has no route for enrolment keys: run npm ci and start again');
  return answer.key;
}
