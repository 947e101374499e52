import { env } from 'cloudflare:test';
import { beforeEach, expect, test } from 'vitest';
import { api, call, refusal } from '../support/api.ts';

const { DB } = env as unknown as { DB: D1Database };

interface Rule {
  readonly id: string;
  readonly name: string;
  readonly [field: string]: unknown;
}
interface Plan {
  readonly [list: string]: string[];
}

const dirty = { kind: 'dirtyHours', name: 'Dirty', abovePowerWatts: 5_000 };
const budget = { kind: 'budget', name: 'Monthly', budgetGrams: 1e6, period: 'month' };
const silent = { kind: 'health', name: 'Silent', check: 'nodeSilent', filter: 'site:berlin' };

beforeEach(async () => {
  await DB.batch([DB.prepare('DELETE FROM alert_rules'), DB.prepare('DELETE FROM alert_channels')]);
});

const namesOf = async () =>
  (await api<{ alertRules: Rule[] }>('GET', '/v1/alert-rules')).alertRules.map(({ name }) => name);

test('what is left out is filled in and shown', async () => {
  const made = await api<Rule>('POST', '/v1/alert-rules', dirty);
  expect(made).toMatchObject({
    ...dirty,
    filter: '',
    severity: 'warning',
    enabled: true,
    forMinutes: 15,
    holdMinutes: 30,
    cooldownMinutes: 0,
    renotifyMinutes: null,
    aboveGramsPerKwh: null,
    onPercentile: 0.8,
    offPercentile: 0.7,
    minimumMedianRatio: 1.15,
    channelIds: [],
  });
  expect(await api('GET', `/v1/alert-rules/${made.id}`)).toEqual(made);
  const other = await api<Rule>('POST', '/v1/alert-rules', silent);
  expect(other).toMatchObject({ limit: 30, check: 'nodeSilent' });
  expect(await api<Rule>('POST', '/v1/alert-rules', budget)).toMatchObject({
    fastBurn: { hours: 1, aboveRatio: 2 },
    slowBurn: { hours: 6, aboveRatio: 1.2 },
    emissions: 'operational',
  });
  expect(await namesOf()).toEqual(['Dirty', 'Monthly', 'Silent']);
});

test('a list comes in pages', async () => {
  for (const name of ['c', 'a', 'b']) await api('POST', '/v1/alert-rules', { ...dirty, name });
  const first = await api<{ alertRules: Rule[]; nextCursor: string }>('GET', '/v1/alert-rules?limit=2');
  expect(first.alertRules.map(({ name }) => name)).toEqual(['a', 'b']);
  const second = await api<{ alertRules: Rule[]; nextCursor: null }>(
    'GET',
    `/v1/alert-rules?limit=2&cursor=${first.nextCursor}`,
  );
  expect(second.alertRules.map(({ name }) => name)).toEqual(['c']);
  expect(second.nextCursor).toBeNull();
});

test('a change keeps what it does not name, and is checked as a whole', async () => {
  const { id } = await api<Rule>('POST', '/v1/alert-rules', dirty);
  const changed = await api<Rule>('PATCH', `/v1/alert-rules/${id}`, { name: 'Renamed', onPercentile: 0.9 });
  expect(changed).toMatchObject({ id, name: 'Renamed', abovePowerWatts: 5_000, onPercentile: 0.9 });
  await api('POST', '/v1/alert-rules', budget);
  const refused = async (change: object) => refusal(await call('PATCH', `/v1/alert-rules/${id}`, change));
  expect(await refused({ offPercentile: 0.95 })).toMatchObject({ field: '/offPercentile' });
  expect(await refused({ budgetGrams: 1 })).toMatchObject({ code: 'invalid_body', field: '/budgetGrams' });
  expect(await refused({ name: 'Monthly' })).toMatchObject({ status: 409, code: 'already_exists' });
  expect(await refused({})).toMatchObject({ status: 422 });
  expect(await refusal(await call('PATCH', '/v1/alert-rules/rule_none', { name: 'x' }))).toMatchObject({
    status: 404,
  });
  expect((await call('DELETE', `/v1/alert-rules/${id}`)).status).toBe(204);
  expect((await call('DELETE', `/v1/alert-rules/${id}`)).status).toBe(404);
});

