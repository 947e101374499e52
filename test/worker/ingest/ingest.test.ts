import { SELF } from 'cloudflare:test';
import { beforeAll, expect, test } from 'vitest';
import type { IngestReply, WindowReport } from '../../../shared/wire/ingest.ts';
import { readJobNodes } from '../../../worker/storage/job-nodes.ts';
import { readNodeHours } from '../../../worker/storage/node-hours.ts';
import { call, refusal } from '../support/api.ts';
import { countingDatabase } from './counting-database.ts';
import {
  body,
  bookedRows,
  database,
  device,
  gzip,
  ingestInto,
  newNode,
  numberOf,
  recentWindow,
  report,
  send,
  seriesWire,
} from './support.ts';

let node: { nodeId: string; token: string };
beforeAll(async () => {
  node = await newNode('ingest-a');
});

async function energyOf(nodeId: string): Promise<number> {
  let millijoules = 0;
  for await (const { ledger } of readNodeHours(database, {
    nodeNumbers: [await numberOf(nodeId)],
    fromMs: Date.now() - 40 * 86_400_000,
    toMs: Date.now() + 3_600_000,
  })) {
    for (const { devices } of ledger.windows.flat())
      for (const each of devices) millijoules += each.energyMillijoules;
  }
  return millijoules;
}

test('a report is booked once, however often it comes', async () => {
  const { nodeId, token } = await newNode('once');
  expect(await send(token, [report()])).toMatchObject({
    accepted: 1,
    unchanged: 0,
    quarantined: [],
    reportEverySeconds: 60,
  });
  expect(await send(token, [report()])).toMatchObject({ accepted: 0, unchanged: 1 });
  expect(
    await send(token, [report({ revision: 2, devices: [device({ energyMillijoules: 200_000_000 })] })]),
  ).toMatchObject({ accepted: 1 });
  expect(await send(token, [report()])).toMatchObject({ unchanged: 1 });
  expect(await energyOf(nodeId)).toBe(200_000_000);
});

test('a report costs one row in its steady state, with its series too, and a repeat none', async () => {
  const { nodeId, token } = await newNode('rows');
  await send(token, [report({ final: false })]);
  const number = await numberOf(nodeId);
  const rowsOf = async (said: WindowReport) => {
    const { database: counting, rows, calls } = countingDatabase(database);
    const outcome = await ingestInto(counting, number, body([said]), Date.now());
    expect(outcome.ok).toBe(true);
    // One that reads, and one that writes where there is anything to write.
    expect(calls.roundTrips).toBe(1 + rows.written);
    return rows.written;
  };
  const second = report({ revision: 2, final: false, devices: [device({ energyMillijoules: 1 })] });
  expect(await rowsOf(second)).toBe(1);
  expect(await rowsOf(second)).toBe(0);
  const series = { stepMilliseconds: 1_000, watts: await seriesWire(Array(300).fill(650)) };
  const last = report({ revision: 3, devices: [device({ series })] });
  expect(await rowsOf(last)).toBe(1);
  expect(await rowsOf(last)).toBe(0);
});

test('a job costs statements of its own only when it comes', async () => {
  const { nodeId } = await newNode('known-job');
  const number = await numberOf(nodeId);
  const of = (revision: number, ids: readonly string[]) =>
    report({
      revision,
      jobs: ids.map((id) => ({
        id,
        devices: [{ id: device().id, energyMillijoules: 1, allocatedMilliseconds: 1 }],
      })),
    });
  const callsOf = async (said: WindowReport) => {
    const { database: counting, calls } = countingDatabase(database);
    await ingestInto(counting, number, body([said]), Date.now());
    return calls;
  };
  await callsOf(of(1, ['slurm:known:1']));
  // Devices, hours and jobs are read, the hour is written.
  expect(await callsOf(of(2, ['slurm:known:1']))).toEqual({ roundTrips: 2, statements: 4 });
  // Registered in a trip of its own, and noted with the hour.
  expect(await callsOf(of(3, ['slurm:known:1', 'slurm:known:2']))).toEqual({ roundTrips: 3, statements: 7 });
  expect(await callsOf(of(4, ['slurm:known:1', 'slurm:known:2']))).toEqual({ roundTrips: 2, statements: 4 });
  const { results } = await database
    .prepare("SELECT number FROM jobs WHERE id LIKE 'slurm:known:%'")
    .all<{ number: number }>();
  const numbers = results.map((job) => job.number);
  expect((await readJobNodes(database, numbers)).map(({ jobNumber }) => jobNumber)).toEqual(numbers);
  expect(numbers).toHaveLength(2);
});

