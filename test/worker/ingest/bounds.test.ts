import { expect, test } from 'vitest';
import type { DeviceType } from '../../../shared/wire/ingest.ts';
import { call, refusal } from '../support/api.ts';
import { countingDatabase } from './counting-database.ts';
import {
  body,
  bookedRows,
  database,
  device,
  ingestInto,
  newNode,
  numberOf,
  recentWindow,
  report,
  send,
  WINDOW_MS,
} from './support.ts';

const idle = (id: string, type: DeviceType = 'gpu') => device({ id, type, energyMillijoules: 1 });

test('a device keeps the type it first had: what calls it something else is set aside', async () => {
  const { token } = await newNode('renamed');
  await send(token, [report({ devices: [idle('cpu-0', 'cpu')] })]);
  const before = await bookedRows();
  const reply = await send(token, [report({ revision: 2, devices: [idle('cpu-0', 'gpu')] })]);
  expect(reply).toMatchObject({
    accepted: 0,
    quarantined: [{ code: 'device_type_changed', deviceId: 'cpu-0' }],
  });
  expect(await bookedRows()).toEqual(before);
  // Two types within one body: the first stands.
  const both = await send(token, [
    report({ windowStartMs: recentWindow(2), devices: [idle('x', 'memory')] }),
    report({ windowStartMs: recentWindow(1), devices: [idle('x', 'other')] }),
  ]);
  expect(both).toMatchObject({
    accepted: 1,
    quarantined: [{ windowStartMs: recentWindow(1), code: 'device_type_changed', deviceId: 'x' }],
  });
});

test('a node has 256 devices at most: ids that change with every report are set aside, known ones booked', async () => {
  const { token } = await newNode('made-up-ids');
  const window = (back: number) =>
    report({
      windowStartMs: recentWindow(back),
      devices: Array.from({ length: 64 }, (_, index) => idle(`w${back}-${index}`)),
    });
  expect(await send(token, [0, 1, 2, 3, 4].map(window))).toMatchObject({
    accepted: 4,
    quarantined: [{ windowStartMs: recentWindow(4), code: 'too_many_devices', deviceId: 'w4-0' }],
  });
  expect(await send(token, [report({ epoch: 'epoch0002', devices: [] })])).toMatchObject({ accepted: 1 });
});

test('an hour that holds all it may takes no more, and says so', async () => {
  const { nodeId } = await newNode('forgetful');
  const number = await numberOf(nodeId);
  const book = (reports: unknown[]) => ingestInto(database, number, body(reports), Date.now());
  const windowStartMs = recentWindow() - (recentWindow() % 3_600_000) - 3_600_000;
  const epochs = (first: number, count: number) =>
    Array.from({ length: count }, (_, index) =>
      report({
        windowStartMs: windowStartMs + (index % 12) * WINDOW_MS,
        epoch: `lost${String(first + index).padStart(6, '0')}`,
        devices: Array.from({ length: 60 }, (_, at) =>
          device({ id: `d${at}`, meteredMilliseconds: 0, energyMillijoules: 0 }),
        ),
      }),
    );
  // 61 entries each: 98 fit into 6,000.
  expect(await book(epochs(0, 98))).toMatchObject({ value: { accepted: 98, quarantined: [] } });
  expect(await book(epochs(98, 2))).toMatchObject({
    value: { accepted: 0, quarantined: [{ code: 'hour_full' }, { code: 'hour_full' }] },
  });
});

test('series that a row could not hold are set aside, and jobs beyond their bound refused', async () => {
  const { token } = await newNode('chatty');
  const watts = 'A'.repeat(8_192);
  const devices = Array.from({ length: 9 }, (_, index) =>
    device({ id: `d${index}`, series: { stepMilliseconds: 100, watts } }),
  );
  expect(await send(token, [report({ devices })])).toMatchObject({
    accepted: 0,
    quarantined: [{ code: 'series_damaged', deviceId: null }],
  });
  const many = Array.from({ length: 41 }, (_, index) => ({
    id: `slurm:c:${index}`,
    devices: Array.from({ length: 50 }, (_, at) => ({
      id: `d${at}`,
      energyMillijoules: 0,
      allocatedMilliseconds: 0,
    })),
  }));
  const crowd = Array.from({ length: 50 }, (_, index) => idle(`d${index}`));
  const refused = await call('POST', '/v1/ingest', body([report({ devices: crowd, jobs: many })]), { token });
  expect(await refusal(refused)).toEqual({ status: 422, code: 'invalid_body', field: '/reports/0/jobs' });
});

test('the largest body is a few statements, whatever it names', async () => {
  const { nodeId } = await newNode('backlog');
  const reports = Array.from({ length: 300 }, (_, back) =>
    report({
      windowStartMs: recentWindow(back),
      devices: [idle('a'), idle('b'), idle('hot')].map((each) =>
        each.id === 'hot' && back % 2 === 0 ? { ...each, energyMillijoules: 2 ** 44 } : each,
      ),
      jobs: [
        { id: `slurm:c:${back}`, devices: [{ id: 'a', energyMillijoules: 1, allocatedMilliseconds: 1 }] },
      ],
    }),
  );
  const parts = Array.from({ length: 200 }, (_, index) => ({ id: `p${index}`, type: 'ssd', name: 'disk' }));
  const inventory = { hostname: 'backlog', kernel: '', productName: '', parts };
  const { database: counting, calls } = countingDatabase(database);
  const said = body(reports, { inventory });
  const outcome = await ingestInto(counting, await numberOf(nodeId), said, Date.now());
  expect(outcome).toMatchObject({ ok: true, value: { accepted: 150 } });
  // The free plan ends a request at 50.
  expect(calls.statements).toBeLessThan(25);
});

test('two epochs of a window that nobody saw before land together, in one request as in two', async () => {
  const { nodeId } = await newNode('late-twins');
  const number = await numberOf(nodeId);
  const later = Date.now() + 2 * 86_400_000;
  const half = { meteredMilliseconds: 100_000, energyMillijoules: 1_000 };
  await ingestInto(database, number, body([report({ windowStartMs: recentWindow(1) })]), Date.now());
  const hour = recentWindow(1) - (recentWindow(1) % 3_600_000);
  const free = hour + (recentWindow(1) === hour ? WINDOW_MS : 0);
  const twins = ['epoch0001', 'epoch0002'].map((epoch) =>
    report({ windowStartMs: free, epoch, devices: [device(half)] }),
  );
  expect(await ingestInto(database, number, body(twins), later)).toMatchObject({
    value: { accepted: 2, quarantined: [] },
  });
});
