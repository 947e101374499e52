/** The fleet now: the figures, the hours of today, the nodes. */
import { alertsCard } from './alerts.ts';
import { card, figure, quiet } from './card.ts';
import { hourChart } from './chart.ts';
import type { Figures } from './contract.ts';
import { element, svgElement } from './dom.ts';
import {
  formatClock,
  formatCount,
  formatEnergy,
  formatMass,
  formatPower,
  formatShare,
  UNKNOWN,
} from './format.ts';
import { gridCard } from './grid-card.ts';
import { leadersCard } from './leaders.ts';
import type { Overview } from './load.ts';
import type { MeanPower } from './mean-power.ts';
import { type NodeControls, nodesCard } from './nodes-card.ts';
import { outlookCard } from './outlook.ts';

const ENERGY_KIND_TEXT: Readonly<Record<string, string>> = {
  counter: 'hardware counters',
  integrated: 'power samples',
  modelled: 'modelled from load',
  simulated: 'simulated',
};

/** How the API names the zone of a site that has none. */
const NO_ZONE = 'none';

export interface Controls extends NodeControls {
  readonly showLeaders: (count: number) => void;
}

export function overview(data: Overview, controls: Controls): HTMLElement[] {
  const { leaders, nodes, nowMs } = data;
  const isLarge = leaders !== null;
  if (!isLarge && nodes.rows.length === 0) return [noNodes()];
  return [
    ...simulatedBanner(data.today),
    ...excludedBanner(data.excluded),
    element(
      'section',
      { class: 'figures', 'aria-label': 'The fleet now' },
      powerCard(data.power, isLarge),
      emissionsCard(data),
      gridCard(data.zones, data.zonesInUse),
      coverageCard(data.today),
    ),
    alertsCard(data.alerts, nowMs),
    ...outlookCard(data.zones),
    hoursCard(data),
    ...(isLarge ? [leadersCard(leaders, controls.showLeaders)] : []),
    nodesCard(nodes, nowMs, isLarge ? controls : null),
  ];
}

function noNodes(): HTMLElement {
  return element(
    'section',
    { class: 'empty' },
    element('h2', {}, 'No node reports here yet'),
    element(
      'p',
      {},
      'Make an enrolment key (POST /v1/enrolment-keys, see the API documentation), then run ',
      element('code', {}, `wattshed enroll --url ${location.origin}`),
      ' and ',
      element('code', {}, 'wattshed run'),
      ' on a host. Its first figures are here within a minute.',
    ),
  );
}

function simulatedBanner({ energyKinds }: Figures): HTMLElement[] {
  const share = energyKinds.simulated ?? 0;
  if (share === 0) return [];
  return [
    element(
      'p',
      { class: 'banner' },
      `${formatShare(share)} of today's energy is simulated demo data, not metered.`,
    ),
  ];
}

function excludedBanner(excluded: Overview['excluded']): HTMLElement[] {
  if (excluded.length === 0) return [];
  const parts = excluded.map(
    ({ gridZone, energyKwh }) =>
      `${formatEnergy(energyKwh)} ${gridZone === NO_ZONE ? 'where no zone is set' : `in ${gridZone}`}`,
  );
  return [
    element(
      'p',
      { class: 'banner' },
      `Not in the operational emissions, for want of an intensity: ${parts.join(', ')}.`,
    ),
  ];
}

function powerCard(power: MeanPower | null, isLarge: boolean): HTMLElement {
  if (power === null) {
    const why = isLarge ? 'No hour of today is summed yet.' : 'Nothing was metered in the last 10 minutes.';
    return card('Power', figure(UNKNOWN), quiet(why));
  }
  return card('Power', figure(formatPower(power.watts)), quiet(meanOver(power)));
}

function meanOver(power: MeanPower): string {
  return `mean of ${formatClock(power.fromMs)} to ${formatClock(power.toMs)}`;
}

function emissionsCard({ today, isWholeDay, startMs }: Overview): HTMLElement {
  return card(
    'Emissions today, CO₂eq',
    figure(formatMass(today.totalGrams)),
    splitBar(today),
    element(
      'ul',
      { class: 'legend' },
      legendItem('operational', `operational ${formatMass(today.operationalGrams)}`),
      legendItem('embodied', `embodied ${formatMass(today.embodiedGrams)}`),
    ),
    quiet(
      `from ${formatEnergy(today.energyKwh)} since ${isWholeDay ? 'midnight' : formatClock(startMs)}${facility(today)}`,
    ),
    today.scope === null ? null : quiet(scopeText(today)),
  );
}