test('a second series of a window is counted where its node is shown, and costs no energy', async () => {
  const { nodeId, token } = await newNode('two-epochs');
  const half = async (epoch: string, watts: number) =>
    report({
      epoch,
      devices: [
        device({
          meteredMilliseconds: 150_000,
          energyMillijoules: watts * 150_000,
          series: { stepMilliseconds: 1_000, watts: await seriesWire(Array(150).fill(watts)) },
        }),
      ],
    });
  const dropped = async () =>
    (await (await call('GET', `/v1/nodes/${nodeId}`)).json<{ droppedSeries: number }>()).droppedSeries;
  await send(token, [await half('epoch0001', 600)]);
  expect(await dropped()).toBe(0);
  expect(await send(token, [await half('epoch0002', 700)])).toMatchObject({ accepted: 1 });
  expect(await dropped()).toBe(1);
  expect(await send(token, [await half('epoch0002', 700)])).toMatchObject({ unchanged: 1 });
  expect(await dropped()).toBe(1);
  const together = [await half('epoch0001', 600), await half('epoch0002', 700)];
  await send(
    token,
    together.map((each) => ({ ...each, windowStartMs: recentWindow(1) })),
  );
  expect(await dropped()).toBe(2);
  expect(await energyOf(nodeId)).toBe(2 * (600 + 700) * 150_000);
});

test('hours of some nodes are found by key, however much the others have', async () => {
  const { nodeId, token } = await newNode('few-hours');
  await send(token, [report()]);
  const crowded = await newNode('many-hours');
  await send(
    crowded.token,
    Array.from({ length: 288 }, (_, back) => report({ windowStartMs: recentWindow(back) })),
  );
  const number = await numberOf(nodeId);
  const { database: counting, rows } = countingDatabase(database);
  const hours = [];
  const query = { nodeNumbers: [number], fromMs: Date.now() - 86_400_000, toMs: Date.now() };
  for await (const hour of readNodeHours(counting, query)) hours.push(hour);
  expect(hours).toHaveLength(1);
  expect(rows.read).toBeLessThan(10);
});

test('a lost disk starts a new epoch, and both count', async () => {
  const { nodeId, token } = await newNode('lost-disk');
  await send(token, [
    report({
      devices: [device({ meteredMilliseconds: 120_000, energyMillijoules: 70_000_000 })],
      final: false,
    }),
  ]);
  const second = report({
    epoch: 'epoch0002',
    devices: [device({ meteredMilliseconds: 150_000, energyMillijoules: 90_000_000 })],
  });
  expect(await send(token, [second])).toMatchObject({ accepted: 1 });
  expect(await energyOf(nodeId)).toBe(160_000_000);
  const third = report({
    epoch: 'epoch0003',
    devices: [device({ meteredMilliseconds: 100_000, energyMillijoules: 1 })],
  });
  expect(await send(token, [third])).toMatchObject({
    accepted: 0,
    quarantined: [{ code: 'over_metered', deviceId: device().id }],
  });
});

