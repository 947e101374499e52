/** PagerDuty Events API v2: an episode is one incident by its `dedup_key`; it is triggered, and resolved. */
import { z } from '@hono/zod-openapi';
import type { AlertNotification } from '../../shared/alerts/notification.ts';
import type { Channel } from './channel.ts';
import { isoInstant, jsonMessage, shownUrl, urlSetting, wholeLinks } from './shape.ts';

const US_ENDPOINT = 'https://events.pagerduty.com/v2/enqueue';

const settings = z
  .strictObject({
    routingKey: z
      .string('expected the integration key')
      .regex(/^[A-Za-z0-9]{32}$/, 'expected the 32 letters and digits of an "Events API v2" integration key')
      .openapi({ description: 'Integration key of the service.' }),
    url: urlSetting(
      'Endpoint; accounts in the EU: `https://events.eu.pagerduty.com/v2/enqueue`.',
      US_ENDPOINT,
    ).default(US_ENDPOINT),
  })
  .openapi('PagerDutySettings');

export const pagerduty: Channel<z.infer<typeof settings>> = {
  type: 'pagerduty',
  settings,
  signed: false,
  urlOf: ({ url }) => url,
  shownTarget: ({ url, routingKey }) => `${shownUrl(url)} (key …${routingKey.slice(-4)})`,
  render: ({ url, routingKey }, notification) =>
    jsonMessage(url, { routing_key: routingKey, ...eventOf(notification) }),
};

function eventOf(notification: AlertNotification) {
  const { status, episodeId, ruleName, severity, summary, text, groupKey, startsAtMs, fields, links } =
    notification;
  return {
    event_action: status === 'firing' ? 'trigger' : 'resolve',
    dedup_key: episodeId,
    client: 'Wattshed',
    payload: {
      summary,
      source: 'wattshed',
      severity,
      timestamp: isoInstant(startsAtMs),
      group: groupKey,
      class: ruleName,
      custom_details: { ...fields, text },
    },
    links: wholeLinks(links).map(({ label, href }) => ({ href, text: label })),
  };
}
