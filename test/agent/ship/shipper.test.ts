import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { phaseOfId } from '../../../shared/pace/phase.ts';
import type { IngestBody } from '../../../shared/wire/ingest.ts';
import { report, WINDOW } from '../store/support/reports.ts';
import { type Bench, refuse, START_MS, startBench, takeAll } from './support.ts';

let bench: Bench;
beforeEach(async () => {
  bench = await startBench();
});
afterEach(() => bench.stop());

const commit = (...windows: number[]) =>
  bench.store.commit({ meterState: 1, reports: windows.map((window) => report(window, 1)) });
const windowsOf = (body: IngestBody | undefined) => body?.reports.map((each) => each.windowStartMs / WINDOW);
const pendingWindows = () => bench.store.pending().map((ref) => ref.windowStartMs / WINDOW);

describe('delivery', () => {
  it('sends the newest windows first, then the backlog from its oldest, and forgets what was acknowledged', async () => {
    await commit(1, 2, 3, 4);
    const waitMs = await bench.shipper.shipOnce();
    expect(bench.bodies[0]).toMatchObject({ version: 1, sentAtMs: START_MS, agentVersion: '1.0.0' });
    expect(bench.bodies.map(({ reports }) => reports)).toEqual([
      [report(4, 1), report(3, 1)],
      [report(1, 1), report(2, 1)],
    ]);
    expect(pendingWindows()).toEqual([]);
    // At its own place in the minute, at least half of one away.
    expect((START_MS + waitMs) % 60_000).toBe(Math.round(phaseOfId('node-a') * 60_000));
    expect(waitMs).toBeGreaterThanOrEqual(30_000);
    expect(bench.shipper.status()).toMatchObject({ state: 'delivered', lastDeliveredAtMs: START_MS });
  });

  it('keeps a revision that came while an older one was on its way', async () => {
    await commit(1);
    let newer: Promise<void> = Promise.resolve();
    bench.judge = (body, response) => {
      newer = bench.store.commit({ meterState: 2, reports: [report(1, 2)] });
      newer.then(() => takeAll(body, response));
    };
    await bench.shipper.shipOnce();
    expect(await bench.store.read(bench.store.pending())).toEqual([report(1, 2)]);
  });

  it('counts and logs what the server put in quarantine, and does not send it again', async () => {
    await commit(1, 2);
    const quarantined = [
      { windowStartMs: WINDOW, deviceId: 'GPU-1', code: 'power_implausible' },
      { windowStartMs: WINDOW, deviceId: 'GPU-2', code: 'power_implausible' },
    ];
    bench.judge = (body, response) => takeAll(body, response, { accepted: 1, quarantined });
    await bench.shipper.shipOnce();
    expect(pendingWindows()).toEqual([]);
    expect(bench.shipper.status().quarantinedReports).toBe(1);
    expect(bench.lines.join('\n')).toContain(
      'the server put GPU-2 of the window from 1970-01-01T00:05:00.000Z in quarantine: power_implausible',
    );
  });

  it('asks for the time and shows that it lives when there is nothing to send', async () => {
    await bench.shipper.shipOnce();
    expect(bench.bodies[0]?.reports).toEqual([]);
    expect(bench.times).toEqual([{ serverTimeMs: 1_700_000_001_234, sentAt: 0, receivedAt: 0 }]);
  });

  it('comes when the server asks, within reason, at the place it is told', async () => {
    bench.judge = (body, response) =>
      takeAll(body, response, { reportEverySeconds: 300, reportPhaseRatio: 0.25 });
    expect((START_MS + (await bench.shipper.shipOnce())) % 300_000).toBe(75_000);
    expect(bench.shipper.status().reportEverySeconds).toBe(300);
    bench.judge = (body, response) => takeAll(body, response, { reportEverySeconds: 0 });
    await bench.shipper.shipOnce();
    expect(bench.shipper.status().reportEverySeconds).toBe(5);
    bench.judge = (body, response) => takeAll(body, response, { reportEverySeconds: 1e9 });
    await bench.shipper.shipOnce();
    expect(bench.shipper.status().reportEverySeconds).toBe(3_600);
  });

  it('takes windows that ended within one interval for live', async () => {
    bench.judge = (body, response) => takeAll(body, response, { reportEverySeconds: 900 });
    await bench.shipper.shipOnce();
    await commit(1, 2, 3, 4, 5, 6);
    await bench.shipper.shipOnce();
    expect(bench.bodies.map(windowsOf)).toEqual([[], [6, 3, 4, 5, 1, 2]]);
  });

  it('cuts a backlog into bodies within the contract', async () => {
    const windows = Array.from({ length: 250 }, (_, at) => at + 1);
    await commit(...windows);
    await bench.shipper.shipOnce();
    expect(bench.bodies.map((body) => body.reports.length)).toEqual([2, 100, 100, 48]);
    expect(pendingWindows()).toEqual([]);
  });

  it('has one request in flight', async () => {
    await commit(1);
    const [first, second] = [bench.shipper.shipOnce(), bench.shipper.shipOnce()];
    expect(await first).toBe(await second);
    expect(bench.bodies).toHaveLength(1);
  });

  it('never says two epochs of one window in one body', async () => {
    await commit(1, 2);
    await bench.store.commit({ meterState: 1, reports: [report(1, 1, { epoch: 'epochtwo2' })] });
    await bench.shipper.shipOnce();
    expect(bench.bodies.map(windowsOf)).toEqual([[2, 1], [1]]);
  });
});