test('the same revision with other content is a conflict; the rest of the body is booked', async () => {
  const { nodeId, token } = await newNode('cloned');
  await send(token, [report()]);
  const reports = [
    report({ devices: [device({ energyMillijoules: 5 })] }),
    report({ windowStartMs: recentWindow(1) }),
  ];
  const response = await call('POST', '/v1/ingest', body(reports), { token });
  expect(response.status).toBe(409);
  expect(await response.json()).toMatchObject({
    code: 'revision_conflict',
    accepted: 1,
    unchanged: 0,
    quarantined: [{ windowStartMs: recentWindow(), code: 'revision_conflict' }],
  });
  expect(await energyOf(nodeId)).toBe(2 * 195_000_000);
});

test('what cannot be true is set aside whole, counted and visible, and the totals stay', async () => {
  const { token } = await newNode('implausible');
  const before = await bookedRows();
  const cases: [string, Parameters<typeof report>[0]][] = [
    ['power_implausible', { devices: [device({ energyMillijoules: 10_000 * 300_000 })] }],
    ['window_in_future', { windowStartMs: recentWindow(-4) }],
    ['window_too_old', { windowStartMs: recentWindow(40 * 288) }],
    ['energy_without_time', { devices: [device({ meteredMilliseconds: 0 })] }],
    ['parts_exceed_whole', { devices: [device({ recoveredMillijoules: 195_000_001 })] }],
    ['parts_exceed_whole', { devices: [device({ idleMillijoules: 195_000_001 })] }],
    ['series_damaged', { devices: [device({ series: { stepMilliseconds: 1_000, watts: 'AAAA' } })] }],
    [
      'parts_exceed_whole',
      {
        jobs: [
          {
            id: 'slurm:c:1',
            devices: [{ id: device().id, energyMillijoules: 195_000_001, allocatedMilliseconds: 300_000 }],
          },
        ],
      },
    ],
  ];
  for (const [code, changes] of cases) {
    const reply = await send(token, [report(changes)]);
    expect(reply, code).toMatchObject({ accepted: 0, unchanged: 0, quarantined: [{ code }] });
  }
  expect(await bookedRows()).toEqual(before);
  const listed = await (await call('GET', '/v1/quarantine')).json<{
    quarantine: { code: string; nodeId: string }[];
  }>();
  expect(
    listed.quarantine
      .filter(({ nodeId }) => nodeId === 'implausible')
      .map(({ code }) => code)
      .sort(),
  ).toEqual(cases.map(([code]) => code).sort());
});

test('a body sent again after a lost answer adds nothing to the quarantine', async () => {
  const { token } = await newNode('repeat');
  const count = async () =>
    (await database.prepare('SELECT COUNT(*) AS n FROM quarantine').first<{ n: number }>())!.n;
  await send(token, [report({ windowStartMs: recentWindow(-4) })]);
  const before = await count();
  await send(token, [report({ windowStartMs: recentWindow(-4) })]);
  expect(await count()).toBe(before);
});

test('many requests of one node at once all count', async () => {
  const { nodeId, token } = await newNode('racing');
  const windows = Array.from({ length: 8 }, (_, back) =>
    report({ windowStartMs: recentWindow(back), devices: [device({ energyMillijoules: 1_000 + back })] }),
  );
  const replies = await Promise.all(windows.map((each) => send(token, [each])));
  expect(replies.every(({ accepted }) => accepted === 1)).toBe(true);
  expect(await energyOf(nodeId)).toBe(8 * 1_000 + 28);
});

test('a day of backlog lands in one request', async () => {
  const { nodeId, token } = await newNode('backlog');
  const reports = Array.from({ length: 288 }, (_, back) =>
    report({ windowStartMs: recentWindow(back), devices: [device({ energyMillijoules: back })] }),
  );
  const text = JSON.stringify(body(reports));
  const response = await SELF.fetch('http://wattshed.test/v1/ingest', {
    method: 'POST',
    headers: {
      Authorization: `Bearer ${token}`,
      'Content-Type': 'application/json',
      'Content-Encoding': 'gzip',
    },
    body: await gzip(text),
  });
  expect(await response.json()).toMatchObject({ accepted: 288, quarantined: [] });
  expect(await energyOf(nodeId)).toBe((287 * 288) / 2);
});

