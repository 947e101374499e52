/**
 * BoaviztAPI's two published cases through the public API: whoever wants its formula enters the card as an own figure. Why
 * the catalog has another figure is in test/shared/embodied/boavizta.test.ts.
 */
import { expect, test } from 'vitest';
import { boavizta, DEFAULT, FACTORS, SMALL, significant } from '../../shared/embodied/boavizta-formula.ts';
import { api } from '../support/api.ts';

test.each([
  ['the default card', 'card-80', DEFAULT, 1, [575.1, 0.005826, 7_912]],
  ['two cards of 24 GB', 'card-24', SMALL, 2, [477.2, 0.01164, 6_848]],
] as const)('%s', async (_, id, card, count, [kilograms, adpe, primaryEnergy]) => {
  const entry = await api<{ adpeKgSbeq: number; primaryEnergyMegajoules: number }>(
    'PUT',
    `/v1/hardware/${id}`,
    {
      kgCo2eq: boavizta(card, FACTORS.gwp),
      adpeKgSbeq: boavizta(card, FACTORS.adp),
      primaryEnergyMegajoules: boavizta(card, FACTORS.pe),
      source: 'boaviztapi@15878f0, tests/api/test_component.py',
      type: 'gpu',
      names: [`Boavizta ${id}`],
    },
  );
  expect(significant(count * entry.adpeKgSbeq, 4)).toBe(adpe);
  expect(significant(count * entry.primaryEnergyMegajoules, 4)).toBe(primaryEnergy);
  // Over its whole life a part accrues all of its figure.
  const { totals } = await api<{ totals: { embodiedGrams: number } }>('POST', '/v1/estimate', {
    hardware: `Boavizta ${id}`,
    count,
    hours: 4 * 8_760,
    powerWatts: 0,
    pueRatio: 1,
    intensity: { gramsPerKwh: 0, source: 'none is used' },
  });
  expect(significant(totals.embodiedGrams / 1_000, 4)).toBe(kilograms);
});
