/**
 * BoaviztAPI's own figures for GPUs (boaviztapi@15878f0, tests/api/test_component.py) follow a formula that the catalog does
 * not use. Here is the formula, that it gives their figures, and exactly why it is refused: with the numbers.
 */
import { expect, test } from 'vitest';
import { PUBLISHED } from '../../../shared/embodied/catalog.ts';
import { boavizta, DEFAULT, FACTORS, memoryMm2, SMALL, significant } from './boavizta-formula.ts';

test('their default card: 575.1 kg, 0.005826 kg Sb, 7,912 MJ', () => {
  expect(significant(boavizta(DEFAULT, FACTORS.gwp), 4)).toBe(575.1);
  expect(significant(boavizta(DEFAULT, FACTORS.adp), 4)).toBe(0.005826);
  expect(significant(boavizta(DEFAULT, FACTORS.pe), 4)).toBe(7_912);
});

test('their two cards of 24 GB on 12 dies: 477.2 kg, 0.01164 kg Sb, 6,848 MJ', () => {
  expect(significant(2 * boavizta(SMALL, FACTORS.gwp), 4)).toBe(477.2);
  expect(significant(2 * boavizta(SMALL, FACTORS.adp), 4)).toBe(0.01164);
  expect(significant(2 * boavizta(SMALL, FACTORS.pe), 4)).toBe(6_848);
});

test('why it is refused: its factor for memory is of all dies, and is multiplied by their number once more', () => {
  // It lies between what two cards that ADEME took apart have of memory, all of it, over the effective area of one die.
  const perOneDie = [19.3 / 93.9, 12.5 / 89.6];
  expect(Math.min(...perOneDie)).toBeLessThan(0.18379);
  expect(Math.max(...perOneDie)).toBeGreaterThan(0.18379);
  // So 430.7 of the 575.1 kg are memory: 5.4 kg per gigabyte, where both manufacturer footprints say 0.77 to 0.86.
  const memory = DEFAULT.memoryDies * memoryMm2(DEFAULT) * FACTORS.gwp.memory;
  expect(significant(memory, 4)).toBe(430.7);
  expect(significant(memory / DEFAULT.memoryGigabytes, 2)).toBe(5.4);
  // With the factor of one die, as the same authors have it in their later data, the card comes to what the catalog has.
  const corrected = boavizta(DEFAULT, { ...FACTORS.gwp, memory: 0.034407 });
  expect(significant(memory / (DEFAULT.memoryDies * memoryMm2(DEFAULT) * 0.034407), 2)).toBe(5.3);
  expect(significant(corrected, 3)).toBe(225);
  const { low, high } = PUBLISHED.entry('h100-pcie-80gb');
  expect(corrected).toBeGreaterThan(low);
  expect(corrected).toBeLessThan(high);
  expect(boavizta(DEFAULT, FACTORS.gwp)).toBeGreaterThan(2 * high);
});
