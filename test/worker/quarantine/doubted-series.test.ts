/** A power series of another energy than the one beside it: the energy counts, the series alone waits for a person. */
import { expect, test } from 'vitest';
import type { WindowReport } from '../../../shared/wire/ingest.ts';
import { addSeries } from '../../../worker/storage/late-series.ts';
import {
  database,
  device,
  newNode,
  numberOf,
  recentWindow,
  report,
  send,
  seriesWire,
  WINDOW_MS,
} from '../ingest/support.ts';
import { api, call } from '../support/api.ts';

interface Page {
  readonly quarantine: readonly {
    id: number;
    nodeId: string;
    code: string;
    deviceId: string;
    detail: string;
  }[];
}

const GOOD = 'GPU-00000000-0000-4000-8000-0000000000d1';
const BAD = 'GPU-00000000-0000-4000-8000-0000000000d2';
/** 650 W over a window. */
const ENERGY = 195_000_000;

async function doubted(changes: Partial<WindowReport> = {}): Promise<WindowReport> {
  const of = async (id: string, watts: number) =>
    device({
      id,
      energyMillijoules: ENERGY,
      series: { stepMilliseconds: 1_000, watts: await seriesWire(Array(300).fill(watts)) },
    });
  return report({ devices: [await of(GOOD, 650), await of(BAD, 100)], ...changes });
}

async function waiting(nodeId: string) {
  const { quarantine } = await api<Page>('GET', '/v1/quarantine');
  return quarantine.filter((item) => item.nodeId === nodeId);
}

/** Mean watts of each device over the window, and whether a series told them. */
async function powerOf(nodeId: string): Promise<Record<string, unknown>> {
  const start = recentWindow();
  const range = `from=${new Date(start).toISOString()}&to=${new Date(start + WINDOW_MS).toISOString()}`;
  const { devices } = await api<{
    devices: { id: string; powerWatts: number[]; windowsFromEnergy: number }[];
  }>('GET', `/v1/nodes/${nodeId}/power?${range}&stepSeconds=300`);
  return Object.fromEntries(
    devices.map(({ id, powerWatts, windowsFromEnergy }) => [
      id,
      { watts: powerWatts[0], hasSeries: windowsFromEnergy === 0 },
    ]),
  );
}

const ledgerOf = async (nodeId: string) =>
  (
    await database
      .prepare(
        'SELECT hex(ledger) AS ledger FROM node_hours WHERE key >= ?1 * 2097152 AND key < (?1 + 1) * 2097152',
      )
      .bind(await numberOf(nodeId))
      .all()
  ).results;

test('energies are booked, the series that agree are stored, and one entry tells of the other', async () => {
  const { nodeId, token } = await newNode('doubted');
  const said = await doubted();
  expect(await send(token, [said])).toMatchObject({
    accepted: 1,
    unchanged: 0,
    quarantined: [],
    seriesSetAside: [{ windowStartMs: said.windowStartMs, deviceId: BAD, code: 'series_disagrees' }],
  });
  expect(await powerOf(nodeId)).toEqual({
    [GOOD]: { watts: 650, hasSeries: true },
    [BAD]: { watts: 650, hasSeries: false },
  });
  // An answer that was lost on the way.
  expect(await send(token, [said])).toMatchObject({ accepted: 0, unchanged: 1, quarantined: [] });
  expect(await waiting(nodeId)).toMatchObject([
    {
      code: 'series_disagrees',
      deviceId: BAD,
      detail: expect.stringMatching(/30000000 mJ.*energies are booked/),
    },
  ]);
});

test('a person releases the series: it stands beside the others, and no energy moves', async () => {
  const { nodeId, token } = await newNode('doubted-released');
  await send(token, [await doubted()]);
  const before = await ledgerOf(nodeId);
  const [item] = await waiting(nodeId);
  expect((await call('POST', `/v1/quarantine/${item!.id}/release`)).status).toBe(204);
  expect(await powerOf(nodeId)).toEqual({
    [GOOD]: { watts: 650, hasSeries: true },
    [BAD]: { watts: 100, hasSeries: true },
  });
  expect(await ledgerOf(nodeId)).toEqual(before);
  expect(await waiting(nodeId)).toEqual([]);
  // The hour is another one for who remembers it.
  const next = report({ windowStartMs: recentWindow(), epoch: 'epoch0002', devices: [] });
  expect(await send(token, [next])).toMatchObject({ accepted: 1 });
  expect((await powerOf(nodeId))[BAD]).toEqual({ watts: 100, hasSeries: true });
});

test('an hour that has left takes no series, a window no more than it may hold, and a device one', async () => {
  const { nodeId, token } = await newNode('doubted-late');
  await send(token, [await doubted()]);
  const number = await numberOf(nodeId);
  const series = (deviceIndex: number, bytes: number) => ({
    deviceIndex,
    stepMilliseconds: 1_000,
    deflated: new Uint8Array(bytes),
  });
  const add = (startMs: number, deviceIndex: number, bytes: number) =>
    addSeries(database, number, startMs, [series(deviceIndex, bytes)], 1_000);
  expect(await add(recentWindow() - 40 * 86_400_000, 1, 10)).toBe('gone');
  expect(await add(recentWindow(), 1, 1_000)).toBe('full');
  const stored = () => powerOf(nodeId);
  const before = await stored();
  // The first device has one, and keeps it.
  expect(await add(recentWindow(), 0, 10)).toBe('added');
  expect(await stored()).toEqual(before);
});

test('what is set aside for another reason is kept whole, series and all', async () => {
  const { nodeId, token } = await newNode('doubted-otherwise');
  await send(token, [
    report({
      windowStartMs: recentWindow(1),
      devices: [device({ id: GOOD, type: 'cpu', energyMillijoules: 1 })],
    }),
  ]);
  const reply = await send(token, [await doubted()]);
  expect(reply).toMatchObject({
    accepted: 0,
    quarantined: [{ code: 'device_type_changed' }],
    seriesSetAside: [],
  });
  const kept = await database
    .prepare('SELECT report FROM quarantine WHERE node_number = ?1')
    .bind(await numberOf(nodeId))
    .all<{ report: string }>();
  expect(kept.results.map(({ report: text }) => JSON.parse(text))).toEqual([await doubted()]);
});
