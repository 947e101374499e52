/** The outbox on the real D1: enqueued once, claimed once, leased, in order, given up. */
import { env } from 'cloudflare:test';
import { beforeEach, expect, test } from 'vitest';
import type { AlertNotification } from '../../../shared/alerts/notification.ts';
import { claimDeliveries, enqueueNotifications } from '../../../worker/storage/alert-outbox.ts';
import { deliverNotifications } from '../../../worker/use-cases/channels/deliver.ts';
import { MAX_ATTEMPTS, retryDelayMs } from '../../../worker/use-cases/channels/retry-schedule.ts';
import { api, call, refusal } from '../support/api.ts';
import { notification } from './notification.ts';

const { DB } = env as unknown as { DB: D1Database };
const URL_OF = 'https://hooks.slack.com/services/T/B/secret';
let nowMs = Date.UTC(2026, 0, 5);

const enqueue = (...said: AlertNotification[]) => DB.batch(enqueueNotifications(DB, said, nowMs));
const rows = async () =>
  (
    await DB.prepare(
      'SELECT notification_id AS id, channel_id AS channel, state, attempts, last_status AS status, last_outcome AS outcome FROM alert_deliveries ORDER BY number',
    ).all<Record<string, unknown>>()
  ).results;

/** A run in which receivers answer by `answer`; the requests that it made. */
async function run(
  answer: (url: string) => Response | Promise<Response>,
  publicUrl: string | null = null,
): Promise<Request[]> {
  const requests: Request[] = [];
  await deliverNotifications({
    db: DB,
    now: () => nowMs,
    email: undefined,
    allowLoopback: false,
    publicUrl,
    fetch: async (input, init) => {
      const request = new Request(input as string, init as RequestInit);
      requests.push(request);
      return answer(request.url);
    },
  });
  return requests;
}

const channel = (id: string, body: object = {}) =>
  api('POST', '/v1/alert-channels', { id, type: 'slack', settings: { url: URL_OF }, ...body });

beforeEach(async () => {
  await DB.batch([DB.prepare('DELETE FROM alert_deliveries'), DB.prepare('DELETE FROM alert_channels')]);
  await channel('one');
});

test('an id is never enqueued twice for a channel, also after it was delivered', async () => {
  await channel('two');
  const said = notification({ channelIds: ['one', 'two'] });
  await enqueue(said, said);
  await enqueue(said);
  expect(await run(() => new Response('ok'))).toHaveLength(2);
  await enqueue({ ...said, summary: 'computed again' });
  expect(await run(() => new Response('ok'))).toHaveLength(0);
  expect(await rows()).toMatchObject([
    { channel: 'one', state: 'delivered', attempts: 1, status: 200 },
    { channel: 'two', state: 'delivered', attempts: 1, status: 200 },
  ]);
});

test('what a run holds, no other takes; where the run died, it is sent again after its lease', async () => {
  await enqueue(notification());
  const claim = () => claimDeliveries(DB, { nowMs, leaseUntilMs: nowMs + 300_000, perChannel: 5, total: 20 });
  expect((await Promise.all([claim(), claim(), claim()])).map((taken) => taken.length).sort()).toEqual([
    0, 0, 1,
  ]);
  nowMs += 299_999;
  expect(await run(() => new Response('ok'))).toHaveLength(0);
  nowMs += 1;
  expect(await run(() => new Response('ok'))).toHaveLength(1);
  expect(await rows()).toMatchObject([{ state: 'delivered', attempts: 2 }]);
});

test('a run that was overtaken can still say that it delivered, but not that it failed', async () => {
  await enqueue(notification());
  let overtaken = false;
  await run(async () => {
    if (overtaken) return new Response('ok');
    overtaken = true;
    nowMs += 300_000;
    await run(() => new Response('', { status: 200 }));
    return new Response('', { status: 500 });
  });
  expect(await rows()).toMatchObject([{ state: 'delivered', attempts: 2, status: 200 }]);
});

test('the end of an episode waits for its beginning; other episodes do not', async () => {
  await enqueue(notification());
  await run(() => new Response('', { status: 500 }));
  await enqueue(notification({ status: 'resolved' }), notification({ episodeId: 'ep_ffffffffffffffff' }));
  const sent = await run(() => new Response('ok'));
  expect(sent).toHaveLength(1);
  nowMs += 5_000;
  expect(await run(() => new Response('ok'))).toHaveLength(1);
  expect(await run(() => new Response('ok'))).toHaveLength(1);
  expect((await rows()).map(({ state }) => state)).toEqual(['delivered', 'delivered', 'delivered']);
});

test('ten attempts on the schedule of the specification, then a dead letter, which can be tried again', async () => {
  await enqueue(notification());
  const waitedMs: number[] = [];
  const startMs = nowMs;
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    const delayMs = retryDelayMs(attempt, null);
    expect(await run(() => new Response('no', { status: 500 }))).toHaveLength(1);
    waitedMs.push(nowMs - startMs);
    if (delayMs === null) break;
    nowMs += delayMs - 1;
    expect(await run(() => new Response('ok'))).toHaveLength(0);
    nowMs += 1;
  }
  const hours = (h: number) => h * 3_600_000;
  const gaps = waitedMs.map((ms, i) => ms - (waitedMs[i - 1] ?? 0));
  expect(gaps).toEqual([
    0,
    5_000,
    300_000,
    1_800_000,
    hours(2),
    hours(5),
    hours(10),
    hours(14),
    hours(20),
    hours(24),
  ]);
  expect(await rows()).toMatchObject([{ state: 'dead', attempts: 10, status: 500, outcome: 'HTTP 500' }]);

  const { deliveries } = await api<{ deliveries: { id: number }[] }>(
    'GET',
    '/v1/alert-channels/one/deliveries',
  );
  expect(deliveries).toMatchObject([
    { notificationId: notification().id, attempts: 10, lastStatus: 500, nextAttemptAt: null },
  ]);
  expect(await api('GET', '/v1/alert-channels/one')).toMatchObject({ pending: 0, dead: 1 });
  const path = `/v1/alert-channels/one/deliveries/${deliveries[0]!.id}/retry`;
  expect((await call('POST', path)).status).toBe(204);
  expect(await refusal(await call('POST', path))).toEqual({ status: 404, code: 'not_found' });
  nowMs = Math.max(nowMs, Date.now());
  expect(await run(() => new Response('ok'))).toHaveLength(1);
  expect(await rows()).toMatchObject([{ state: 'delivered', attempts: 1 }]);
});

