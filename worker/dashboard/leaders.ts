/** Of a large fleet the nodes with the most emissions today, and what the others emitted together. */
import { quiet } from './card.ts';
import { element } from './dom.ts';
import { formatClock, formatCount, formatEnergy, formatMass } from './format.ts';
import { FIRST_LEADERS, type Leaders, MOST_LEADERS } from './load-nodes.ts';

const NUMBER = { class: 'number' };

export function leadersCard(
  { groups, others, trouble, fromMs, toMs }: Leaders,
  show: (count: number) => void,
): HTMLElement {
  const count = groups.length;
  const all = formatCount(count + (others?.groupCount ?? 0));
  return element(
    'section',
    { class: 'card' },
    element('div', { class: 'card-head' }, element('h2', {}, 'Most emissions today')),
    trouble === null ? null : quiet(trouble),
    count === 0 ? null : element('div', { class: 'scroll' }, table(groups)),
    trouble !== null
      ? null
      : quiet(
          `${formatCount(count)} of ${all} nodes, by grams, from ${formatClock(fromMs)} to ${formatClock(toMs)}.`,
          others === null
            ? null
            : ` The others together: ${formatMass(others.totalGrams)} CO₂eq, ${formatEnergy(others.energyKwh)}.`,
        ),
    others === null || count >= MOST_LEADERS ? null : moreButton(count, show),
  );
}

function table(groups: Leaders['groups']): HTMLElement {
  const head = ['Emissions, CO₂eq', 'Energy'].map((name) => element('th', { scope: 'col', ...NUMBER }, name));
  return element(
    'table',
    { class: 'leaders' },
    element('thead', {}, element('tr', {}, element('th', { scope: 'col' }, 'Node'), ...head)),
    element(
      'tbody',
      {},
      ...groups.map(({ label, totalGrams, energyKwh }) =>
        element(
          'tr',
          {},
          element('th', { scope: 'row' }, label),
          element('td', NUMBER, formatMass(totalGrams)),
          element('td', NUMBER, formatEnergy(energyKwh)),
        ),
      ),
    ),
  );
}

function moreButton(count: number, show: (count: number) => void): HTMLElement {
  const more = Math.min(FIRST_LEADERS, MOST_LEADERS - count);
  const button = element('button', { type: 'button', id: 'more-leaders' }, `${more} more`);
  button.addEventListener('click', () => show(count + more));
  return button;
}
