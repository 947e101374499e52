import { env } from 'cloudflare:test';
import { beforeAll, expect, test } from 'vitest';
import type { AgentHealth, Inventory } from '../../../shared/wire/ingest.ts';
import { listNodes } from '../../../worker/storage/nodes.ts';
import { Shards } from '../../../worker/storage/shards.ts';
import { api, call, refusal } from '../support/api.ts';
import { clockedApi } from '../support/clocked-api.ts';
import { enrol, ensureSite, host, newEnrolmentKey } from '../support/enrolment.ts';

const { DB } = env as unknown as { DB: D1Database };
const HOURS_PER_NODE = 2 ** 21;
const NOW_MS = Date.UTC(2026, 5, 1, 12);

interface Node {
  id: string;
  state: string;
  site: string;
  gridZone: string;
  labels: Record<string, string>;
  lastReportAt: string | null;
  siteHistory: { site: string; effectiveFrom: string }[];
}

const numberOf = async (id: string) =>
  (await DB.prepare('SELECT number FROM nodes WHERE id = ?').bind(id).first<{ number: number }>())!.number;

/** As if a report had arrived then, in the hour that many hours after 1970. */
async function storeReport(id: string, hourIndex: number, receivedAtMs: number): Promise<void> {
  await DB.prepare("INSERT INTO node_hours (key, version, received_at_ms, ledger) VALUES (?, 1, ?, x'00')")
    .bind((await numberOf(id)) * HOURS_PER_NODE + hourIndex, receivedAtMs)
    .run();
}

let key = '';
beforeAll(async () => {
  await ensureSite('paris', 'FR');
  key = await newEnrolmentKey({ labels: { team: 'nlp' } });
});

test('the last report is of the newest hour of the node itself', async () => {
  await enrol(key, host('before'));
  await enrol(key, host('middle'));
  await enrol(key, host('after'));
  await storeReport('middle', 490_000, NOW_MS - 7_200_000);
  await storeReport('middle', 490_001, NOW_MS - 60_000);
  await storeReport('after', 1, NOW_MS - 5_000);
  const worker = clockedApi(NOW_MS);
  const get = async (id: string) => (await worker.call('GET', `/v1/nodes/${id}`)).json<Node>();
  expect(await get('before')).toMatchObject({ lastReportAt: null, state: 'neverReported' });
  expect(await get('middle')).toMatchObject({
    lastReportAt: new Date(NOW_MS - 60_000).toISOString(),
    state: 'reporting',
  });
  expect(await get('after')).toMatchObject({ lastReportAt: new Date(NOW_MS - 5_000).toISOString() });
});

test('a node is silent after ten minutes', async () => {
  await enrol(key, host('quiet'));
  await storeReport('quiet', 5, NOW_MS);
  const worker = clockedApi(NOW_MS + 600_000);
  const state = async () => (await (await worker.call('GET', '/v1/nodes/quiet')).json<Node>()).state;
  expect(await state()).toBe('reporting');
  worker.nowMs += 1;
  expect(await state()).toBe('silent');
});

test('hardware and sensors are shown as the agent last said', async () => {
  await enrol(key, host('told'));
  const inventory: Inventory = {
    hostname: 'told',
    kernel: '6.8.0',
    productName: 'ThinkSystem',
    parts: [{ id: 'GPU-1', type: 'gpu', name: 'NVIDIA H100 80GB HBM3' }],
  };
  const health: AgentHealth = {
    sensors: [{ sensor: 'rapl', state: 'noData', detail: 'energy_uj is not readable', fix: 'chmod o+r …' }],
    spoolBytes: 10,
    spoolReports: 1,
    droppedSeries: 2,
    droppedReports: 0,
    damagedRecords: 0,
  };
  await DB.prepare(
    'UPDATE nodes SET inventory = ?, inventory_at_ms = ?, health = ?, health_at_ms = ?, simulated = 1 WHERE id = ?',
  )
    .bind(JSON.stringify(inventory), NOW_MS, JSON.stringify(health), NOW_MS, 'told')
    .run();
  await DB.prepare(
    "INSERT INTO node_devices (node_number, device_index, device_id, type, name) VALUES (?, 0, 'GPU-1', 'gpu', 'NVIDIA H100 80GB HBM3')",
  )
    .bind(await numberOf('told'))
    .run();
  const { sensors, ...spool } = health;
  const node = await api<Node>('GET', '/v1/nodes/told');
  expect(node).toMatchObject({
    inventory,
    inventoryAt: new Date(NOW_MS).toISOString(),
    sensors,
    spool,
    simulated: true,
    devices: [{ id: 'GPU-1', type: 'gpu', name: 'NVIDIA H100 80GB HBM3' }],
  });
  const { nodes } = await api<{ nodes: Node[] }>('GET', '/v1/nodes?filter=node:told');
  expect(nodes).toMatchObject([{ id: 'told', sensors, simulated: true }]);
  expect(nodes[0]).not.toHaveProperty('inventory');
  expect(JSON.stringify(node)).not.toContain('ingerprint');
});

