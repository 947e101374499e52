/** What an alert says: to people in a few lines that end in what they can do, to machines in fields. */

import { MILLIJOULES_PER_KWH } from '../units.ts';
import { NO_ZONE } from './facts.ts';
import { WHOLE_SCOPE } from './fold.ts';
import { aheadWords, dirtyWords } from './message-grid.ts';
import { budgetWords, healthWords, wasteWords } from './message-use.ts';
import type { AlertFields, AlertLink, AlertNotification } from './notification.ts';
import type { Episode } from './reconcile.ts';
import { inZone, scopeInside, type Told, type Words } from './situation.ts';
import { mass, when } from './words.ts';

export function notificationOf(told: Told): AlertNotification {
  const { rule, ruleId, instance, episode, transition } = told;
  const resolved = transition.kind === 'resolved';
  const words = resolved ? resolvedWords(told) : firingWords(told);
  const again = transition.kind === 'renotify' ? 'Still firing. ' : '';
  return {
    id: transition.id,
    episodeId: episode.id,
    ruleId,
    ruleName: rule.name,
    severity: rule.severity,
    status: resolved ? 'resolved' : 'firing',
    startsAtMs: episode.startMs,
    endsAtMs: resolved ? episode.endMs : null,
    groupKey: `${ruleId}/${instance}`,
    summary: `${again}${words.summary}`,
    text: words.lines.join('\n'),
    fields: { ...commonFields(told), ...words.fields },
    links: linksOf(told),
    channelIds: rule.channelIds,
  };
}

const kwhOf = ({ amounts }: Episode) => amounts.energyMillijoules / MILLIJOULES_PER_KWH;

function commonFields({ rule, scope, instance, episode }: Told): AlertFields {
  return {
    ruleKind: rule.kind,
    scope,
    gridZone: instance === WHOLE_SCOPE ? null : instance,
    firedAtMs: episode.firedAtMs,
    energyKwhSoFar: kwhOf(episode),
    gramsSoFar: episode.amounts.grams,
  };
}

function linksOf({ scope, instance, episode }: Told): AlertLink[] {
  const zone = instance === WHOLE_SCOPE || instance === NO_ZONE ? null : instance;
  const terms = [...scope.split(','), ...(zone === null ? [] : [`gridZone:${zone}`])];
  const filter = [...new Set(terms.filter((term) => term !== ''))].join(',');
  const from = new Date(episode.startMs).toISOString();
  const query = queryText({ from, step: 'hour', ...(filter === '' ? {} : { filter }) });
  return [
    { label: 'Dashboard', href: '/' },
    { label: 'Emissions of this scope since it began', href: `/v1/fleet/emissions?${query}` },
    ...(zone === null
      ? []
      : [
          {
            label: `Intensity of ${zone}`,
            href: `/v1/grid/${zone}/intensity?${queryText({ from })}`,
          },
        ]),
    { label: 'Alerts', href: '/v1/alerts' },
  ];
}

const queryText = (entries: Readonly<Record<string, string>>): string =>
  Object.entries(entries)
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
    .join('&');

function firingWords(told: Told): Words {
  const { rule } = told;
  switch (rule.kind) {
    case 'dirtyHours':
      return dirtyWords(told);
    case 'dirtyHoursAhead':
      return aheadWords(told, rule);
    case 'budget':
      return budgetWords(told, rule);
    case 'waste':
      return wasteWords(told);
    case 'health':
      return healthWords(told, rule);
  }
}

function resolvedWords({ rule, scope, instance, episode }: Told): Words {
  const until = episode.endMs === null ? '' : ` to ${when(episode.endMs)}`;
  const used =
    rule.kind === 'health' || episode.amounts.energyMillijoules === 0
      ? []
      : [
          `Over it ${scopeInside(scope)} used ${kwhOf(episode).toFixed(1)} kWh and emitted ${mass(episode.amounts.grams)} CO2eq.`,
        ];
  const lines = [`${rule.name} lasted from ${when(episode.startMs)}${until}.`, ...used];
  if (episode.withdrawn)
    lines.push('Data that came later show that it was none, or a part of another; see its corrections.');
  return { summary: `Over: ${rule.name}${inZone(instance)}, ${scopeInside(scope)}`, lines, fields: {} };
}
