/**
 * Microsoft Teams, by the webhook of a Workflow ("When a Teams webhook request is received") and an Adaptive Card of at
 * most 28 KB. Text runs know no markdown, so nothing in a name becomes a link.
 */
import { z } from '@hono/zod-openapi';
import type { AlertNotification } from '../../shared/alerts/notification.ts';
import type { Channel } from './channel.ts';
import { footerOf, headlineOf, jsonMessage, shownUrl, urlSetting, wholeLinks } from './shape.ts';

const settings = z
  .strictObject({
    url: urlSetting(
      'URL of the workflow "Send webhook alerts to a channel" (or chat).',
      'https://example.westeurope.logic.azure.com/workflows/...',
    ),
  })
  .openapi('TeamsSettings');

export const teams: Channel<z.infer<typeof settings>> = {
  type: 'teams',
  settings,
  signed: false,
  urlOf: ({ url }) => url,
  shownTarget: ({ url }) => shownUrl(url),
  render: ({ url }, notification) =>
    jsonMessage(url, {
      type: 'message',
      attachments: [
        {
          contentType: 'application/vnd.microsoft.card.adaptive',
          contentUrl: null,
          content: cardOf(notification),
        },
      ],
    }),
};

function cardOf(notification: AlertNotification) {
  const { status, summary, text, links } = notification;
  return {
    $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
    type: 'AdaptiveCard',
    version: '1.4',
    msteams: { width: 'Full' },
    fallbackText: summary,
    body: [
      line(headlineOf(notification), {
        size: 'Large',
        weight: 'Bolder',
        color: status === 'firing' ? 'Attention' : 'Good',
      }),
      line(summary, { weight: 'Bolder' }),
      ...text
        .split('\n')
        .filter((each) => each !== '')
        .map((each) => line(each)),
      line(footerOf(notification), { isSubtle: true, size: 'Small' }),
    ],
    actions: wholeLinks(links).map(({ label, href }) => ({
      type: 'Action.OpenUrl',
      title: label,
      url: href,
    })),
  };
}

const line = (text: string, style: object = {}) => ({
  type: 'RichTextBlock',
  inlines: [{ type: 'TextRun', text, ...style }],
});