test('labels are merged, null removes', async () => {
  await enrol(key, host('labelled'));
  const node = await api<Node>('PATCH', '/v1/nodes/labelled', { labels: { rack: '7', team: null } });
  expect(node.labels).toEqual({ rack: '7' });
  expect((await api<Node>('GET', '/v1/nodes/labelled')).labels).toEqual({ rack: '7' });
});

test('more labels than a node may have are refused as a whole', async () => {
  await enrol(key, host('many-labels'));
  const labels = (from: number, count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`l${from + index}`, 'x']));
  await api('PATCH', '/v1/nodes/many-labels', { labels: labels(0, 31) });
  expect(await refusal(await call('PATCH', '/v1/nodes/many-labels', { labels: labels(31, 1) }))).toEqual({
    status: 422,
    code: 'invalid_body',
    field: '/labels',
  });
  expect(Object.keys((await api<Node>('GET', '/v1/nodes/many-labels')).labels)).toHaveLength(32);
});

test('a node moves to another site from a date on', async () => {
  await enrol(key, host('mover'));
  const planned = await api<Node>('PATCH', '/v1/nodes/mover', {
    site: 'paris',
    effectiveFrom: '2099-01-01T00:00:00Z',
  });
  expect(planned).toMatchObject({ site: 'berlin', gridZone: 'DE' });
  const moved = await api<Node>('PATCH', '/v1/nodes/mover', {
    site: 'paris',
    effectiveFrom: '2025-01-01T00:00:00Z',
  });
  expect(moved).toMatchObject({ site: 'paris', gridZone: 'FR' });
  expect(moved.siteHistory).toHaveLength(3);
});

test.each([
  ['an unknown site', { site: 'nowhere' }, '/site'],
  ['a date without a site', { labels: { a: 'b' }, effectiveFrom: '2025-01-01T00:00:00Z' }, '/effectiveFrom'],
  ['nothing', {}, ''],
  ['a label with a comma', { labels: { a: 'b,c' } }, '/labels/a'],
  ['another hostname', { hostname: 'x' }, '/hostname'],
])('refuses %s', async (_, change, field) => {
  await enrol(key, host('unchanged'));
  expect(await refusal(await call('PATCH', '/v1/nodes/unchanged', change))).toEqual({
    status: 422,
    code: 'invalid_body',
    field,
  });
});

test('a retired node leaves the list, keeps its data and loses its token', async () => {
  const { token } = await enrol(key, host('leaving'));
  await storeReport('leaving', 7, NOW_MS);
  expect((await call('DELETE', '/v1/nodes/leaving')).status).toBe(204);
  expect((await call('DELETE', '/v1/nodes/leaving')).status).toBe(204);
  const ids = async (query: string) =>
    (await api<{ nodes: Node[] }>('GET', `/v1/nodes?filter=node:leaving${query}`)).nodes.map(
      (node) => node.id,
    );
  expect(await ids('')).toEqual([]);
  expect(await ids('&includeRetired=true')).toEqual(['leaving']);
  expect(await api<Node>('GET', '/v1/nodes/leaving')).toMatchObject({ state: 'retired' });
  expect((await call('GET', '/v1/nodes', undefined, { token })).status).toBe(401);
});

