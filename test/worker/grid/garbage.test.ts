/** Whatever a provider's address answers, there is an outcome with a reason, and never a value that is not one. */
import { describe, expect, test } from 'vitest';
import { electricityMaps } from '../../../worker/grid/electricity-maps.ts';
import { energiDataService } from '../../../worker/grid/energi-data-service.ts';
import type { IntensityProvider } from '../../../worker/grid/provider.ts';
import { ukCarbonIntensity } from '../../../worker/grid/uk-carbon-intensity.ts';
import { type Answer, ask } from './recorded.ts';

interface Case {
  readonly provider: IntensityProvider;
  readonly gridZone: string;
  /** A reply in the provider's own shape, of one hour or less from noon, around the fields given. */
  readonly reply: (fields: { start?: unknown; grams?: unknown }) => unknown;
}

const NOON = '2026-01-20T12:00';

const cases: readonly Case[] = [
  {
    provider: ukCarbonIntensity,
    gridZone: 'GB',
    reply: ({ start = `${NOON}Z`, grams = 100 }) => ({
      data: [{ from: start, to: '2026-01-20T12:30Z', intensity: { forecast: grams, actual: grams } }],
    }),
  },
  {
    provider: energiDataService,
    gridZone: 'DK-DK1',
    reply: ({ start = `${NOON}:00`, grams = 100 }) => ({
      dataset: 'CO2Emis',
      records: [{ Minutes5UTC: start, PriceArea: 'DK1', CO2Emission: grams }],
    }),
  },
  {
    provider: electricityMaps('lifecycle', 'k'),
    gridZone: 'DE',
    reply: ({ start = `${NOON}:00.000Z`, grams = 100 }) => ({
      zone: 'DE',
      history: [
        {
          zone: 'DE',
          carbonIntensity: grams,
          datetime: start,
          updatedAt: `${NOON}:00.000Z`,
          emissionFactorType: 'lifecycle',
          isEstimated: false,
          estimationMethod: null,
        },
      ],
    }),
  },
];

const text =
  (body: BodyInit | null, init?: ResponseInit): Answer =>
  () =>
    new Response(body, init);
const endless = () =>
  new ReadableStream({
    pull: (controller) => controller.enqueue(new Uint8Array(256 * 1024).fill(0x20)),
  });

/** Garbage of the transport, and of any JSON that is not the provider's. */
const anyGarbage: Record<string, Answer> = {
  'an empty body': text(''),
  'a web page with 200': text('<!DOCTYPE html><html><body>maintenance</body></html>'),
  'JSON cut short': text('{"data":[{"from":"2026-01-'),
  'bytes that are no text': text(new Uint8Array([0xff, 0xfe, 0x00, 0xc3, 0x28])),
  null: text('null'),
  'a number': text('42'),
  'a string': text('"data"'),
  'an empty list': text('[]'),
  'an empty object': text('{}'),
  'lists that are no lists': text('{"data":{},"records":"x","dataset":"CO2Emis","zone":"DE","history":7}'),
  'rows of nonsense': text(
    JSON.stringify({
      data: [null, 1, 'x', [], {}],
      dataset: 'CO2Emis',
      records: [null, 1, 'x', [], {}],
      zone: 'DE',
      history: [null, 1, 'x', [], {}],
    }),
  ),
  'an endless body': text(endless()),
  'a redirect': text(null, { status: 302, headers: { Location: 'http://elsewhere.test/' } }),
  'no content': text(null, { status: 204 }),
  'a 500': text('boom', { status: 500 }),
  'a 503 without a time': text('busy', { status: 503 }),
  'a connection that breaks': () => {
    throw new TypeError('connection reset');
  },
  'a body that breaks': text(
    new ReadableStream({ pull: (controller) => controller.error(new Error('connection reset')) }),
  ),
};

/** Garbage in the provider's own shape. */
const shapedGarbage: Record<string, { start?: unknown; grams?: unknown }> = {
  'a negative value': { grams: -1 },
  'a value beyond any grid': { grams: 2000.1 },
  'a value in t/kWh': { grams: 1e300 },
  'a value as text': { grams: '100' },
  'a list as value': { grams: [100] },
  'a boolean as value': { grams: true },
  'an object as value': { grams: { value: 100 } },
  'a start off the step': { start: '2026-01-20T12:01:30.000Z' },
  'a start that is no date': { start: '2026-02-30T12:00:00.000Z' },
  'a start as number': { start: 1_768_910_400_000 },
  'a local time': { start: '2026-01-20T13:00:00+01:00' },
  'no start': { start: null },
  'a start in another century': { start: '1926-01-20T12:00:00.000Z' },
  'a start far ahead': { start: '2126-01-20T12:00:00.000Z' },
};

describe.each(cases)('$provider.name', ({ provider, gridZone, reply }) => {
  const request = { gridZone, from: `${NOON}Z`, to: '2026-01-20T13:00Z' };

  test('takes the reply that the garbage is made from', async () => {
    const { outcome } = await ask(provider, { ...request, answer: text(JSON.stringify(reply({}))) });
    expect(outcome).toMatchObject({ outcome: 'values', values: [{ gramsPerKwh: 100 }], refused: [] });
  });

  test.each(Object.entries(anyGarbage))('%s is no value', async (_, answer) => {
    const { outcome } = await ask(provider, { ...request, answer });
    expect(outcome).toMatchObject({ outcome: 'failed', reason: expect.stringMatching(/./) });
  });

  test.each(Object.entries(shapedGarbage))('%s is no value', async (_, fields) => {
    const answer = text(JSON.stringify(reply(fields)));
    const { outcome } = await ask(provider, { ...request, answer });
    expect(['failed', 'noData']).toContain(outcome.outcome);
  });

  test('NaN and Infinity are not even JSON', async () => {
    const answer = text(JSON.stringify(reply({ grams: 'X' })).replaceAll('"X"', 'NaN'));
    expect((await ask(provider, { ...request, answer })).outcome.outcome).toBe('failed');
  });

  test('a missing value is no data', async () => {
    const answer = text(JSON.stringify(reply({ grams: null })));
    expect((await ask(provider, { ...request, answer })).outcome.outcome).toBe('noData');
  });
});
