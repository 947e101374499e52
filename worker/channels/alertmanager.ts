/**
 * The webhook payload of Prometheus Alertmanager, version 4, for receivers made for it. Labels are the episode's identity
 * and never change while it lasts; what changes stands in annotations.
 */
import { z } from '@hono/zod-openapi';
import type { AlertNotification } from '../../shared/alerts/notification.ts';
import type { Channel } from './channel.ts';
import { isoInstant, jsonMessage, shownUrl, urlSetting, wholeLinks } from './shape.ts';

/** As Go writes an instant that is not known. */
const NO_END = '0001-01-01T00:00:00Z';

const settings = z
  .strictObject({
    url: urlSetting('A receiver of Alertmanager webhooks.', 'https://alerts.your-company.com/alertmanager'),
    bearerToken: z
      .string()
      .regex(/^[\x21-\x7e]{1,1000}$/, 'expected 1 to 1,000 printable ASCII characters without spaces')
      .optional()
      .openapi({ description: 'Sent as `Authorization: Bearer`.' }),
  })
  .openapi('AlertmanagerSettings');

export const alertmanager: Channel<z.infer<typeof settings>> = {
  type: 'alertmanager',
  settings,
  signed: false,
  urlOf: ({ url }) => url,
  shownTarget: ({ url }) => shownUrl(url),
  render: ({ url, bearerToken }, notification, { channelId }) =>
    jsonMessage(
      url,
      payload(notification, channelId),
      bearerToken === undefined ? {} : { Authorization: `Bearer ${bearerToken}` },
    ),
};

function payload(notification: AlertNotification, receiver: string) {
  const { status, episodeId, groupKey, ruleId, ruleName, severity, startsAtMs, endsAtMs } = notification;
  const labels = { alertname: ruleName, rule_id: ruleId, severity, group: groupKey, episode: episodeId };
  const annotations = annotationsOf(notification);
  const source = wholeLinks(notification.links)[0]?.href ?? '';
  return {
    version: '4',
    groupKey,
    truncatedAlerts: 0,
    status,
    receiver,
    groupLabels: { alertname: ruleName, group: groupKey },
    commonLabels: labels,
    commonAnnotations: annotations,
    externalURL: source === '' ? '' : new URL(source).origin,
    alerts: [
      {
        status,
        labels,
        annotations,
        startsAt: isoInstant(startsAtMs),
        endsAt: endsAtMs === null ? NO_END : isoInstant(endsAtMs),
        generatorURL: source,
        fingerprint: episodeId.replace(/^ep_/, ''),
      },
    ],
  };
}

/** Annotations are text; what is not known has none. */
function annotationsOf({ summary, text, fields }: AlertNotification): Record<string, string> {
  const known = Object.entries(fields).filter(([, value]) => value !== null);
  return {
    ...Object.fromEntries(known.map(([name, value]) => [name, String(value)])),
    summary,
    description: text,
  };
}
