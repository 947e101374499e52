/** The table of nodes; on a narrow screen each row is a card of its own. */
import { badge } from './badge.ts';
import type { Sensor } from './contract.ts';
import { element } from './dom.ts';
import { formatAgo, formatPower, UNKNOWN } from './format.ts';
import type { NodeRow } from './load-nodes.ts';

const COLUMNS = ['Node', 'State', 'Power', 'Zone', 'Sensors'];

export function nodeTable(nodes: readonly NodeRow[], nowMs: number): HTMLElement {
  return element(
    'table',
    { class: 'nodes' },
    element('thead', {}, element('tr', {}, ...COLUMNS.map((name) => element('th', { scope: 'col' }, name)))),
    element('tbody', {}, ...nodes.map((node) => nodeRow(node, nowMs))),
  );
}

function nodeRow(node: NodeRow, nowMs: number): HTMLElement {
  return element(
    'tr',
    {},
    element(
      'th',
      { scope: 'row' },
      node.hostname,
      node.simulated ? ' ' : null,
      node.simulated ? badge('simulated', 'warn') : null,
    ),
    element('td', { class: 'wide', 'data-label': 'State' }, ...state(node, nowMs)),
    element(
      'td',
      { class: 'nowrap', 'data-label': 'Power' },
      node.power === null ? UNKNOWN : formatPower(node.power.watts),
    ),
    element('td', { 'data-label': 'Zone' }, place(node)),
    element('td', { class: 'wide' }, sensors(node)),
  );
}

function place({ gridZone, site }: NodeRow): string {
  return site === null ? UNKNOWN : `${gridZone ?? 'no zone'} (${site})`;
}

const NODE_STATE_TEXT = {
  reporting: 'reporting',
  silent: 'silent',
  neverReported: 'never reported',
  retired: 'retired',
} as const;
const NODE_STATE_TONE = { reporting: 'good', silent: 'bad', neverReported: 'warn', retired: '' } as const;

function state({ state, lastReportAt }: NodeRow, nowMs: number): (string | HTMLElement)[] {
  const shown = badge(NODE_STATE_TEXT[state], NODE_STATE_TONE[state]);
  if (lastReportAt === null) return [shown];
  return [shown, ' ', element('span', { class: 'nowrap' }, formatAgo(nowMs - Date.parse(lastReportAt)))];
}

function sensors(node: NodeRow): HTMLElement | string {
  if (node.sensors.length === 0) return UNKNOWN;
  const ready = node.sensors.filter((sensor) => sensor.state === 'ready').map((sensor) => sensor.sensor);
  const troubled = node.sensors.filter((sensor) => sensor.state === 'failed' || sensor.state === 'noData');
  return element(
    'details',
    { id: `sensors-${node.id}` },
    element(
      'summary',
      {},
      ready.length > 0 ? ready.join(', ') : 'none ready',
      troubled.length > 0 ? ` (${troubled.length} not working)` : null,
    ),
    element('ul', { class: 'sensors' }, ...node.sensors.map(sensorItem)),
  );
}

const SENSOR_STATE_TEXT = {
  ready: 'ready',
  standby: 'standby',
  absent: 'absent',
  noData: 'no data',
  failed: 'failed',
} as const;
const SENSOR_STATE_TONE = { ready: 'good', standby: '', absent: '', noData: 'warn', failed: 'bad' } as const;

function sensorItem(sensor: Sensor): HTMLElement {
  return element(
    'li',
    {},
    `${sensor.sensor} `,
    badge(SENSOR_STATE_TEXT[sensor.state], SENSOR_STATE_TONE[sensor.state]),
    ` ${sensor.detail}`,
    sensor.fix === undefined ? null : element('div', {}, 'To mend it: ', element('code', {}, sensor.fix)),
  );
}
