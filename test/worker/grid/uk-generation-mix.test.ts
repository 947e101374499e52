import { expect, test } from 'vitest';
import { ukGenerationMix } from '../../../worker/grid/uk-generation-mix.ts';
import documented from '../../fixtures/grid-api/uk-carbon-intensity/docs_generation.json';
import emptyObject from '../../fixtures/grid-api/uk-carbon-intensity/issue_empty_object_http200.json?raw';
import error500 from '../../fixtures/grid-api/uk-carbon-intensity/issue_error_500.json?raw';
import { ask, seriesOf } from './recorded.ts';

const noon = { gridZone: 'GB', from: '2018-01-20T12:00Z', to: '2018-01-20T13:00Z' };
const reply =
  (...data: unknown[]) =>
  () =>
    new Response(JSON.stringify({ data }));
const [row] = documented.data;
const shares = (change: Record<string, number>) =>
  row!.generationmix.map(({ fuel, perc }) => ({ fuel, perc: change[fuel] ?? perc }));

test('the documented mix as worked out by hand, imports left out', async () => {
  const { outcome, asked } = await ask(ukGenerationMix, { ...noon, answer: reply(row) });
  // 43.6 x 490 + 0.7 x 820 + 4.2 x 230 + 17.6 x 12 + 1.1 x 24 + 0.3 x 700 + 6.8 x 11 + 18.1 x 45 = 24,240.9; over 92.4
  expect(seriesOf(outcome)).toEqual([['2018-01-20T12:00:00.000Z', 262.35, 'measured']]);
  expect(asked.map((url) => url.pathname)).toEqual(['/generation/2018-01-20T12:00Z/2018-01-20T13:00Z']);
  expect(outcome).toMatchObject({
    values: [{ method: 'generation mix, default factors of Electricity Maps (IPCC 2014)' }],
  });
});

test('it is production on lifecycle, and says so', () => {
  expect(ukGenerationMix).toMatchObject({ basis: 'lifecycle', scope: 'production', signal: 'average' });
});

test('the half-hour that still runs is none yet', async () => {
  const { outcome } = await ask(ukGenerationMix, { ...noon, to: '2018-01-20T12:25Z', answer: reply(row) });
  expect(outcome).toMatchObject({ outcome: 'noData' });
});

test('shares that do not add up are no mix', async () => {
  const half = { ...row, generationmix: shares({ gas: 0 }) };
  const next = { ...row, from: '2018-01-20T12:30Z', to: '2018-01-20T13:00Z' };
  const { outcome } = await ask(ukGenerationMix, { ...noon, answer: reply(half, next) });
  expect(seriesOf(outcome)).toHaveLength(1);
  expect(outcome).toMatchObject({ refused: ['the mix at 2018-01-20T12:00Z adds up to 55.3 percent'] });
});

test('a fuel that nobody knows costs its half-hour', async () => {
  const mix = [...shares({ gas: 40 }), { fuel: 'fusion', perc: 3.6 }];
  const { outcome } = await ask(ukGenerationMix, { ...noon, answer: reply({ ...row, generationmix: mix }) });
  expect(outcome).toMatchObject({
    outcome: 'failed',
    reason: expect.stringMatching(/unknown fuel "fusion"/),
  });
});

test('a slot given twice alike is one, and none if the two differ', async () => {
  const alike = await ask(ukGenerationMix, { ...noon, answer: reply(row, row) });
  expect(seriesOf(alike.outcome)).toHaveLength(1);
  const other = { ...row, generationmix: shares({ gas: 42.6, wind: 7.8 }) };
  const different = await ask(ukGenerationMix, { ...noon, answer: reply(row, other) });
  expect(different.outcome).toMatchObject({
    outcome: 'failed',
    reason: expect.stringMatching(/two amounts of gas/),
  });
});

test.each([
  ['an empty object with 200', emptyObject, 200, /no list "data"/],
  ['a 500', error500, 500, /^HTTP 500/],
])('names %s', async (_, text, status, reason) => {
  const { outcome } = await ask(ukGenerationMix, { ...noon, answer: () => new Response(text, { status }) });
  expect(outcome).toMatchObject({ outcome: 'failed', reason: expect.stringMatching(reason) });
});
