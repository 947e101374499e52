import { expect, test } from 'vitest';
import { beginBudget, readBudget } from '../../../shared/alerts/budget.ts';
import { notificationOf } from '../../../shared/alerts/message.ts';
import type { BudgetRule } from '../../../shared/alerts/rule.ts';
import { NOTHING_KNOWN, type Told } from '../../../shared/alerts/situation.ts';

const NOON_MS = Date.UTC(2026, 4, 17, 12);
const budget: BudgetRule = {
  kind: 'budget',
  name: 'Daily',
  filter: '',
  severity: 'warning',
  enabled: true,
  forMinutes: 0,
  holdMinutes: 30,
  cooldownMinutes: 0,
  renotifyMinutes: null,
  channelIds: [],
  emissions: 'operational',
  budgetGrams: 1_000,
  period: 'day',
  fastBurn: null,
  slowBurn: null,
};

function tell(usedGrams: number | null, changes: Partial<Told> = {}) {
  const reading = readBudget(budget, beginBudget(budget, NOON_MS, usedGrams), NOON_MS);
  return notificationOf({
    rule: budget,
    ruleId: 'rule_1',
    scope: '',
    instance: 'all',
    episode: {
      id: 'ep_1',
      startMs: NOON_MS,
      firedAtMs: NOON_MS,
      endMs: null,
      resolvedAtMs: null,
      amounts: { energyMillijoules: 3.6e9, grams: 500 },
      firingSent: true,
      resolvedSent: false,
      renotified: 0,
      withdrawn: false,
      silenced: false,
    },
    transition: { kind: 'firing', id: 'ep_1:firing', atMs: NOON_MS },
    situation: { ...NOTHING_KNOWN, budget: reading },
    ...changes,
  });
}

test('a budget that could not count its whole period says from when it counts', () => {
  const late = 'That is counted from 2026-05-17 12:00 UTC on: what came before was too much to sum.';
  expect(tell(null).text.split('\n')).toContain(late);
  expect(tell(500).text).not.toContain('counted from');
  expect(tell(500).fields).toMatchObject({ usedGrams: 500, countedFromMs: Date.UTC(2026, 4, 17) });
});

test('an end is told in words for the fleet and for sites without a grid zone', () => {
  const resolved = { kind: 'resolved', id: 'ep_1:resolved', atMs: NOON_MS } as const;
  const { summary, text, status } = tell(500, { transition: resolved, instance: 'none' });
  expect(status).toBe('resolved');
  expect(summary).toBe('Over: Daily without a grid zone, the fleet');
  expect(text).toContain('Over it the fleet used 1.0 kWh and emitted 500 g CO2eq.');
});