/** Whether imports are in the intensities, which makes two figures that are not to be compared. */
function scopeText({ scope, scopes }: Figures): string {
  if (scopes !== null) {
    const { consumption, production } = scopes;
    return `operational: ${formatMass(consumption.operationalGrams)} by what zones consume, ${formatMass(production.operationalGrams)} by what they produce`;
  }
  return scope === 'production'
    ? 'by what the plants of the zones produce, imports left out'
    : 'by what the zones consume, imports included';
}

/** What the building takes on top; said where nobody has: a site without cooling and losses is rare. */
function facility({ energyKwh, facilityEnergyKwh }: Figures): string {
  if (energyKwh === 0) return '';
  // Rounding apart: the sum over windows and the sum of energy are added up in different orders.
  return facilityEnergyKwh < energyKwh * (1 + 1e-9)
    ? '; PUE is 1: nothing of the building is counted'
    : `, ${formatEnergy(facilityEnergyKwh)} with PUE`;
}

function splitBar({ operationalGrams, totalGrams }: Figures): SVGSVGElement | null {
  if (totalGrams === 0) return null;
  const operational = (operationalGrams / totalGrams) * 100;
  return svgElement(
    'svg',
    { class: 'split', viewBox: '0 0 100 1', preserveAspectRatio: 'none', 'aria-hidden': 'true' },
    svgElement('rect', { class: 'operational', width: operational, height: 1 }),
    svgElement('rect', { class: 'embodied', x: operational, width: 100 - operational, height: 1 }),
  );
}

function legendItem(kind: 'operational' | 'embodied', text: string): HTMLElement {
  const swatch = svgElement(
    'svg',
    { viewBox: '0 0 1 1', 'aria-hidden': 'true' },
    svgElement('rect', { class: kind, width: 1, height: 1, rx: 0.2 }),
  );
  return element('li', {}, swatch, text);
}

function coverageCard(today: Figures): HTMLElement {
  const kinds = Object.entries(today.energyKinds)
    .filter(([, share]) => share > 0)
    .map(([kind, share]) => `${formatShare(share)} ${ENERGY_KIND_TEXT[kind] ?? kind}`);
  return card(
    'Coverage today',
    figure(formatShare(today.coverage)),
    quiet(`${formatCount(today.nodesReporting)} of ${formatCount(today.nodesExpected)} nodes reported`),
    quiet(kinds.length > 0 ? `Energy: ${kinds.join(', ')}` : 'No energy is booked yet.'),
  );
}

function hoursCard(data: Overview): HTMLElement {
  const holder = element('div', { class: 'chart-holder' });
  const draw = () => {
    if (holder.clientWidth > 0)
      holder.replaceChildren(hourChart(data.hours, data.hoursOfDay, holder.clientWidth));
  };
  new ResizeObserver(draw).observe(holder);
  return element(
    'section',
    { class: 'card' },
    element(
      'div',
      { class: 'card-head' },
      element('h2', {}, 'Emissions by hour'),
      element(
        'ul',
        { class: 'legend' },
        legendItem('operational', 'operational'),
        legendItem('embodied', 'embodied'),
      ),
    ),
    holder,
    data.hours.some((hour) => hour.isGap) ? quiet('Dashed: nothing was metered in this hour.') : null,
    element(
      'details',
      { id: 'hours-table' },
      element('summary', {}, 'The same as a table'),
      element('div', { class: 'scroll' }, hoursTable(data)),
    ),
  );
}

function hoursTable(data: Overview): HTMLElement {
  const number = { class: 'number' };
  return element(
    'table',
    {},
    element(
      'thead',
      {},
      element(
        'tr',
        {},
        element('th', { scope: 'col' }, 'Hour'),
        ...['Operational', 'Embodied', 'Metered'].map((name) =>
          element('th', { scope: 'col', ...number }, name),
        ),
      ),
    ),
    element(
      'tbody',
      {},
      ...data.hours.map((hour) =>
        element(
          'tr',
          {},
          element('th', { scope: 'row' }, formatClock(hour.startMs)),
          element('td', number, formatMass(hour.operationalGrams)),
          element('td', number, formatMass(hour.embodiedGrams)),
          element('td', number, formatShare(hour.coverage)),
        ),
      ),
    ),
  );
}
