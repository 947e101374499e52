/** Alerts to real receivers on loopback, from the Worker in workerd with its D1 and its clock. */
import { Response as MiniflareResponse } from 'miniflare';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { HOSTILE_TARGETS } from '../worker/channels/hostile-targets.ts';
import { notification } from '../worker/channels/notification.ts';
import { type Harness, startHarness } from './harness.ts';
import {
  answering,
  dyingBefore,
  dyingInside,
  endless,
  type Receiver,
  stalling,
  startReceiver,
} from './receivers.ts';

const MINUTE_MS = 60_000;
const START_MS = Date.UTC(2026, 0, 5);
const receivers: Receiver[] = [];
let harness: Harness;
let nowMs = START_MS;

beforeAll(async () => {
  harness = await startHarness({
    bindings: { ALERT_TARGETS_ALLOW_LOOPBACK: 'true' },
    email: { send_email: [{ name: 'EMAIL', allowed_destination_addresses: ['ops@wattshed.dev'] }] },
  });
});

beforeEach(async () => {
  const { alertChannels } = await harness.api<{ alertChannels: { id: string }[] }>(
    'GET',
    '/v1/alert-channels',
  );
  for (const { id } of alertChannels) await harness.api('DELETE', `/v1/alert-channels/${id}`);
  await setClock(START_MS);
});

afterAll(async () => {
  vi.useRealTimers();
  await Promise.all(receivers.map((receiver) => receiver.stop()));
  await harness.stop();
});

async function setClock(ms: number): Promise<void> {
  nowMs = ms;
  await harness.setClock(ms);
}

/** A webhook channel to a receiver of its own, with its secret. */
async function channelTo(id: string, behaviour: Parameters<typeof startReceiver>[0]) {
  const receiver = await startReceiver(behaviour);
  receivers.push(receiver);
  const { secret } = await harness.api<{ secret: string }>('POST', '/v1/alert-channels', {
    id,
    type: 'webhook',
    settings: { url: receiver.url },
  });
  return { receiver, secret };
}

async function enqueue(...said: Partial<Parameters<typeof notification>[0]>[]): Promise<void> {
  const response = await fetch(`${harness.url}/__enqueue`, {
    method: 'POST',
    body: JSON.stringify(said.map((each) => notification(each))),
  });
  expect(response.status).toBe(204);
}

interface Delivery {
  readonly state: string;
  readonly attempts: number;
  readonly lastStatus: number | null;
  readonly lastOutcome: string | null;
  readonly nextAttemptAt: string | null;
}

async function deliveries(channelId: string): Promise<Delivery[]> {
  const pages = ['pending', 'delivered', 'dead'].map((state) =>
    harness.api<{ deliveries: Delivery[] }>(
      'GET',
      `/v1/alert-channels/${channelId}/deliveries?state=${state}`,
    ),
  );
  return (await Promise.all(pages)).flatMap((page) => page.deliveries);
}

test('the official library verifies what a receiver gets, also while the secret changes', async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: nowMs });
  const { receiver, secret } = await channelTo('hook', answering(204));
  const verify = (index: number, by: string) => {
    const { headers, body } = receiver.received[index]!;
    return new Webhook(by).verify(body, headers as Record<string, string>);
  };
  await enqueue({ channelIds: ['hook'] });
  await harness.tick();
  expect(receiver.received).toHaveLength(1);
  expect(receiver.received[0]!.headers['webhook-id']).toBe('ep_00112233445566aa:firing');
  expect(verify(0, secret)).toMatchObject({
    type: 'alert.firing',
    data: { id: 'ep_00112233445566aa:firing' },
  });
  expect(() => verify(0, `whsec_${btoa('another secret of 32 characters!')}`)).toThrow();

  const change = { rotateSecret: true };
  const { secret: next } = await harness.api<{ secret: string }>('PATCH', '/v1/alert-channels/hook', change);
  await enqueue({ channelIds: ['hook'], status: 'resolved' });
  await harness.tick();
  for (const by of [secret, next]) expect(verify(1, by)).toMatchObject({ type: 'alert.resolved' });

  await setClock(nowMs + 24 * 60 * MINUTE_MS);
  vi.setSystemTime(nowMs);
  await enqueue({ channelIds: ['hook'], episodeId: 'ep_0000000000000002' });
  await harness.tick();
  expect(verify(2, next)).toMatchObject({ type: 'alert.firing' });
  expect(() => verify(2, secret)).toThrow();
  vi.useRealTimers();
});

