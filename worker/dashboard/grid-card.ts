/** The grid's intensity now: one zone at large, several as a list. */
import { badge } from './badge.ts';
import { card, figure, quiet } from './card.ts';
import { element } from './dom.ts';
import { formatCount, formatIntensity, UNKNOWN } from './format.ts';
import type { Zone } from './load.ts';

/** @param zonesInUse of which some may not be listed */
export function gridCard(zones: readonly Zone[], zonesInUse: number): HTMLElement {
  const [only] = zones;
  if (only === undefined) return card('Grid now', figure(UNKNOWN), quiet('No zone has used energy today.'));
  const annual = zones.filter(({ now }) => now?.kind === 'annual').map(({ key }) => key);
  return card(
    'Grid now',
    ...(zones.length === 1 ? oneZone(only) : [element('ul', { class: 'zones' }, ...zones.map(zoneItem))]),
    zonesInUse > zones.length
      ? quiet(
          `${zones.length} of ${formatCount(zonesInUse)} zones, by energy; GET /v1/grid/zones lists them all.`,
        )
      : null,
    scopeHint(zones),
    annual.length > 0 ? annualHint(annual) : null,
  );
}

function oneZone({ key, now, trouble }: Zone): HTMLElement[] {
  if (now === null) return [figure(UNKNOWN), quiet(`${key}: ${trouble ?? 'no intensity is known for now'}`)];
  return [
    figure(formatIntensity(now.gramsPerKwh)),
    quiet(`${key}, ${now.scope} `, kindBadge(now.kind), ` ${now.method ?? now.provider}`),
  ];
}

function zoneItem({ key, now, trouble }: Zone): HTMLElement {
  const name = element('span', {}, key);
  if (now === null) return element('li', {}, name, element('span', {}, trouble ?? 'not known'));
  const value = element('strong', { class: 'nowrap' }, formatIntensity(now.gramsPerKwh));
  const title = `${now.scope}, ${now.method ?? now.provider}`;
  return element('li', { title }, name, value, kindBadge(now.kind));
}

const kindBadge = (kind: string) => badge(kind, kind === 'measured' ? 'good' : 'warn');

/** What is consumed and what is produced are two figures: where both stand here, the page says which is which. */
function scopeHint(zones: readonly Zone[]): HTMLElement | null {
  const keysOf = (scope: string) => zones.filter(({ now }) => now?.scope === scope).map(({ key }) => key);
  const producing = keysOf('production');
  if (producing.length === 0 || keysOf('consumption').length === 0) return null;
  return quiet(
    `${producing.join(', ')}: by what is produced there, imports left out; the others by what they consume.`,
  );
}

/** A yearly average says nothing about this hour, so the page says how to get the real one. */
function annualHint(zones: readonly string[]): HTMLElement {
  if (zones.includes('WORLD')) {
    return quiet(
      '“annual” is a yearly average. WORLD stands for no zone: set the real one with ',
      element('code', { class: 'nowrap' }, 'npm start -- --zone KEY'),
      ' or PATCH /v1/sites/{id}.',
    );
  }
  return quiet(
    '“annual” is a yearly average: no live series is known for that zone. GET /v1/grid/zones says why.',
  );
}
