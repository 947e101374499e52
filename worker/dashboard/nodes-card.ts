/** The nodes: all of a small fleet; of a large one a page, with a filter and the way to the next. */
import { quiet } from './card.ts';
import { element } from './dom.ts';
import { formatCount } from './format.ts';
import type { NodeList, NodePlace } from './load-nodes.ts';
import { ROWS_PER_PAGE } from './load-nodes.ts';
import { nodeTable } from './nodes.ts';

export interface NodeControls {
  /** Made once, so that what the reader is typing outlives a refresh. */
  readonly filterForm: HTMLElement;
  readonly turnTo: (place: NodePlace) => void;
}

/** @param controls null where all nodes are listed */
export function nodesCard(list: NodeList, nowMs: number, controls: NodeControls | null): HTMLElement {
  return element(
    'section',
    { class: 'card' },
    element('div', { class: 'card-head' }, element('h2', {}, 'Nodes')),
    controls === null ? null : controls.filterForm,
    list.trouble === null ? null : quiet(list.trouble),
    list.rows.length === 0 ? null : nodeTable(list.rows, nowMs),
    controls === null ? null : pager(list, controls.turnTo),
  );
}

/** `gpu-07` is the node of that id; a term has a name of its own. */
export function nodeFilter(turnTo: (place: NodePlace) => void): HTMLElement {
  const input = element('input', {
    id: 'node-filter',
    type: 'search',
    name: 'filter',
    autocomplete: 'off',
    spellcheck: 'false',
    maxlength: 2_000,
    placeholder: 'site:berlin,label.team:nlp',
  });
  const form = element(
    'form',
    {},
    element('label', { for: 'node-filter' }, 'Only nodes of (node, site, gridZone, label.NAME)'),
    input,
    element('button', { type: 'submit', id: 'node-filter-apply' }, 'Filter'),
  );
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const text = input.value.trim();
    turnTo({ filter: text === '' || text.includes(':') ? text : `node:${text}`, cursors: [] });
  });
  return form;
}

function pager({ place, rows, nextCursor, trouble }: NodeList, turnTo: (place: NodePlace) => void) {
  const { filter, cursors } = place;
  const button = (id: string, text: string, to: readonly string[]) => {
    const made = element('button', { type: 'button', id }, text);
    made.addEventListener('click', () => turnTo({ filter, cursors: to }));
    return made;
  };
  const first = cursors.length * ROWS_PER_PAGE + 1;
  const which = filter === '' ? '' : ` of ${filter}`;
  const told =
    rows.length === 0
      ? `No node${which}.`
      : `Nodes ${formatCount(first)} to ${formatCount(first + rows.length - 1)}${which}, in order of enrolment${nextCursor === null ? '; these are the last' : '; there are more'}.`;
  return element(
    'div',
    { class: 'pager' },
    trouble === null ? quiet(told) : null,
    cursors.length > 0 ? button('nodes-before', 'Before', cursors.slice(0, -1)) : null,
    nextCursor === null ? null : button('nodes-next', 'Next', [...cursors, nextCursor]),
  );
}
