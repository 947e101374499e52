import { expect, test } from 'vitest';
import { ask, clock, DAY_MS, gpu, HOUR_MS, newNode, report, storeHours } from '../emissions/support.ts';

test('the figures of the day stand in OpenMetrics text', async () => {
  await storeHours('DK-DK1', [50, 50]);
  await ask('POST', '/v1/sites', { id: 'dk', gridZone: 'DK-DK1', pueRatio: 1.2 });
  const node = await newNode('dk-1', 'dk');
  clock.nowMs = DAY_MS + HOUR_MS;
  const id = 'GPU-00000000-0000-4000-8000-00000000000c';
  const windows = Array.from({ length: 12 }, () => [gpu(id, 150_000_001)]);
  await report(node.token, windows, [{ id, type: 'gpu', name: 'NVIDIA H100 80GB HBM3' }]);
  const response = await clock.call('GET', '/metrics');
  expect(response.headers.get('Content-Type')).toBe(
    'application/openmetrics-text; version=1.0.0; charset=utf-8',
  );
  const text = new TextDecoder().decode(await response.arrayBuffer());
  const lines = text.split('\n');
  expect(text.endsWith('# EOF\n')).toBe(true);
  expect(lines).toContain('# TYPE wattshed_node_energy_joules counter');
  expect(lines).toContain('wattshed_node_energy_joules_total{node="dk-1",device_type="gpu"} 1800000.012');
  expect(lines).toContain(
    `wattshed_node_energy_joules_created{node="dk-1",device_type="gpu"} ${DAY_MS / 1_000}`,
  );
  expect(lines).toContain('wattshed_nodes{state="reporting"} 1');
  expect(lines).toContain('wattshed_quarantined_reports{code="power_implausible"} 0');
  expect(lines).toContain('wattshed_node_coverage_ratio{node="dk-1"} 1');
  expect(lines).toContain(
    'wattshed_grid_intensity_grams_per_kilowatt_hour{grid_zone="DK-DK1",kind="measured",scope="consumption"} 50',
  );
  const grams = lines.find((line) => line.startsWith('wattshed_node_operational_emissions_today_grams{'))!;
  expect(Number(grams.split(' ')[1])).toBeCloseTo((1_800_000.012 / 3_600_000) * 1.2 * 50, 9);
});

test('it asks for a token', async () => {
  expect((await clock.call('GET', '/metrics', undefined, null)).status).toBe(401);
});
