/** Asks for the alerts that fire, and for the newest of those that are over. */
import type { Get } from './api.ts';
import type { Alert } from './contract.ts';

export interface Alerts {
  readonly firing: readonly Alert[];
  /** True where more fire than the page lists. */
  readonly moreFiring: boolean;
  /** Newest first. */
  readonly ended: readonly Alert[];
}

const MAX_FIRING = 20;
const MAX_ENDED = 10;

interface Page {
  readonly alerts: readonly Alert[];
  readonly nextCursor: string | null;
}

export async function loadAlerts(get: Get): Promise<Alerts> {
  const [open, all] = await Promise.all([
    get<Page>('/v1/alerts', { state: 'open', limit: String(MAX_FIRING) }),
    get<Page>('/v1/alerts', { limit: String(MAX_FIRING + MAX_ENDED) }),
  ]);
  return {
    firing: open.alerts,
    moreFiring: open.nextCursor !== null,
    ended: all.alerts.filter(({ state }) => state !== 'firing').slice(0, MAX_ENDED),
  };
}
