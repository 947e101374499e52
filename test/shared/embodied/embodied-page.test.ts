import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { PROVENANCES } from '../../../shared/embodied/catalog.ts';
import { assumedPowerSupplies } from '../../../shared/embodied/footprint.ts';
import { SUSPECTED_AFTER_MS } from '../../../shared/embodied/replacement.ts';
import { DEFAULT_EXPECTED_UTILIZATION_RATIO, EMBODIED_METHODS } from '../../../shared/embodied/views.ts';
import { DAY_MS } from '../../../shared/time/window.ts';
import { catalogTable } from './catalog-table.ts';

const page = readFileSync(new URL('../../../docs/embodied.md', import.meta.url), 'utf8');

test('docs/embodied.md shows the catalog as it is', () => {
  expect(page.slice(page.indexOf('| entry'))).toBe(`${catalogTable()}\n`);
});

test('and tells every method, every kind and the numbers that the code has', () => {
  for (const word of [...EMBODIED_METHODS, ...PROVENANCES]) expect(page).toContain(`| \`${word}\``);
  expect(page).toContain(`\`expectedUtilizationRatio\` is ${DEFAULT_EXPECTED_UTILIZATION_RATIO} unless`);
  expect(page).toContain(`it is missing for ${SUSPECTED_AFTER_MS / DAY_MS} days`);
  expect([1, 4, 8].map((gpus) => assumedPowerSupplies(gpus).value)).toEqual([2, 4, 6]);
  expect(page).toContain('two power supplies (four from 4 GPUs on, six\n  from 8)');
});