describe('inventory and health', () => {
  it('go once after each start, then when they changed', async () => {
    await bench.shipper.shipOnce();
    await bench.shipper.shipOnce();
    bench.health = { ...bench.health, spoolBytes: 99 };
    await bench.shipper.shipOnce();
    bench.health = { ...bench.health, droppedSeries: 2 };
    await bench.shipper.shipOnce();
    bench.inventory = { ...bench.inventory, kernel: '6.9' };
    await bench.shipper.shipOnce();
    await bench.freshShipper().shipOnce();
    const sent = bench.bodies.map((body) => ['inventory', 'health'].filter((part) => part in body));
    expect(sent).toEqual([
      ['inventory', 'health'],
      [],
      [],
      ['health'],
      ['inventory'],
      ['inventory', 'health'],
    ]);
  });

  it('go again when their request failed', async () => {
    bench.judge = (_, response) => refuse(response, 503, 'overloaded');
    await bench.shipper.shipOnce();
    bench.judge = takeAll;
    await bench.shipper.shipOnce();
    expect(bench.bodies[1]).toHaveProperty('inventory');
  });

  it('that the server does not take hold up no report', async () => {
    bench.judge = (body, response) =>
      body.inventory === undefined ? takeAll(body, response) : refuse(response, 422, 'invalid_body');
    await commit(1);
    await bench.shipper.shipOnce();
    expect(pendingWindows()).toEqual([]);
    expect(bench.store.stats().setAsideReports).toBe(0);
    expect(bench.lines.join('\n')).toContain("does not take this host's inventory or health");
    await commit(2);
    await bench.shipper.shipOnce();
    expect(bench.bodies).toHaveLength(3);
  });
});

