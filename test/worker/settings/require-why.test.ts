/** Where the operator wants it, no change without its reason; machines say theirs themselves. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ApiDocument } from '../../../worker/http/api-document.ts';
import { device, newNode, recentWindow, report, send } from '../ingest/support.ts';
import { api, call, refusal } from '../support/api.ts';
import { ensureSite } from '../support/enrolment.ts';

const JOB = 'slurm:why:1';
let node: { nodeId: string; token: string };

beforeAll(async () => {
  await ensureSite('reasons', 'DE');
  node = await newNode('reasons');
  const share = { id: device().id, energyMillijoules: 1, allocatedMilliseconds: 1 };
  await send(node.token, [report({ windowStartMs: recentWindow(1), jobs: [{ id: JOB, devices: [share] }] })]);
  expect(await api('GET', '/v1/settings')).toMatchObject({ requireWhy: false });
  expect(await api('PATCH', '/v1/settings', { requireWhy: true, why: 'audited since 2026' })).toMatchObject({
    requireWhy: true,
  });
});
afterAll(() => api('PATCH', '/v1/settings', { requireWhy: false, why: 'end of the test' }));

const point = { start: '2026-01-01T00:00:00Z', end: '2026-01-01T01:00:00Z', gramsPerKwh: 1 };

const CHANGES: [string, string, object | undefined][] = [
  ['POST', '/v1/sites', { id: 'reasons', gridZone: 'DE', pueRatio: 1.2 }],
  ['PATCH', '/v1/sites/reasons', { pueRatio: 1.3, effectiveFrom: '2026-01-01T00:00:00Z' }],
  ['DELETE', '/v1/sites/reasons', undefined],
  ['PATCH', '/v1/nodes/reasons', { labels: { a: 'b' } }],
  ['PATCH', '/v1/nodes?filter=node:reasons', { labels: { a: 'b' } }],
  ['DELETE', '/v1/nodes/reasons', undefined],
  ['PATCH', '/v1/nodes/reasons/parts/chassis', { count: 2 }],
  ['PUT', '/v1/grid/DE/intensity', { basis: 'lifecycle', points: [point] }],
  ['PUT', '/v1/grid/DE/trust', {}],
  ['PUT', '/v1/grid/cloud-regions/aws:us-west-2', { gridZone: 'DE' }],
  ['PUT', '/v1/hardware/nvidia-h100-sxm', { kgCo2eq: 150, source: 'test' }],
  ['DELETE', '/v1/hardware/nvidia-h100-sxm', undefined],
  ['PATCH', `/v1/jobs/${encodeURIComponent(JOB)}`, { project: 'llm' }],
  ['POST', '/v1/quarantine/1/release', undefined],
  ['POST', '/v1/quarantine/1/discard', undefined],
  ['POST', '/v1/periods', { from: '2026-01-01T00:00:00Z', to: '2026-01-02T00:00:00Z' }],
  ['PATCH', '/v1/settings', { requireWhy: false }],
];

test.each(CHANGES)('%s %s without why is refused, with it goes on', async (method, path, body) => {
  const refused = await call(method, path, body);
  expect(await refusal(refused)).toEqual({ status: 400, code: 'invalid_parameter', field: 'why' });
  if (path === '/v1/settings' || method === 'DELETE') return;
  const query = path.includes('?') ? '&' : '?';
  const said =
    body === undefined
      ? await call(method, `${path}${query}why=checked`)
      : await call(method, path, { ...body, why: 'checked' });
  const { field } = said.ok ? { field: undefined } : await said.json<{ field?: string }>();
  expect(field).not.toBe('why');
});

test('a blank is no reason', async () => {
  const blank = [
    await call('PATCH', '/v1/sites/reasons', { pueRatio: 1.3, why: ' ' }),
    await call('POST', '/v1/quarantine/1/release?why=%20'),
  ];
  for (const refused of blank) expect(await refusal(refused)).toMatchObject({ status: 400, field: 'why' });
});

test('a CSV gives it in the query', async () => {
  const put = (query: string) =>
    call('PUT', `/v1/grid/DE/intensity?basis=lifecycle${query}`, undefined, {
      headers: { 'Content-Type': 'text/csv' },
    });
  expect(await refusal(await put(''))).toMatchObject({ field: 'why' });
  expect((await refusal(await put('&why=checked'))).field).not.toBe('why');
});

test('nodes and machines need none and say why in the log; nothing of a person was recorded without', async () => {
  const units = { units: { token: 5 } };
  await api('PATCH', `/v1/jobs/${encodeURIComponent(JOB)}`, units, { token: node.token });
  const { changes } = await api<{
    changes: { who: string; subject: string; what: string; why: string | null }[];
  }>('GET', '/v1/changes?limit=200');
  const site = changes.find(({ subject, what }) => subject === 'node:reasons' && what === 'site');
  expect(site!.why).toBe('enrolled with a key of this site');
  expect(changes.find(({ what }) => what === 'requireWhy')).toMatchObject({
    subject: 'fleet',
    why: 'audited since 2026',
  });
});

test('every route that takes a reason is among those above', async () => {
  const { paths } = await api<ApiDocument>('GET', '/openapi.json');
  const takesWhy = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([, { parameters, requestBody }]) =>
        JSON.stringify([parameters, requestBody]).includes('"why"'),
      )
      .map(([method]) => `${method.toUpperCase()} ${path}`),
  );
  const isAsked = (route: string) => {
    const pattern = new RegExp(`^${route.replaceAll(/\{[A-Za-z]+\}/g, '[^/]+')}(\\?.*)?$`);
    return CHANGES.some(([method, path]) => pattern.test(`${method} ${path}`));
  };
  expect(takesWhy.filter((route) => !isAsked(route))).toEqual([]);
  expect(takesWhy.length).toBeGreaterThanOrEqual(15);
});