test('each receiver gets what the specification says, and none keeps another from its message', async () => {
  const elsewhere = await startReceiver(answering(200));
  receivers.push(elsewhere);
  const to = {
    slow: await channelTo('slow', stalling),
    moved: await channelTo('moved', answering(307, { Location: elsewhere.url })),
    gone: await channelTo('gone', answering(410)),
    busy: await channelTo('busy', answering(429, { 'Retry-After': '7200' })),
    dead: await channelTo('dead', dyingBefore),
    half: await channelTo('half', dyingInside),
    endless: await channelTo('endless', endless),
    broken: await channelTo('broken', answering(500, {}, 'stack trace')),
    good: await channelTo('good', answering(200)),
  };
  await enqueue({ channelIds: Object.keys(to) });
  await harness.tick();
  const fates = Object.fromEntries(
    await Promise.all(
      Object.keys(to).map(async (id) => {
        const [{ state, lastStatus, lastOutcome, nextAttemptAt } = {} as Delivery] = await deliveries(id);
        const inMs = nextAttemptAt == null ? null : Date.parse(nextAttemptAt) - nowMs;
        return [id, [state, lastStatus, lastOutcome, inMs]] as const;
      }),
    ),
  );
  expect(fates).toEqual({
    slow: ['pending', null, 'no answer within 15 seconds', 5_000],
    moved: ['pending', 307, 'HTTP 307: redirects are not followed; set the address it leads to', 5_000],
    gone: ['dead', 410, 'HTTP 410: gone for good', null],
    busy: ['pending', 429, 'HTTP 429', 7_200_000],
    dead: ['pending', null, 'the connection failed', 5_000],
    half: ['delivered', 200, 'HTTP 200', null],
    endless: ['delivered', 200, 'HTTP 200', null],
    broken: ['pending', 500, 'HTTP 500', 5_000],
    good: ['delivered', 200, 'HTTP 200', null],
  });
  expect(elsewhere.received).toEqual([]);
  for (const { receiver } of Object.values(to)) expect(receiver.received).toHaveLength(1);

  to.slow.receiver.behave(answering(200));
  for (let minutes = 5; minutes < 120; minutes += 5) {
    await setClock(START_MS + minutes * MINUTE_MS);
    await harness.tick();
  }
  const contacts = Object.fromEntries(
    Object.entries(to).map(([id, { receiver }]) => [id, receiver.received.length]),
  );
  // Of 0 s, 5 s, 5 min and 30 min a tick every five minutes makes 0, 5, 10 and 40 minutes.
  expect(contacts).toEqual({
    ...{ slow: 2, moved: 4, gone: 1, busy: 1, dead: 4, half: 1, endless: 1, broken: 4, good: 1 },
  });
  await setClock(START_MS + 120 * MINUTE_MS);
  to.busy.receiver.behave(answering(200));
  await harness.tick();
  expect(to.busy.receiver.received).toHaveLength(2);
  const ids = to.broken.receiver.received.map(({ headers }) => headers['webhook-id']);
  expect(new Set(ids)).toEqual(new Set(['ep_00112233445566aa:firing']));
  expect(await harness.api('GET', '/v1/alert-channels/gone')).toMatchObject({ enabled: false, dead: 1 });
});

test('runs at once, and an enqueueing that is repeated, send each message once', async () => {
  const { receiver } = await channelTo('once', answering(200));
  const episodes = [1, 2, 3, 4].map((i) => ({ channelIds: ['once'], episodeId: `ep_000000000000001${i}` }));
  await enqueue(...episodes, ...episodes);
  await Promise.all([harness.tick(), enqueue(...episodes), harness.tick(), harness.tick()]);
  await harness.tick();
  const ids = receiver.received.map(({ headers }) => headers['webhook-id']).sort();
  expect(ids).toEqual(episodes.map(({ episodeId }) => `${episodeId}:firing`));
});

test('a test message shows what the receiver says, cut', async () => {
  const { receiver } = await channelTo('hook', answering(200, {}, `thank\nyou ${'x'.repeat(9_000)}`));
  const tested = await harness.api<{ messages: { receiverSaid: string }[] }>(
    'POST',
    '/v1/alert-channels/hook/test',
  );
  expect(tested.messages).toMatchObject([
    { status: 'firing', delivered: true, httpStatus: 200 },
    { status: 'resolved', delivered: true, httpStatus: 200 },
  ]);
  expect(tested.messages[0]!.receiverSaid).toMatch(/^thank you x{490}…$/);
  receiver.behave(answering(403, {}, 'invalid_token'));
  expect(await harness.api('POST', '/v1/alert-channels/hook/test')).toMatchObject({
    messages: [{ delivered: false, httpStatus: 403, receiverSaid: 'invalid_token' }],
  });
  receiver.behave(endless);
  expect(await harness.api('POST', '/v1/alert-channels/hook/test')).toMatchObject({
    messages: [{ delivered: true }, { delivered: true }],
  });
  expect(await deliveries('hook')).toEqual([]);
});

test('mail leaves by the binding; an address that it refuses is a failure', async () => {
  const create = (id: string, to: string) =>
    harness.api('POST', '/v1/alert-channels', {
      id,
      type: 'email',
      settings: { from: 'wattshed@wattshed.dev', to: [to] },
    });
  await create('mail', 'ops@wattshed.dev');
  await create('stranger', 'stranger@wattshed.dev');
  expect(await harness.api('POST', '/v1/alert-channels/mail/test')).toMatchObject({
    messages: [{ delivered: true, outcome: 'handed to the mail service' }, { delivered: true }],
  });
  expect(await harness.api('POST', '/v1/alert-channels/stranger/test')).toMatchObject({
    messages: [{ delivered: false, httpStatus: null }],
  });
});

test('no hostile target is ever contacted, even where it stands in the database', async () => {
  const contacted: string[] = [];
  const watched = await startHarness({
    outboundService: ({ url }) => {
      contacted.push(url);
      return new MiniflareResponse('ok');
    },
  });
  try {
    const test = () =>
      watched.api<{ messages: { outcome: string }[] }>('POST', '/v1/alert-channels/hook/test');
    const settings = { url: 'https://hooks.slack.com/services/a' };
    await watched.api('POST', '/v1/alert-channels', { id: 'hook', type: 'slack', settings });
    expect(await test()).toMatchObject({ messages: [{ delivered: true }, { delivered: true }] });
    expect(contacted.splice(0)).toHaveLength(2);
    const database = await watched.database();
    for (const url of HOSTILE_TARGETS) {
      const config = JSON.stringify({ settings: { url }, signing: null }).replaceAll("'", "''");
      await database.prepare(`UPDATE alert_channels SET config = '${config}'`).all();
      const { messages } = await test();
      expect([url, messages.map(({ outcome }) => outcome.slice(0, 9))]).toEqual([url, ['not sent:']]);
    }
    expect(contacted).toEqual([]);
  } finally {
    await watched.stop();
  }
});