describe('a report that the server refuses for good', () => {
  it('is found among the others, set aside and counted; the others arrive', async () => {
    await commit(...Array.from({ length: 40 }, (_, at) => at + 1));
    const taken = new Set<number>();
    bench.judge = (body, response) => {
      if (windowsOf(body)?.includes(17)) return refuse(response, 422, 'invalid_body');
      for (const window of windowsOf(body) ?? []) taken.add(window);
      takeAll(body, response);
    };
    await bench.shipper.shipOnce();
    expect(taken.size).toBe(39);
    expect(pendingWindows()).toEqual([]);
    expect(bench.store.stats()).toMatchObject({ setAsideReports: 1, droppedReports: 0 });
    expect(bench.lines.join('\n')).toContain(
      'set aside the report of the window from 1970-01-01T01:25:00.000Z',
    );
    expect(bench.shipper.status().state).toBe('delivered');
  });

  it('is not blamed when the server takes no body at all', async () => {
    await commit(1, 2, 3);
    bench.judge = (_, response) => refuse(response, 422, 'invalid_body');
    await bench.shipper.shipOnce();
    expect(bench.store.stats().setAsideReports).toBe(0);
    expect(pendingWindows()).toHaveLength(3);
    expect(bench.shipper.status()).toMatchObject({ state: 'retrying' });
  });

  it.each([
    ['another version of the body', 422, 'unsupported_version', 'application/problem+json'],
    ["a proxy's own 400", 400, 'invalid_body', 'text/html'],
  ])('is not blamed for %s', async (_, status, code, type) => {
    await commit(1, 2);
    bench.judge = (_body, response) => refuse(response, status, code, { 'Content-Type': type });
    await bench.shipper.shipOnce();
    expect(bench.bodies).toHaveLength(1);
    expect(pendingWindows()).toHaveLength(2);
    expect(bench.store.stats().setAsideReports).toBe(0);
  });

  it('that alone is larger than a body may be is set aside', async () => {
    const series = randomBytes(300_000).toString('base64');
    await bench.store.commit({ meterState: 1, reports: [report(1, 1, { series }), report(2, 1)] });
    await bench.shipper.shipOnce();
    expect(pendingWindows()).toEqual([]);
    expect(bench.store.stats().setAsideReports).toBe(1);
    expect(bench.bodies.flatMap(windowsOf)).toEqual([2]);
  });
});

describe('a body that something on the way finds too large', () => {
  it('is halved until it passes', async () => {
    await commit(...Array.from({ length: 20 }, (_, at) => at + 1));
    bench.judge = (body, response) =>
      body.reports.length > 6 ? response.writeHead(413).end('<html>') : takeAll(body, response);
    await bench.shipper.shipOnce();
    expect(pendingWindows()).toEqual([]);
    const passed = bench.bodies.map((body) => body.reports.length).filter((count) => count <= 6);
    expect(passed).toEqual([2, 5, 4, 5, 4]);
  });

  it('as a single report stays pending and holds up no other', async () => {
    await commit(1, 2, 3);
    bench.judge = (body, response) =>
      windowsOf(body)?.includes(2) ? response.writeHead(413).end() : takeAll(body, response);
    await bench.shipper.shipOnce();
    expect(pendingWindows()).toEqual([2]);
    expect(bench.shipper.status()).toMatchObject({ state: 'retrying' });
    bench.judge = takeAll;
    bench.advance(300_000);
    await bench.shipper.shipOnce();
    expect(pendingWindows()).toEqual([]);
    expect(bench.shipper.status()).toMatchObject({ state: 'delivered' });
  });
});

describe('a conflict', () => {
  it('stays pending and visible, and holds up no other report', async () => {
    await commit(1, 2, 3);
    bench.judge = (body, response) =>
      windowsOf(body)?.includes(2) ? refuse(response, 409, 'revision_conflict') : takeAll(body, response);
    await bench.shipper.shipOnce();
    expect(pendingWindows()).toEqual([2]);
    expect(bench.shipper.status().state).toBe('conflict');
    expect(bench.lines.join('\n')).toContain('two agents report as this node');

    const before = bench.bodies.length;
    bench.advance(60_000);
    await bench.shipper.shipOnce();
    expect(bench.bodies.slice(before).map(windowsOf)).toEqual([[]]);
    expect(bench.shipper.status().state).toBe('conflict');

    bench.advance(300_000);
    bench.judge = takeAll;
    await bench.shipper.shipOnce();
    expect(pendingWindows()).toEqual([]);
    expect(bench.shipper.status().state).toBe('delivered');
  });
});

