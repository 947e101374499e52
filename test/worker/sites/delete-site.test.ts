import { expect, test } from 'vitest';
import { api, call } from '../support/api.ts';
import { enrol, ensureSite, host, newEnrolmentKey } from '../support/enrolment.ts';

async function refused(id: string): Promise<string> {
  const response = await call('DELETE', `/v1/sites/${id}`);
  const { code, detail } = await response.json<{ code: string; detail: string }>();
  expect({ status: response.status, code }).toEqual({ status: 409, code: 'in_use' });
  return detail;
}

test('one that nothing was booked at is gone, and the log tells of it', async () => {
  await ensureSite('mistake', 'PL');
  await api('PATCH', '/v1/sites/mistake', { pueRatio: 1.9, effectiveFrom: '2020-01-01T00:00:00Z' });
  expect((await call('DELETE', '/v1/sites/mistake?why=typed+by+mistake')).status).toBe(204);
  expect((await call('GET', '/v1/sites/mistake')).status).toBe(404);
  expect((await call('DELETE', '/v1/sites/mistake')).status).toBe(404);
  const { changes } = await api<{ changes: object[] }>('GET', '/v1/changes?subject=site:mistake&what=site');
  expect(changes).toMatchObject([{ from: { name: 'mistake' }, to: null, why: 'typed by mistake' }]);
  // Another of the same name begins anew.
  await ensureSite('mistake', 'DE');
  expect(await api('GET', '/v1/sites/mistake')).toMatchObject({ gridZone: 'DE', pueRatio: 1.2 });
});

test('one that figures are made with stays', async () => {
  await ensureSite('other', 'DE');
  const key = await newEnrolmentKey({ site: 'held' });
  expect(await refused('held')).toContain('enrolment keys');
  await enrol(key, host('held-node'));
  await api('PATCH', '/v1/nodes/held-node', { site: 'other' });
  // It stood there until now.
  expect(await refused('held')).toContain('nodes stand or stood there (1)');
  await ensureSite('contracted', 'DE');
  const contract = {
    kind: 'certificate',
    kwh: 1,
    vintageFrom: '2024-01-01T00:00:00Z',
    vintageTo: '2024-02-01T00:00:00Z',
    gramsPerKwh: 0,
    source: 'test',
  };
  await api('PATCH', '/v1/sites/contracted', { supplyContracts: { go: contract } });
  await api('PATCH', '/v1/sites/contracted', { supplyContracts: { go: null } });
  expect(await refused('contracted')).toContain('supply contracts (1)');
  expect((await call('GET', '/v1/sites/contracted')).status).toBe(200);
});