test('an unknown node is not found', async () => {
  for (const [method, body] of [
    ['GET', undefined],
    ['PATCH', { labels: {} }],
    ['DELETE', undefined],
  ] as const) {
    expect(await refusal(await call(method, '/v1/nodes/nobody', body))).toEqual({
      status: 404,
      code: 'not_found',
    });
  }
});

test('the list is filtered by site, zone and labels, all of which must hold', async () => {
  await enrol(
    await newEnrolmentKey({ site: 'paris', labels: { team: 'vision', 'a.b': 'x:y' } }),
    host('filter-1'),
  );
  await enrol(await newEnrolmentKey({ site: 'paris', labels: { team: 'nlp' } }), host('filter-2'));
  const ids = async (filter: string) =>
    (await api<{ nodes: Node[] }>('GET', `/v1/nodes?filter=${encodeURIComponent(filter)}`)).nodes.map(
      ({ id }) => id,
    );
  expect(await ids('site:paris')).toEqual(expect.arrayContaining(['filter-1', 'filter-2']));
  expect(await ids('gridZone:FR,label.team:vision')).toEqual(['filter-1']);
  expect(await ids('label.a.b:x:y')).toEqual(['filter-1']);
  expect(await ids('site:berlin,label.team:vision')).toEqual([]);
  expect(await ids("site:paris' OR 1=1 --")).toEqual([]);
  expect(await ids('label.team") OR ("1:nlp')).toEqual([]);
});

test.each(['site', 'site:', ':x', 'rack:7', 'label.:x', 'site:a,,site:b'])(
  'refuses the filter %s',
  async (filter) => {
    expect(await refusal(await call('GET', `/v1/nodes?filter=${encodeURIComponent(filter)}`))).toEqual({
      status: 400,
      code: 'invalid_parameter',
      field: 'filter',
    });
  },
);

test('the list pages in the order of enrolment', async () => {
  const seen: string[] = [];
  let cursor: string | null = null;
  do {
    const page: { nodes: Node[]; nextCursor: string | null } = await api(
      'GET',
      `/v1/nodes?limit=3${cursor === null ? '' : `&cursor=${cursor}`}`,
    );
    expect(page.nodes.length).toBeLessThanOrEqual(3);
    seen.push(...page.nodes.map((node) => node.id));
    cursor = page.nextCursor;
  } while (cursor !== null);
  const { results } = await DB.prepare(
    'SELECT id FROM nodes WHERE retired_at_ms IS NULL ORDER BY number',
  ).all<{
    id: string;
  }>();
  expect(seen).toEqual(results.map((row) => row.id));
});

test('a page reads a bounded number of rows, however long the history is', async () => {
  await enrol(key, host('long-history'));
  const number = await numberOf('long-history');
  await DB.prepare(
    `WITH RECURSIVE hour(value) AS (SELECT 0 UNION ALL SELECT value + 1 FROM hour WHERE value < 4999)
     INSERT INTO node_hours (key, version, received_at_ms, ledger) SELECT ?1 + value, 1, value, x'00' FROM hour`,
  )
    .bind(number * HOURS_PER_NODE)
    .run();
  // Nodes on other pages cost nothing either.
  const others = Array.from({ length: 20 }, (_, index) => host(`page-${index}`));
  for (const other of others) await enrol(key, other);
  const query = { limit: 2, after: number - 1, filters: [], withRetired: false };
  const measured: number[] = [];
  const counting = {
    prepare: (sql: string) => {
      const statement = DB.prepare(sql);
      return {
        bind: (...values: unknown[]) => ({
          all: async () => {
            const result = await statement.bind(...values).all();
            measured.push(result.meta.rows_read);
            return result;
          },
        }),
      };
    },
  } as unknown as D1Database;
  const [node] = await listNodes(new Shards([counting]), query, NOW_MS);
  expect(node).toMatchObject({ id: 'long-history', lastReportAtMs: 4999 });
  expect(measured.reduce((sum, rows) => sum + rows, 0)).toBeLessThan(30);
});