it('tells of devices that another agent of this identity meters too, until none is seen for three windows', async () => {
  await commit(1);
  bench.judge = (body, response) => {
    const quarantined = body.reports.map(({ windowStartMs }) => ({
      windowStartMs,
      deviceId: 'cpu-0',
      code: 'over_metered',
    }));
    takeAll(body, response, { accepted: 0, quarantined });
  };
  await bench.shipper.shipOnce();
  expect(bench.shipper.status()).toMatchObject({
    state: 'conflict',
    detail: expect.stringContaining('two agents report as this node: stop one of them, or enrol it anew'),
  });
  bench.judge = takeAll;
  for (const [ms, state] of [
    [899_000, 'conflict'],
    [1_000, 'delivered'],
  ] as const) {
    bench.advance(ms);
    await commit(2);
    await bench.shipper.shipOnce();
    expect(bench.shipper.status().state).toBe(state);
  }
});

describe('a server that does not take reports now', () => {
  it.each([401, 403])('%i: discards nothing and asks again every five minutes', async (status) => {
    await commit(1);
    bench.judge = (_, response) => refuse(response, status, 'unauthenticated');
    for (let round = 0; round < 3; round++) expect(await bench.shipper.shipOnce()).toBe(300_000);
    expect(pendingWindows()).toEqual([1]);
    expect(bench.shipper.status()).toMatchObject({ state: 'unauthorized' });
    // Said once, not three times.
    expect(bench.lines).toEqual([
      `shipping: unauthorized: the server answered ${status} unauthenticated: Because of unauthenticated; enrol this host again. Nothing is discarded`,
    ]);
    bench.judge = takeAll;
    await bench.shipper.shipOnce();
    expect(pendingWindows()).toEqual([]);
  });

  it.each([429, 500, 503, 404, 302])('%i: backs off and keeps everything', async (status) => {
    await commit(1, 2);
    bench.judge = (_, response) => response.writeHead(status, { Location: 'http://elsewhere.test/' }).end();
    bench.random = 0.999_999;
    const waits: number[] = [];
    for (let round = 0; round < 8; round++) waits.push(await bench.shipper.shipOnce());
    expect(waits).toEqual([5_000, 10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000]);
    expect(bench.bodies).toHaveLength(8);
    expect(pendingWindows()).toEqual([2, 1]);
    bench.judge = takeAll;
    expect(await bench.shipper.shipOnce()).toBeGreaterThan(50_000);
    bench.judge = (_, response) => response.writeHead(status).end();
    expect(await bench.shipper.shipOnce()).toBe(5_000);
  });

  it('says where a redirect leads', async () => {
    bench.judge = (_, response) => response.writeHead(301, { Location: 'https://new.test/v1/ingest' }).end();
    await bench.shipper.shipOnce();
    expect(bench.shipper.status().detail).toContain('a redirect to https://new.test/v1/ingest');
  });

  it('is asked no earlier than it said, in seconds or as a date, and not by all at once', async () => {
    bench.judge = (_, response) => refuse(response, 503, 'overloaded', { 'Retry-After': '120' });
    bench.random = 0;
    expect(await bench.shipper.shipOnce()).toBe(121_000);
    bench.random = 0.999_999;
    const date = new Date(START_MS + 90_000).toUTCString();
    bench.judge = (_, response) => refuse(response, 429, 'overloaded', { 'Retry-After': date });
    expect(await bench.shipper.shipOnce()).toBe(100_000);
  });

  it('and hangs up is retried', async () => {
    await commit(1);
    bench.judge = (_, response) => response.destroy();
    await bench.shipper.shipOnce();
    expect(bench.shipper.status()).toMatchObject({ state: 'retrying' });
    expect(pendingWindows()).toEqual([1]);
  });
});

describe('a 200 that is not the server’s', () => {
  it.each([
    ['a captive portal', '<html>Accept our terms</html>'],
    ['other JSON', '{"ok":true}'],
    ['counts that do not add up', JSON.stringify(reply({ accepted: 1 }))],
    ['negative counts', JSON.stringify(reply({ accepted: 3, unchanged: -1 }))],
    ['no time', JSON.stringify({ ...reply({}), serverTimeMs: undefined })],
  ])('acknowledges nothing: %s', async (_, text) => {
    await commit(1, 2);
    bench.judge = (_body, response) => response.writeHead(200).end(text);
    await bench.shipper.shipOnce();
    expect(pendingWindows()).toEqual([2, 1]);
    expect(bench.shipper.status()).toMatchObject({ state: 'retrying', lastDeliveredAtMs: null });
    expect(bench.times).toEqual([]);
  });
});

