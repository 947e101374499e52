import { expect, test } from 'vitest';
import {
  body,
  bookedRows,
  device,
  newNode,
  recentWindow,
  report,
  send,
  WINDOW_MS,
} from '../ingest/support.ts';
import { ADMIN_TOKEN } from '../support/admin-token.ts';
import { api, call, refusal } from '../support/api.ts';

interface Page {
  quarantine: {
    id: number;
    nodeId: string;
    code: string;
    revision: number;
    deviceId: string | null;
    detail: string;
    resolution: string | null;
    resolvedBy: string | null;
  }[];
  nextCursor: string | null;
}

const tenKilowatts = (back: number) =>
  report({ windowStartMs: recentWindow(back), devices: [device({ energyMillijoules: 10_000 * 300_000 })] });

test('a GPU of 10 kW is listed with its figures, newest first, page by page', async () => {
  const { nodeId, token } = await newNode('hot-gpu');
  await send(token, [tenKilowatts(2), tenKilowatts(1), tenKilowatts(0)]);
  const first = await api<Page>('GET', '/v1/quarantine?limit=2');
  expect(first.quarantine).toMatchObject([
    { nodeId, code: 'power_implausible', deviceId: device().id, resolution: null },
    { nodeId },
  ]);
  expect(first.quarantine[0]!.detail).toContain('10000 W');
  const second = await api<Page>('GET', `/v1/quarantine?limit=2&cursor=${first.nextCursor}`);
  expect(second.quarantine).toHaveLength(1);
  expect(second.nextCursor).toBe(null);
  const ids = [...first.quarantine, ...second.quarantine].map(({ id }) => id);
  expect(ids).toEqual([...ids].sort((a, b) => b - a));
});

test('what is discarded leaves the list, stays on record with who did it, and books nothing', async () => {
  const { nodeId, token } = await newNode('discarded');
  await send(token, [tenKilowatts(0)]);
  const before = await bookedRows();
  const mine = async (resolution: string) =>
    (await api<Page>('GET', `/v1/quarantine?resolution=${resolution}`)).quarantine.filter(
      (item) => item.nodeId === nodeId,
    );
  const [item] = await mine('open');
  expect((await call('POST', `/v1/quarantine/${item!.id}/discard`)).status).toBe(204);
  expect(await mine('open')).toEqual([]);
  expect(await mine('all')).toMatchObject([{ resolution: 'discarded', resolvedBy: 'admin' }]);
  expect(await refusal(await call('POST', `/v1/quarantine/${item!.id}/discard`))).toMatchObject({
    status: 404,
    code: 'not_found',
  });
  expect(await bookedRows()).toEqual(before);
  // The agent that lost the answer sends it again: told again, and still one entry.
  expect(await send(token, [tenKilowatts(0)])).toMatchObject({
    quarantined: [{ code: 'power_implausible' }],
  });
  expect(await mine('all')).toHaveLength(1);
});

test('only an operator sees it, and a wrong id or cursor is a 4xx', async () => {
  const { token } = await newNode('curious');
  expect(await refusal(await call('GET', '/v1/quarantine', undefined, { token }))).toMatchObject({
    status: 403,
    code: 'forbidden_scope',
  });
  for (const path of ['/v1/quarantine/none/discard', '/v1/quarantine/0/discard']) {
    expect((await refusal(await call('POST', path, undefined, { token: ADMIN_TOKEN }))).status).toBe(400);
  }
  expect((await call('GET', '/v1/quarantine?cursor=none')).status).toBe(400);
  // Of another list.
  const ofNodes = btoa('v1:node-a').replaceAll('=', '');
  expect((await call('GET', `/v1/quarantine?cursor=${ofNodes}`)).status).toBe(400);
});

