/**
 * Webhook signed by the Standard Webhooks specification 1.0 (https://www.standardwebhooks.com): HMAC-SHA256 over
 * `id.timestamp.body`, one signature per secret, so that a receiver may change its secret while messages arrive.
 */
import { z } from '@hono/zod-openapi';
import type { AlertNotification } from '../../shared/alerts/notification.ts';
import type { Channel } from './channel.ts';
import { isoInstant, jsonMessage, shownUrl, urlSetting } from './shape.ts';
import { hmacSha256Base64 } from './signing-secret.ts';

const settings = z
  .strictObject({ url: urlSetting('Where messages are posted.', 'https://hooks.your-company.com/wattshed') })
  .openapi('WebhookSettings');

export const webhook: Channel<z.infer<typeof settings>> = {
  type: 'webhook',
  settings,
  signed: true,
  urlOf: ({ url }) => url,
  shownTarget: ({ url }) => shownUrl(url),
  async render({ url }, notification, { secrets, nowMs }) {
    const body = payload(notification);
    const timestamp = Math.floor(nowMs / 1000);
    const signed = `${notification.id}.${timestamp}.${JSON.stringify(body)}`;
    const signatures = await Promise.all(secrets.map((secret) => hmacSha256Base64(secret, signed)));
    return jsonMessage(url, body, {
      'webhook-id': notification.id,
      'webhook-timestamp': String(timestamp),
      'webhook-signature': signatures.map((signature) => `v1,${signature}`).join(' '),
    });
  },
};

function payload({ channelIds: _, startsAtMs, endsAtMs, ...said }: AlertNotification) {
  return {
    type: `alert.${said.status}`,
    timestamp: isoInstant(endsAtMs ?? startsAtMs),
    data: {
      ...said,
      startsAt: isoInstant(startsAtMs),
      endsAt: endsAtMs === null ? null : isoInstant(endsAtMs),
    },
  };
}
