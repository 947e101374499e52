/** What each channel sends, against the documented shapes and limits of its receiver. */
import { z } from '@hono/zod-openapi';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { AlertNotification } from '../../../shared/alerts/notification.ts';
import { bounded } from '../../../worker/channels/bounded.ts';
import type { Message } from '../../../worker/channels/channel.ts';
import { channelOf, channels } from '../../../worker/channels/list.ts';
import { notification } from './notification.ts';

const URL_OF = 'https://hooks.slack.com/services/x';
const SETTINGS: Record<string, unknown> = {
  webhook: { url: URL_OF },
  slack: { url: URL_OF },
  teams: { url: URL_OF },
  pagerduty: { url: URL_OF, routingKey: 'a'.repeat(32) },
  alertmanager: { url: URL_OF, bearerToken: 'secret' },
  email: { from: 'a@wattshed.dev', to: ['b@wattshed.dev'] },
};
const SECRET = `whsec_${btoa('x'.repeat(32))}`;

async function render(type: string, said: AlertNotification): Promise<Message> {
  const channel = channelOf(type)!;
  const context = { channelId: 'one', secrets: channel.signed ? [SECRET] : [], nowMs: 1_767_000_000_000 };
  return channel.render(channel.settings.parse(SETTINGS[type]), bounded(said), context);
}

async function bodyOf(type: string, said: AlertNotification) {
  const message = await render(type, said);
  if (message.via !== 'http') throw new Error(`${type} is not sent by HTTP`);
  return { ...message, json: JSON.parse(message.body), bytes: new TextEncoder().encode(message.body).length };
}

const label = z.record(z.string().regex(/^[a-zA-Z_][a-zA-Z0-9_]*$/), z.string());
const rfc3339 = z.iso.datetime();
/** https://prometheus.io/docs/alerting/latest/configuration/#webhook_config, payload version 4. */
const alertmanagerPayload = z.strictObject({
  version: z.literal('4'),
  groupKey: z.string().min(1),
  truncatedAlerts: z.number().int(),
  status: z.enum(['resolved', 'firing']),
  receiver: z.string(),
  groupLabels: label,
  commonLabels: label,
  commonAnnotations: label,
  externalURL: z.string(),
  alerts: z
    .array(
      z.strictObject({
        status: z.enum(['resolved', 'firing']),
        labels: label.refine((labels) => 'alertname' in labels),
        annotations: label,
        startsAt: rfc3339,
        endsAt: rfc3339,
        generatorURL: z.string(),
        fingerprint: z.string().regex(/^[0-9a-f]{16}$/),
      }),
    )
    .min(1),
});

const text150 = z.strictObject({
  type: z.literal('plain_text'),
  text: z.string().min(1).max(150),
  emoji: z.boolean(),
});
const text3000 = z.strictObject({
  type: z.literal('plain_text'),
  text: z.string().min(1).max(3_000),
  emoji: z.boolean(),
});
/** https://docs.slack.dev/reference/block-kit/blocks: kinds and limits of the blocks in use. */
const slackPayload = z.strictObject({
  text: z.string().min(1).max(4_000),
  blocks: z
    .array(
      z.discriminatedUnion('type', [
        z.strictObject({ type: z.literal('header'), text: text150 }),
        z.strictObject({
          type: z.literal('section'),
          text: z.union([
            text3000,
            z.strictObject({ type: z.literal('mrkdwn'), text: z.string().min(1).max(3_000) }),
          ]),
        }),
        z.strictObject({ type: z.literal('context'), elements: z.array(text3000).max(10) }),
      ]),
    )
    .max(50),
});

const textRun = z.looseObject({ type: z.literal('TextRun'), text: z.string() });
/** Adaptive Card 1.4 in the message of a Workflow. */
const teamsPayload = z.strictObject({
  type: z.literal('message'),
  attachments: z.tuple([
    z.strictObject({
      contentType: z.literal('application/vnd.microsoft.card.adaptive'),
      contentUrl: z.null(),
      content: z.strictObject({
        $schema: z.string(),
        type: z.literal('AdaptiveCard'),
        version: z.literal('1.4'),
        msteams: z.unknown(),
        fallbackText: z.string(),
        body: z.array(z.strictObject({ type: z.literal('RichTextBlock'), inlines: z.array(textRun) })).min(1),
        actions: z.array(
          z.strictObject({ type: z.literal('Action.OpenUrl'), title: z.string(), url: z.url() }),
        ),
      }),
    }),
  ]),
});

/** https://developer.pagerduty.com/docs/send-alert-event */
const pagerdutyPayload = z.strictObject({
  routing_key: z.string().length(32),
  event_action: z.enum(['trigger', 'acknowledge', 'resolve']),
  dedup_key: z.string().min(1).max(255),
  client: z.string(),
  payload: z.strictObject({
    summary: z.string().min(1).max(1_024),
    source: z.string().min(1),
    severity: z.enum(['critical', 'error', 'warning', 'info']),
    timestamp: rfc3339,
    group: z.string(),
    class: z.string(),
    custom_details: z.record(z.string(), z.unknown()),
  }),
  links: z.array(z.strictObject({ href: z.url(), text: z.string() })),
});

/** https://github.com/standard-webhooks/standard-webhooks: type, timestamp, data; small, so that everybody takes it. */
const webhookPayload = z.strictObject({
  type: z.enum(['alert.firing', 'alert.resolved']),
  timestamp: rfc3339,
  data: z.looseObject({ id: z.string(), episodeId: z.string(), startsAt: rfc3339 }),
});