function reply(more: object): object {
  return { accepted: 2, unchanged: 0, quarantined: [], serverTimeMs: 1, reportEverySeconds: 60, ...more };
}

describe('a backlog', () => {
  const paced = (reportsPerRequest: number, everySeconds: number) => {
    bench.judge = (body, response) =>
      takeAll(body, response, { backlog: { reportsPerRequest, everySeconds } });
  };
  const all = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, at) => from + at);

  it('goes at the pace that the server tells: a request of so many, then a pause; what is live goes along', async () => {
    paced(4, 200);
    await commit(...all(1, 12));
    expect(await bench.shipper.shipOnce()).toBeLessThan(100_000);
    // The first part comes at random within the pause: here in the middle of it.
    bench.advance(99_000);
    await bench.shipper.shipOnce();
    bench.advance(1_000);
    await commit(13);
    await bench.shipper.shipOnce();
    expect(bench.bodies.map(windowsOf)).toEqual([[12, 11], [], [13, 1, 2, 3, 4]]);
    bench.advance(199_000);
    await bench.shipper.shipOnce();
    bench.advance(1_000);
    expect(await bench.shipper.shipOnce()).toBeLessThan(100_000);
    expect(bench.bodies.slice(3).map(windowsOf)).toEqual([[], [5, 6, 7, 8]]);
    expect(pendingWindows()).toEqual([10, 9]);
  });

  it('whose pause ends before the next turn goes on then', async () => {
    paced(4, 10);
    bench.random = 0;
    await commit(...all(1, 12));
    await bench.shipper.shipOnce();
    expect(bench.bodies.map(windowsOf)).toEqual([
      [12, 11],
      [1, 2, 3, 4],
    ]);
    for (const part of [
      [5, 6, 7, 8],
      [9, 10],
    ]) {
      bench.advance(10_000);
      const waitMs = await bench.shipper.shipOnce();
      expect(windowsOf(bench.bodies.at(-1))).toEqual(part);
      // Nothing is left after the last one: the next turn is the node's own.
      if (part[0] === 5) expect(waitMs).toBe(10_000);
      else expect(waitMs).toBeGreaterThanOrEqual(30_000);
    }
  });

  it('that is too heavy for the server does not hold up what is live, and goes in smaller parts', async () => {
    const heaviest = 6;
    bench.judge = (body, response) =>
      body.reports.length > heaviest
        ? response.writeHead(503).end('<html>error 1102</html>')
        : takeAll(body, response, { backlog: { reportsPerRequest: 24, everySeconds: 0 } });
    await commit(...all(1, 40));
    for (let turn = 0; turn < 20 && pendingWindows().length > 0; turn++) {
      bench.advance(60_000);
      await commit(41 + turn);
      await bench.shipper.shipOnce();
      const taken = bench.bodies.filter(({ reports }) => reports.length <= heaviest).flatMap(windowsOf);
      // At the latest in the turn after.
      expect(taken).toContain(41 + Math.max(0, turn - 1));
    }
    expect(pendingWindows()).toEqual([]);
    expect(bench.store.stats().setAsideReports).toBe(0);
  });

  it('keeps its own pace where the server tells none, or nonsense', async () => {
    for (const backlog of [undefined, null, 'fast', {}, { reportsPerRequest: 0, everySeconds: -1 }]) {
      bench.judge = (body, response) => takeAll(body, response, { backlog, reportPhaseRatio: 'x' });
      await commit(...all(1, 12));
      await bench.shipper.shipOnce();
      expect(pendingWindows()).toEqual([]);
    }
  });
});