test('what a person releases is booked once, and an older saying after it changes nothing', async () => {
  const { nodeId, token } = await newNode('released');
  const before = await bookedRows();
  await send(token, [tenKilowatts(0)]);
  expect(await bookedRows()).toEqual(before);
  const ofNode = async (resolution: string) =>
    (await api<Page>('GET', `/v1/quarantine?resolution=${resolution}`)).quarantine.filter(
      (item) => item.nodeId === nodeId,
    );
  const [item] = await ofNode('open');
  expect((await call('POST', `/v1/quarantine/${item!.id}/release`)).status).toBe(204);
  const after = await bookedRows();
  expect(after).toHaveLength(before.length + 1);
  expect(await ofNode('all')).toMatchObject([{ resolution: 'released', resolvedBy: 'admin' }]);
  expect((await call('POST', `/v1/quarantine/${item!.id}/release`)).status).toBe(404);
  expect(await bookedRows()).toEqual(after);
});

test('a release books the energy, never a series that nobody can read', async () => {
  const { nodeId, token } = await newNode('released-damaged');
  const damaged = device({
    energyMillijoules: 10_000 * 300_000,
    series: { stepMilliseconds: 1_000, watts: 'AAAA' },
  });
  await send(token, [report({ devices: [damaged] })]);
  const { quarantine } = await api<Page>('GET', '/v1/quarantine');
  const item = quarantine.find((each) => each.nodeId === nodeId)!;
  expect((await call('POST', `/v1/quarantine/${item.id}/release`)).status).toBe(204);
  const start = recentWindow(0);
  const range = `from=${new Date(start).toISOString()}&to=${new Date(start + WINDOW_MS).toISOString()}`;
  expect(await api('GET', `/v1/nodes/${nodeId}/power?${range}&stepSeconds=300`)).toMatchObject({
    devices: [{ powerWatts: [10_000], windowsFromEnergy: 1 }],
  });
});

test('a release never gives a window two contents under one revision', async () => {
  const { nodeId, token } = await newNode('contradicted');
  await send(token, [tenKilowatts(0)]);
  await send(token, [report()]);
  const before = await bookedRows();
  const { quarantine } = await api<Page>('GET', '/v1/quarantine');
  const item = quarantine.find((each) => each.nodeId === nodeId)!;
  const refused = await refusal(await call('POST', `/v1/quarantine/${item.id}/release`));
  expect(refused).toMatchObject({ status: 409, code: 'revision_conflict' });
  expect(await bookedRows()).toEqual(before);
});

test('what contradicts itself is not booked by any word', async () => {
  const { nodeId, token } = await newNode('more-than-itself');
  await send(token, [report({ devices: [device({ idleMillijoules: 195_000_001 })] })]);
  const before = await bookedRows();
  const { quarantine } = await api<Page>('GET', '/v1/quarantine');
  const item = quarantine.find((each) => each.nodeId === nodeId)!;
  expect(item.code).toBe('parts_exceed_whole');
  const refused = await refusal(await call('POST', `/v1/quarantine/${item.id}/release`));
  expect(refused).toMatchObject({ status: 409, code: 'revision_conflict' });
  expect(await bookedRows()).toEqual(before);
});

test('a later revision takes the place of an earlier one, in any order; contradictions all stay', async () => {
  const { nodeId, token } = await newNode('minute-by-minute');
  const hot = (revision: number, windowsBack = 0) => ({ ...tenKilowatts(windowsBack), revision });
  await send(token, [hot(1)]);
  await send(token, [hot(3), hot(1, 1)]);
  await send(token, [hot(2)]);
  const mine = async () =>
    (await api<Page>('GET', '/v1/quarantine?limit=200')).quarantine
      .filter((item) => item.nodeId === nodeId)
      .map(({ code, revision }) => `${code} ${revision}`)
      .sort();
  expect(await mine()).toEqual(['power_implausible 1', 'power_implausible 3']);
  const cold = (revision: number, energyMillijoules: number) =>
    report({ windowStartMs: recentWindow(2), revision, devices: [device({ energyMillijoules })] });
  await send(token, [cold(1, 10)]);
  await call('POST', '/v1/ingest', body([cold(1, 11)]), { token });
  await send(token, [cold(2, 20)]);
  await call('POST', '/v1/ingest', body([cold(2, 21)]), { token });
  expect(await mine()).toEqual([
    'power_implausible 1',
    'power_implausible 3',
    'revision_conflict 1',
    'revision_conflict 2',
  ]);
});