test('tokens: none, another scope, another node', async () => {
  const before = await bookedRows();
  expect(await refusal(await call('POST', '/v1/ingest', body([report()]), { token: null }))).toMatchObject({
    status: 401,
    code: 'unauthenticated',
  });
  expect(await refusal(await call('POST', '/v1/ingest', body([report()])))).toMatchObject({
    status: 403,
    code: 'forbidden_scope',
  });
  const other = await newNode('other');
  expect(
    await refusal(
      await call('POST', '/v1/ingest', body([report()]), {
        token: other.token,
        headers: { 'Wattshed-Node': node.nodeId },
      }),
    ),
  ).toMatchObject({ status: 403, code: 'wrong_node' });
  expect(await bookedRows()).toEqual(before);
});

const malformed: [string, unknown, string][] = [
  ['no version', { ...body([]), version: undefined }, '/version'],
  ['another version', { ...body([]), version: 2 }, '/version'],
  ['an unknown field', { ...body([]), tenant: 'x' }, '/tenant'],
  [
    'a prototype field',
    JSON.parse('{"version":1,"sentAtMs":0,"agentVersion":"1","reports":[],"__proto__":{"a":1}}'),
    '',
  ],
  ['reports that are no list', { ...body([]), reports: {} }, '/reports'],
  [
    'too many reports',
    body(Array.from({ length: 301 }, (_, back) => report({ windowStartMs: recentWindow(back) }))),
    '/reports',
  ],
  ['one window twice', body([report(), report({ revision: 2 })]), '/reports'],
  ['an array as body', [], ''],
  ['a number as body', 7, ''],
  ['null as body', null, ''],
  ...each('windowStartMs', [1, -300_000, 0.5, '0', null, 1e300], (value) =>
    report({ windowStartMs: value as number }),
  ),
  ...each('epoch', ['', 'short', 'UPPERCASE1', 'a'.repeat(33), 'spaces in it', 7, null], (value) =>
    report({ epoch: value as string }),
  ),
  ...each('revision', [0, -1, 1.5, '1', null, 2 ** 40], (value) => report({ revision: value as number })),
  ...each('final', [0, 'true', null], (value) => report({ final: value as boolean })),
  ...each(
    'devices',
    [
      null,
      {},
      'none',
      Array.from({ length: 65 }, (_, i) => device({ id: `GPU-${i}` })),
      [device(), device()],
    ],
    (value) => report({ devices: value as [] }),
  ),
  ...each(
    'jobs',
    [null, {}, [{ id: 'a', devices: [{ id: 'GPU-none', energyMillijoules: 0, allocatedMilliseconds: 0 }] }]],
    (value) => report({ jobs: value as [] }),
  ),
  ...ofDevice('id', ['', 'x'.repeat(129), 'new\nline', 'snow☃man', 7, null]),
  ...ofDevice('type', ['tpu', '', null, 1]),
  ...ofDevice('kind', ['measured', '', null]),
  ...ofDevice('name', ['', 'x'.repeat(129), null, '\u0000']),
  ...ofDevice('meteredMilliseconds', [-1, 300_001, 1.5, 'NaN', null, '300000']),
  ...ofDevice('energyMillijoules', [-1, 0.5, 'NaN', 'Infinity', null, 2 ** 53, 1e308, true, []]),
  ...ofDevice('recoveredMillijoules', [-1, 0.5, 'NaN', null]),
  ...ofDevice('integratedMillijoules', [-1, 0.5, 'NaN', null]),
  ...ofDevice('idleMillijoules', [-1, 0.5, 'NaN', null]),
  ...ofDevice('utilizationRatio', [-0.1, 1.1, 93, '0.9', null]),
  ...ofDevice('series', [
    null,
    {},
    { stepMilliseconds: 0, watts: 'AAAA' },
    { stepMilliseconds: 1_000, watts: 'not base64!' },
    { stepMilliseconds: 1_000, watts: 'A'.repeat(8_196) },
  ]),
  ...ofDevice('powerWatts', [650]),
];