test('a receiver that takes nothing now costs one attempt, and the rest none', async () => {
  const three = [1, 2, 3].map((i) => notification({ episodeId: `ep_000000000000000${i}` }));
  await enqueue(...three);
  const busy = () => new Response('', { status: 429, headers: { 'Retry-After': '7200' } });
  expect(await run(busy)).toHaveLength(1);
  expect((await rows()).map(({ attempts }) => attempts)).toEqual([1, 0, 0]);
  nowMs += 7_199_999;
  expect(await run(() => new Response('ok'))).toHaveLength(0);
  nowMs += 1;
  expect(await run(() => new Response('ok'))).toHaveLength(3);
});

test.each([
  ['503 with Retry-After', 503, '600', 600_000],
  ['429 without', 429, null, 5_000],
  ['a Retry-After that is shorter than the schedule', 429, '1', 5_000],
  ['a Retry-After of a year', 429, '31536000', 86_400_000],
  ['a Retry-After on any other status', 500, '7200', 5_000],
] as const)('%s', async (_, status, retryAfter, expectedMs) => {
  await enqueue(notification());
  await run(
    () => new Response('', { status, headers: retryAfter === null ? {} : { 'Retry-After': retryAfter } }),
  );
  const at = await DB.prepare('SELECT next_attempt_at_ms AS at FROM alert_deliveries').first<number>('at');
  expect(at! - nowMs).toBe(expectedMs);
});

test('410 switches the channel off, visibly, and what waits or comes becomes dead letters', async () => {
  await enqueue(notification(), notification({ episodeId: 'ep_0000000000000002' }));
  expect(await run(() => new Response('', { status: 410 }))).toHaveLength(1);
  expect(await api('GET', '/v1/alert-channels/one')).toMatchObject({
    enabled: false,
    disabledReason: 'the receiver answered 410 Gone',
    dead: 2,
  });
  await enqueue(notification({ episodeId: 'ep_0000000000000003' }));
  expect(await run(() => new Response('ok'))).toHaveLength(0);
  expect((await rows()).map(({ outcome }) => outcome)).toEqual([
    'HTTP 410: gone for good',
    'the channel is switched off',
    'the channel is switched off',
  ]);
  expect(await api('PATCH', '/v1/alert-channels/one', { enabled: true })).toMatchObject({
    enabled: true,
    disabledReason: null,
  });
});

test('a run is bounded, and one channel with many messages leaves room for the others', async () => {
  await channel('two');
  const many = Array.from({ length: 30 }, (_, i) =>
    notification({ episodeId: `ep_${String(i).padStart(16, '0')}` }),
  );
  await enqueue(...many);
  await enqueue(notification({ episodeId: 'ep_aaaaaaaaaaaaaaaa', channelIds: ['two'] }));
  expect(await run(() => new Response('ok'))).toHaveLength(6);
  expect((await rows()).filter(({ state }) => state === 'delivered').map(({ channel: id }) => id)).toEqual([
    ...Array(5).fill('one'),
    'two',
  ]);
});

test('a target that was good when it was set is checked again before each message', async () => {
  await enqueue(notification());
  const config = JSON.stringify({ settings: { url: 'https://169.254.169.254/hook' }, signing: null });
  await DB.prepare('UPDATE alert_channels SET config = ?').bind(config).run();
  expect(await run(() => new Response('ok'))).toHaveLength(0);
  expect(await rows()).toMatchObject([
    { state: 'dead', status: null, outcome: expect.stringContaining('not sent: ') },
  ]);
});

test('what a receiver answers is not stored', async () => {
  await enqueue(notification());
  await run(() => new Response('a-secret-of-theirs', { status: 500 }));
  const stored = JSON.stringify(await DB.prepare('SELECT * FROM alert_deliveries').all());
  expect(stored).not.toContain('a-secret-of-theirs');
});

test('links begin with the address of the server where it knows that', async () => {
  const links = [
    { label: 'Dashboard', href: '/' },
    { label: 'Elsewhere', href: 'https://example.org/x' },
  ];
  const linksOf = async (publicUrl: string | null) => {
    const [request] = await run(() => new Response(null, { status: 204 }), publicUrl);
    return [...(await request!.text()).matchAll(/<(https:[^|]*)\|/g)].map(([, href]) => href);
  };
  await enqueue(notification({ links }));
  expect(await linksOf('https://wattshed.example.org')).toEqual([
    'https://wattshed.example.org/',
    'https://example.org/x',
  ]);
  await enqueue(notification({ episodeId: 'ep_2', links }));
  expect(await linksOf(null)).toEqual(['https://example.org/x']);
});
