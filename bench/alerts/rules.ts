/** 1,000 rules of every kind over some hundred different scopes. */
import { nodeId, PROJECTS, SITES, TEAMS, ZONES } from './fleet.ts';

export const RULES = 1_000;
const CHANNEL = 'ops';

const KINDS = [
  { kind: 'dirtyHours' },
  { kind: 'dirtyHours', aboveGramsPerKwh: 400, abovePowerWatts: 500 },
  { kind: 'dirtyHoursAhead' },
  { kind: 'budget', emissions: 'operational', period: 'month', budgetGrams: 5e6 },
  { kind: 'budget', emissions: 'total', period: 'week', budgetGrams: 1e6 },
  { kind: 'waste', aboveIdlePowerWatts: 1_000 },
  ...[
    'nodeSilent',
    'coverage',
    'sensorLost',
    'counterDisagreement',
    'gridDataStale',
    'spoolGrowing',
    'twoAgents',
  ].map((check) => ({ kind: 'health', check })),
];

/** Of projects only what energy and grid tell: they have no hardware of their own. */
const KINDS_OF_PROJECTS = KINDS.slice(0, 4);

const named = (prefix: string, length: number, name = (i: number) => String(i)) =>
  Array.from({ length }, (_, i) => `${prefix}${name(i)}`);

const SCOPES = [
  '',
  ...ZONES.map((zone) => `gridZone:${zone}`),
  ...named('site:s', SITES),
  ...named('label.team:t', TEAMS),
  ...named('node:', 72, (i) => nodeId(i * 137)),
  ...named('project:p', PROJECTS),
];

/** As `PUT /v1/alert-rules` takes them. */
export function rules(): object[] {
  return Array.from({ length: RULES }, (_, i) => {
    const filter = SCOPES[i % SCOPES.length]!;
    const kinds = filter.startsWith('project:') ? KINDS_OF_PROJECTS : KINDS;
    return { ...kinds[i % kinds.length], name: `rule ${i}`, filter, channelIds: [CHANNEL] };
  });
}

export const channel = {
  id: CHANNEL,
  type: 'webhook',
  settings: { url: 'https://alerts.wattshed.org/hook' },
};