function each(
  field: string,
  values: readonly unknown[],
  make: (value: unknown) => unknown,
): [string, unknown, string][] {
  return values.map((value) => [
    `${field} = ${JSON.stringify(value)?.slice(0, 40)}`,
    body([make(value)]),
    `/reports/0/${field}`,
  ]);
}

function ofDevice(field: string, values: readonly unknown[]): [string, unknown, string][] {
  return values.map((value) => [
    `device ${field} = ${JSON.stringify(value)?.slice(0, 40)}`,
    body([report({ devices: [{ ...device(), [field]: value }] })]),
    `/reports/0/devices/0/${field}`,
  ]);
}

test(`${malformed.length} malformed bodies are refused with the field that is wrong, and book nothing`, async () => {
  expect(malformed.length).toBeGreaterThan(90);
  const before = await bookedRows();
  for (const [what, wrong, field] of malformed) {
    const response = await call('POST', '/v1/ingest', wrong, { token: node.token });
    const said = await refusal(response);
    expect(said, what).toMatchObject({ status: 422, code: 'invalid_body' });
    expect(said.field, what).toContain(field);
  }
  expect(await bookedRows()).toEqual(before);
});

test('an unknown field is named, with the version that the server reads', async () => {
  const wrong = body([report({ devices: [{ ...device(), powerWatts: 650 } as never] })]);
  const response = await call('POST', '/v1/ingest', wrong, { token: node.token });
  expect(await response.json()).toMatchObject({
    field: '/reports/0/devices/0/powerWatts',
    detail: expect.stringMatching(/unknown field; this server reads version 1/),
  });
});

test('a window that was complete and untouched for 36 hours takes no other figure', async () => {
  const { nodeId, token } = await newNode('sealed');
  const number = await numberOf(nodeId);
  const days = (count: number) => Date.now() + count * 86_400_000;
  await send(token, [report(), report({ windowStartMs: recentWindow(1), final: false })]);
  const later = async (said: WindowReport) => {
    const outcome = await ingestInto(database, number, body([said]), days(2));
    return outcome.ok ? (outcome.value.quarantined[0]?.code ?? 'booked') : outcome.problem.code;
  };
  expect(await later(report({ revision: 2, devices: [device({ energyMillijoules: 1 })] }))).toBe(
    'window_sealed',
  );
  expect(
    await later(
      report({ epoch: 'epoch0002', devices: [device({ meteredMilliseconds: 0, energyMillijoules: 0 })] }),
    ),
  ).toBe('window_sealed');
  expect(await energyOf(nodeId)).toBe(2 * 195_000_000);
  // The server knows that more was to come of this one.
  const unfinished = report({
    windowStartMs: recentWindow(1),
    revision: 2,
    devices: [device({ energyMillijoules: 7 })],
  });
  expect(await later(unfinished)).toBe('booked');
  expect(await energyOf(nodeId)).toBe(195_000_007);
});

test('a body may be packed, plain, or come in pieces of unknown number', async () => {
  const { token } = await newNode('encodings');
  const plain = new TextEncoder().encode(JSON.stringify(body([report()])));
  const packed = await gzip(JSON.stringify(body([report()])));
  const inPieces = (bytes: Uint8Array) =>
    new ReadableStream<Uint8Array>({
      start(controller) {
        for (const byte of bytes) controller.enqueue(Uint8Array.of(byte));
        controller.close();
      },
    });
  const bodies: [string, BodyInit][] = [
    ['gzip', packed],
    ['GZIP', packed],
    ['identity', plain],
    ['gzip', inPieces(packed)],
    ['identity', inPieces(plain)],
  ];
  for (const [encoding, bytes] of bodies) {
    const response = await SELF.fetch('http://wattshed.test/v1/ingest', {
      method: 'POST',
      headers: {
        Authorization: `Bearer ${token}`,
        'Content-Type': 'application/json',
        'Content-Encoding': encoding,
      },
      body: bytes,
    });
    const { accepted, unchanged } = await response.json<IngestReply>();
    expect(`${encoding} ${response.status} ${accepted + unchanged}`).toBe(`${encoding} 200 1`);
  }
});