test.each([
  [{ ...dirty, filter: 'planet:earth' }, '/filter'],
  [{ ...dirty, filter: 'site' }, '/filter'],
  [{ ...dirty, aboveWatts: 5 }, '/aboveWatts'],
  [{ ...dirty, forMinutes: -1 }, '/forMinutes'],
  [{ ...dirty, channelIds: ['nobody'] }, '/channelIds/0'],
  [{ ...budget, emissions: 'embodied', filter: 'project:llm' }, '/filter'],
  [{ ...budget, emissions: 'total', filter: 'job:slurm:c:1,site:berlin' }, '/filter'],
  [{ kind: 'waste', name: 'w', aboveIdlePowerWatts: 1, filter: 'project:llm' }, '/filter'],
  [{ ...silent, filter: 'project:llm' }, '/filter'],
  [{ ...silent, check: 'coverage', limit: 90 }, '/limit'],
  [{ ...silent, check: 'twoAgents', limit: 1 }, '/limit'],
  [{ kind: 'unheard', name: 'x' }, '/kind'],
])('%j is refused at %s', async (rule, field) => {
  expect(await refusal(await call('POST', '/v1/alert-rules', rule))).toEqual({
    status: 422,
    code: 'invalid_body',
    field,
  });
  const { kind: _, ...named } = rule;
  const whole = await refusal(
    await call('PUT', '/v1/alert-rules', { alertRules: [budget, { ...named, kind: rule.kind, name: 'n' }] }),
  );
  expect(whole).toMatchObject({ code: 'invalid_body', field: `/alertRules/1${field}` });
  expect(await namesOf()).toEqual([]);
});

test('a budget of a project in operational grams is taken', async () => {
  await api('POST', '/v1/alert-rules', { ...budget, filter: 'project:llm' });
});

test('a name stands for one rule', async () => {
  await api('POST', '/v1/alert-rules', dirty);
  expect(await refusal(await call('POST', '/v1/alert-rules', dirty))).toMatchObject({
    status: 409,
    code: 'already_exists',
  });
  expect(await refusal(await call('PUT', '/v1/alert-rules', { alertRules: [dirty, dirty] }))).toMatchObject({
    field: '/alertRules/1/name',
  });
});

test('a whole set is applied by names; a dry run only tells', async () => {
  const { id } = await api<Rule>('POST', '/v1/alert-rules', dirty);
  await api('POST', '/v1/alert-rules', budget);
  await api('POST', '/v1/alert-rules', { ...dirty, name: 'Old' });
  const alertRules = [{ ...dirty, abovePowerWatts: 9_000 }, budget, silent];
  const expected = {
    created: ['Silent'],
    changed: ['Dirty'],
    removed: ['Old'],
    unchanged: ['Monthly'],
  };
  expect(await api('PUT', '/v1/alert-rules?dryRun=true', { alertRules })).toMatchObject({
    dryRun: true,
    ...expected,
  });
  expect(await namesOf()).toEqual(['Dirty', 'Monthly', 'Old']);
  expect(await api('PUT', '/v1/alert-rules', { alertRules })).toMatchObject({ dryRun: false, ...expected });
  expect(await namesOf()).toEqual(['Dirty', 'Monthly', 'Silent']);
  expect(await api('GET', `/v1/alert-rules/${id}`)).toMatchObject({ abovePowerWatts: 9_000 });
  const again = await api<Plan>('PUT', '/v1/alert-rules', { alertRules });
  expect(again).toMatchObject({
    created: [],
    changed: [],
    removed: [],
    unchanged: ['Dirty', 'Monthly', 'Silent'],
  });
  expect(await api('PUT', '/v1/alert-rules', { alertRules: [] })).toMatchObject({
    removed: ['Dirty', 'Monthly', 'Silent'],
  });
});

test('a channel that a rule names is not deleted', async () => {
  const settings = { url: 'https://hooks.slack.com/services/T/B/x' };
  await api('POST', '/v1/alert-channels', { id: 'ops', type: 'slack', settings });
  await api('POST', '/v1/alert-rules', { ...dirty, channelIds: ['ops'] });
  expect(await refusal(await call('DELETE', '/v1/alert-channels/ops'))).toMatchObject({ code: 'in_use' });
});

test('there are a thousand rules at most', async () => {
  const alertRules = Array.from({ length: 1_000 }, (_, i) => ({ ...dirty, name: `rule ${i}` }));
  expect((await api<Plan>('PUT', '/v1/alert-rules', { alertRules })).created).toHaveLength(1_000);
  expect(await refusal(await call('POST', '/v1/alert-rules', budget))).toMatchObject({ code: 'in_use' });
  const more = { alertRules: [...alertRules, budget] };
  expect(await refusal(await call('PUT', '/v1/alert-rules', more))).toMatchObject({ field: '/alertRules' });
});
