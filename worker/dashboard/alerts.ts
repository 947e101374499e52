/** What fires now, and what fired before. */
import { badge } from './badge.ts';
import { quiet } from './card.ts';
import type { Alert } from './contract.ts';
import { element } from './dom.ts';
import { formatAgo, formatMass } from './format.ts';
import type { Alerts } from './load-alerts.ts';

const SEVERITY_TONE: Readonly<Record<string, 'good' | 'warn' | 'bad' | ''>> = {
  critical: 'bad',
  warning: 'warn',
  info: '',
};

export function alertsCard({ firing, moreFiring, ended }: Alerts, nowMs: number): HTMLElement {
  return element(
    'section',
    { class: 'card' },
    element('div', { class: 'card-head' }, element('h2', {}, 'Alerts now')),
    firing.length > 0
      ? element('ul', { class: 'alerts' }, ...firing.map((alert) => firingItem(alert, nowMs)))
      : nothingFires(ended.length > 0),
    moreFiring ? quiet(`The newest ${firing.length}; GET /v1/alerts?state=open lists them all.`) : null,
    ended.length > 0
      ? element(
          'details',
          { id: 'alerts-ended' },
          element('summary', {}, 'What fired before'),
          element('ul', { class: 'alerts' }, ...ended.map((alert) => endedItem(alert, nowMs))),
        )
      : null,
  );
}

function nothingFires(firedBefore: boolean): HTMLElement {
  if (firedBefore) return quiet('Nothing fires now.');
  return quiet(
    'Nothing fires now, and nothing has fired yet. Rules say when something does: POST /v1/alert-rules, or ',
    element('code', { class: 'nowrap' }, 'wattshed rules apply FILE'),
    '.',
  );
}

function firingItem(alert: Alert, nowMs: number): HTMLElement {
  return element(
    'li',
    {},
    badge(alert.severity, SEVERITY_TONE[alert.severity] ?? ''),
    ' ',
    element('strong', {}, alert.ruleName),
    alert.silenced && !alert.notified ? ' (silenced)' : null,
    element('p', {}, alert.summary),
    quiet(`since ${ago(alert.startedAt, nowMs)}${emitted(alert, ' so far')}`),
  );
}

function endedItem(alert: Alert, nowMs: number): HTMLElement {
  const end =
    alert.state === 'withdrawn' ? 'withdrawn: late data show that it was none' : ended(alert, nowMs);
  return element(
    'li',
    {},
    element('strong', {}, alert.ruleName),
    alert.gridZone === null ? null : ` in ${alert.gridZone}`,
    quiet(end),
  );
}

const ended = (alert: Alert, nowMs: number) =>
  `from ${ago(alert.startedAt, nowMs)} to ${ago(alert.endedAt ?? alert.startedAt, nowMs)}${emitted(alert, '')}`;

const ago = (at: string, nowMs: number) => formatAgo(nowMs - Date.parse(at));

/** Health says nothing about emissions. */
const emitted = ({ kind, operationalGrams }: Alert, when: string) =>
  kind === 'health' || operationalGrams === 0 ? '' : `, ${formatMass(operationalGrams)} CO₂eq${when}`;
