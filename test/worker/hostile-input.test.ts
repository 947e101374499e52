/** Whatever a client sends: a refusal or an answer, never a 5xx, and nothing that spoils a later answer. */
import { SELF } from 'cloudflare:test';
import { expect, test } from 'vitest';
import type { ApiDocument } from '../../worker/http/api-document.ts';
import { body, device, newNode, report, WINDOW_MS } from './ingest/support.ts';
import { api, call } from './support/api.ts';

const CURSORS = ['abc', '-1', '1e999', 'NaN', '', '9007199254740993', "' OR 1=1"];
const IDS = ['%00', '%F0%9F%98%80', '..%2f..', '%', 'a'.repeat(300), '__proto__', "x'--"];
const QUERIES = [
  'from=1970-01-01T00:00:00Z',
  'to=2099-12-31T23:59:59Z',
  'from=2099-01-01T00:00:00Z&to=2099-01-02T00:00:00Z',
  'from=1970-01-01T00:00:00Z&to=2099-01-01T00:00:00Z&step=month',
  'from=2020-01-01T00:00:00.001Z&to=2020-01-01T00:00:00.002Z&step=window',
  'from=2026-02-30T00:00:00Z',
  'from=2026-01-01T00:00:00%2B99:99',
  'from=2016-12-31T23:59:60Z',
  'asOf=1970-01-01T00:00:00Z',
  'filter=:',
  'filter=label.%00:x',
  `filter=${'a:b,'.repeat(20)}`,
];

async function expectNo5xx(path: string): Promise<void> {
  const { status } = await call('GET', path);
  expect(`${path} ${status}`).toMatch(/ [234]\d\d$/);
}

/** Whatever the document says takes a cursor, of nodes and zones that there are. */
async function listsOf(nodeId: string): Promise<string[]> {
  const { paths } = await api<ApiDocument>('GET', '/openapi.json');
  return Object.entries(paths)
    .filter(([, { get }]) => get?.parameters?.some(({ name }) => name === 'cursor'))
    .map(([path]) => path.replace('{gridZone}', 'DE').replace('/nodes/{id}', `/nodes/${nodeId}`))
    .filter((path) => !path.includes('{'));
}

test('cursors of every list', async () => {
  const { nodeId } = await newNode('paged-oddly');
  const lists = await listsOf(nodeId);
  expect(lists).toEqual(expect.arrayContaining(['/v1/nodes', `/v1/nodes/${nodeId}/windows`]));
  for (const list of lists)
    for (const cursor of CURSORS)
      await expectNo5xx(`${list}?cursor=${encodeURIComponent(btoa(`v1:${cursor}`))}`);
});

test('paths and queries', async () => {
  const { nodeId } = await newNode('asked-oddly');
  for (const id of IDS) {
    for (const rest of ['', '/emissions', '/power', '/embodied']) await expectNo5xx(`/v1/nodes/${id}${rest}`);
    for (const path of [`/v1/grid/${id}/intensity`, `/v1/grid/${id}/revisions`, `/v1/sites/${id}`])
      await expectNo5xx(path);
  }
  for (const query of QUERIES) {
    for (const path of ['/v1/fleet/emissions', `/v1/nodes/${nodeId}/emissions`, `/v1/nodes/${nodeId}/power`])
      await expectNo5xx(`${path}?${query}`);
    for (const path of ['/v1/grid/DE/intensity', '/v1/nodes']) await expectNo5xx(`${path}?${query}`);
  }
});

test('reports', async () => {
  const { nodeId, token } = await newNode('reports-oddly');
  const lastMs = 2 ** 53 - (2 ** 53 % WINDOW_MS);
  const part = { id: '\u0000', type: 'gpu', name: '\ud800' };
  const bodies: unknown[] = [
    null,
    [],
    'x',
    body([report({ windowStartMs: lastMs })]),
    body([report({ windowStartMs: Date.UTC(2099, 0, 1) })]),
    body([report({ windowStartMs: 0 })]),
    body([report({ devices: [device({ id: '__proto__' })] })]),
    body([report({ jobs: [{ id: '__proto__', project: '\u0000', user: '\ud800', devices: [] }] })]),
    body([], { inventory: { hostname: 'a\u0000b', kernel: '', productName: '', parts: [part] } }),
  ];
  for (const said of [
    ...bodies.map((each) => JSON.stringify(each)),
    '['.repeat(50_000),
    '{"version":1,"version":1}',
  ]) {
    const { status } = await SELF.fetch('http://wattshed.test/v1/ingest', {
      method: 'POST',
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      body: said,
    });
    expect(`${said.slice(0, 80)} ${status}`).toMatch(/ [24]\d\d$/);
  }
  for (const path of [
    ...(await listsOf(nodeId)),
    '/metrics',
    '/v1/quarantine?resolution=all',
    `/v1/nodes/${nodeId}`,
    `/v1/nodes/${nodeId}/embodied`,
    '/v1/fleet/emissions?groupBy=gpuModel',
  ])
    expect(`${path} ${(await call('GET', path)).status}`).toMatch(/ 200$/);
});