test('bytes that are no JSON, no gzip, or too many', async () => {
  const before = await bookedRows();
  const post = async (bytes: BodyInit, headers: Record<string, string> = {}) =>
    refusal(
      await SELF.fetch('http://wattshed.test/v1/ingest', {
        method: 'POST',
        headers: { Authorization: `Bearer ${node.token}`, 'Content-Type': 'application/json', ...headers },
        body: bytes,
      }),
    );
  const packed = await gzip(JSON.stringify(body([report()])));
  expect(await post('{"version":1,')).toMatchObject({ status: 400, code: 'malformed_body' });
  expect(await post('')).toMatchObject({ status: 400, code: 'malformed_body' });
  const lying = packed.slice();
  for (const wrong of [
    packed.subarray(0, packed.length - 9),
    packed.subarray(0, 3),
    new Uint8Array(),
    lying,
  ]) {
    // The length that is told at the end is another.
    lying.fill(0, lying.length - 4);
    expect(await post(wrong, { 'Content-Encoding': 'gzip' })).toMatchObject({
      status: 400,
      code: 'malformed_body',
    });
  }
  expect(await post('not gzip', { 'Content-Encoding': 'gzip' })).toMatchObject({
    status: 400,
    code: 'malformed_body',
  });
  expect(await post(packed, { 'Content-Encoding': 'br' })).toMatchObject({
    status: 415,
    code: 'unsupported_encoding',
  });
  expect(await post('x', { 'Content-Type': 'text/plain' })).toMatchObject({
    status: 415,
    code: 'unsupported_media_type',
  });
  expect(await post(' '.repeat(256 * 1024 + 1))).toMatchObject({ status: 413, code: 'body_too_large' });
  // Five megabytes of spaces are five kilobytes of gzip.
  expect(await post(await gzip(' '.repeat(5 * 1024 * 1024)), { 'Content-Encoding': 'gzip' })).toMatchObject({
    status: 413,
    code: 'body_too_large',
  });
  expect(await bookedRows()).toEqual(before);
});

test('a bomb of a gigabyte is refused by its size as sent, one of 128 MiB after four megabytes of it', async () => {
  const member = await gzippedZeros(128);
  // A gzip file may hold several members: eight of them unpack to a gigabyte.
  const gigabyte = new Uint8Array(member.length * 8);
  for (let i = 0; i < 8; i++) gigabyte.set(member, i * member.length);
  expect(member.length).toBeLessThan(256 * 1024);
  expect(gigabyte.length).toBeGreaterThan(256 * 1024);
  for (const bomb of [gigabyte, member]) {
    const response = await SELF.fetch('http://wattshed.test/v1/ingest', {
      method: 'POST',
      headers: {
        Authorization: `Bearer ${node.token}`,
        'Content-Type': 'application/json',
        'Content-Encoding': 'gzip',
      },
      body: bomb,
    });
    expect(await refusal(response)).toMatchObject({ status: 413, code: 'body_too_large' });
  }
});

async function gzippedZeros(mebibytes: number): Promise<Uint8Array> {
  const block = new Uint8Array(1024 * 1024);
  let left = mebibytes;
  const zeros = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (left-- === 0) controller.close();
      else controller.enqueue(block);
    },
  });
  return new Uint8Array(await new Response(zeros.pipeThrough(new CompressionStream('gzip'))).arrayBuffer());
}