const SCHEMAS: Record<string, { schema: z.ZodType; maxBytes: number }> = {
  webhook: { schema: webhookPayload, maxBytes: 20 * 1024 },
  slack: { schema: slackPayload, maxBytes: 100 * 1024 },
  teams: { schema: teamsPayload, maxBytes: 28 * 1024 },
  pagerduty: { schema: pagerdutyPayload, maxBytes: 512 * 1024 },
  alertmanager: { schema: alertmanagerPayload, maxBytes: 512 * 1024 },
};

/** Text that others chose: long, astral, right to left, halves of characters, control characters, markup. */
const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 4_000, minLength: 1 }),
  fc.constantFrom(
    '<!channel>'.repeat(400),
    '&<>"|\\'.repeat(900),
    '💥'.repeat(5_000),
    '\ud800'.repeat(3_000),
    '\u0000\n\u202e'.repeat(900),
    '漢'.repeat(9_000),
  ),
);
const anyNotification = fc
  .record({
    ruleName: anyText,
    severity: fc.constantFrom('info', 'warning', 'critical'),
    status: fc.constantFrom('firing', 'resolved'),
    groupKey: anyText,
    summary: anyText,
    text: anyText,
    fields: fc.dictionary(
      fc.stringMatching(/^[a-zA-Z_][a-zA-Z0-9_]{0,60}$/),
      fc.oneof(anyText, fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constant(null)),
      { maxKeys: 60 },
    ),
    links: fc.array(
      fc.record({
        label: anyText,
        href: fc.oneof(
          fc.webUrl(),
          anyText,
          fc.constant(`https://a.dev/?${'&'.repeat(480)}`),
          fc.constant('/fleet'),
        ),
      }),
      { maxLength: 12 },
    ),
  })
  .map((said) => notification(said as Partial<AlertNotification>));

/** Control characters but line feed, halves of characters, and what turns text around. */
const HARMFUL = /(?!\n)\p{Cc}|\p{Cs}|[\u202a-\u202e]/u;

function textsOf(body: string): string[] {
  const texts: string[] = [];
  JSON.parse(body, (name, value: unknown) => {
    texts.push(name, ...(typeof value === 'string' ? [value] : []));
    return value;
  });
  return texts;
}

test.each(Object.keys(SCHEMAS))('%s keeps to its receiver, whatever the text', async (type) => {
  const { schema, maxBytes } = SCHEMAS[type]!;
  await fc.assert(
    fc.asyncProperty(anyNotification, async (said) => {
      const { json, bytes, body } = await bodyOf(type, said);
      expect(schema.safeParse(json).error?.issues).toBeUndefined();
      expect(bytes).toBeLessThanOrEqual(maxBytes);
      expect(textsOf(body).filter((text) => HARMFUL.test(text))).toEqual([]);
    }),
    { numRuns: 25 },
  );
});

test('every channel has its settings here', () =>
  expect(channels.map(({ type }) => type).sort()).toEqual(Object.keys(SETTINGS).sort()));

test('markup in names stays text', async () => {
  const said = notification({ ruleName: '<!channel> [x](http://evil)', summary: '<https://evil|click>' });
  const slack = (await bodyOf('slack', said)).json;
  expect(slack.text).toBe('&lt;https://evil|click&gt;');
  expect(slack.blocks[0].text.type).toBe('plain_text');
  expect((await bodyOf('teams', said)).json.attachments[0].content.body[1].type).toBe('RichTextBlock');
  const mail = await render('email', notification({ summary: 'a\r\nBcc: evil@evil' }));
  expect(mail.via === 'email' && mail.subject).toBe('[firing] a\\u000d Bcc: evil@evil');
});

test('PagerDuty: an episode is one incident that is triggered, triggered again and resolved', async () => {
  const messages = [
    notification(),
    notification({ id: 'ep_00112233445566aa:renotify:1' }),
    notification({ status: 'resolved' }),
  ];
  const events = await Promise.all(messages.map(async (said) => (await bodyOf('pagerduty', said)).json));
  expect(events.map(({ event_action, dedup_key }) => [event_action, dedup_key])).toEqual([
    ['trigger', 'ep_00112233445566aa'],
    ['trigger', 'ep_00112233445566aa'],
    ['resolve', 'ep_00112233445566aa'],
  ]);
});

test('Alertmanager: labels and fingerprint stay while figures change; only a resolved alert has an end', async () => {
  const firing = await bodyOf('alertmanager', notification());
  const resolved = await bodyOf(
    'alertmanager',
    notification({ status: 'resolved', summary: 'over', fields: {} }),
  );
  expect(firing.headers.Authorization).toBe('Bearer secret');
  const [before, after] = [firing.json.alerts[0], resolved.json.alerts[0]];
  expect(after.labels).toEqual(before.labels);
  expect(after.fingerprint).toBe(before.fingerprint);
  expect([before.endsAt, after.endsAt]).toEqual(['0001-01-01T00:00:00Z', '2026-01-05T19:00:00.000Z']);
  expect(before.annotations).toMatchObject({ gridZone: 'DE', powerWatts: '84000' });
});

test('a link of a server that does not know its own address goes to people only', async () => {
  const said = notification({ links: [{ label: 'Fleet', href: '/fleet' }] });
  expect((await bodyOf('slack', said)).json.blocks).toHaveLength(3);
  expect((await bodyOf('pagerduty', said)).json.links).toEqual([]);
  const mail = await render('email', said);
  expect(mail.via === 'email' && mail.text).toContain('Fleet: /fleet');
});

test('fields that were left out are counted', () => {
  const fields = Object.fromEntries(Array.from({ length: 45 }, (_, i) => [`field${i}`, i]));
  const said = bounded(notification({ fields }));
  expect(Object.keys(said.fields)).toHaveLength(40);
  expect(said.text).toMatch(/\(5 more fields are in the API\.\)$/);
});
