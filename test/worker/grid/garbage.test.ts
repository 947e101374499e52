/** Whatever a provider's address answers, there is an outcome with a reason, and never a value that is not one. */
import { describe, expect, test } from 'vitest';
import { afterLogin, anyGarbage, cases, NOON, shapedGarbage, text } from './garbage.ts';
import { ask } from './recorded.ts';

describe.each(cases)(
  '$provider.name',
  ({ provider, gridZone, reply, grams = 100, takes = [], nullIs = 'noData', emptyListIs = 'failed' }) => {
    const request = { gridZone, from: `${NOON}Z`, to: '2026-01-20T13:00Z' };

    test('takes the reply that the garbage is made from', async () => {
      const { outcome } = await ask(provider, { ...request, answer: afterLogin(text(reply({}))) });
      expect(outcome).toMatchObject({ outcome: 'values', values: [{ gramsPerKwh: grams }], refused: [] });
    });

    test.each(Object.entries(anyGarbage))('%s is no value', async (name, answer) => {
      const { outcome } = await ask(provider, { ...request, answer });
      const expected = name === 'an empty list' ? emptyListIs : 'failed';
      expect(outcome).toMatchObject({ outcome: expected, reason: expect.stringMatching(/./) });
    });

    test.each(Object.entries(shapedGarbage).filter(([name]) => !takes.includes(name)))(
      '%s is no value',
      async (_, fields) => {
        const answer = afterLogin(text(reply(fields)));
        const { outcome } = await ask(provider, { ...request, answer });
        expect(['failed', 'noData']).toContain(outcome.outcome);
      },
    );

    test('NaN and Infinity are not even JSON', async () => {
      const answer = afterLogin(text(reply({ value: 'X' }).replaceAll('"X"', 'NaN')));
      expect((await ask(provider, { ...request, answer })).outcome.outcome).toBe('failed');
    });

    test(`a missing value is ${nullIs}`, async () => {
      const answer = afterLogin(text(reply({ value: null })));
      expect((await ask(provider, { ...request, answer })).outcome.outcome).toBe(nullIs);
    });
  },
);
