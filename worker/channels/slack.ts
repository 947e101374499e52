/**
 * Slack, by an incoming webhook and Block Kit. Text that others chose goes into `plain_text`, where nothing in it becomes
 * a link or calls people; limits: header 150 characters, section 3,000.
 */
import { z } from '@hono/zod-openapi';
import type { AlertNotification } from '../../shared/alerts/notification.ts';
import type { Channel } from './channel.ts';
import { footerOf, headlineOf, jsonMessage, shownUrl, urlSetting, wholeLinks } from './shape.ts';

const settings = z
  .strictObject({
    url: urlSetting(
      'URL of an incoming webhook of your Slack app; it decides the conversation.',
      'https://hooks.slack.com/services/T000/B000/...',
    ),
  })
  .openapi('SlackSettings');

export const slack: Channel<z.infer<typeof settings>> = {
  type: 'slack',
  settings,
  signed: false,
  urlOf: ({ url }) => url,
  shownTarget: ({ url }) => shownUrl(url),
  render: ({ url }, notification) =>
    jsonMessage(url, { text: escaped(notification.summary), blocks: blocksOf(notification) }),
};

function blocksOf(notification: AlertNotification) {
  const { summary, text, links } = notification;
  return [
    { type: 'header', text: plain(headlineOf(notification)) },
    { type: 'section', text: plain(text === '' ? summary : `${summary}\n${text}`) },
    ...wholeLinks(links).map(({ label, href }) => ({
      type: 'section',
      text: { type: 'mrkdwn', text: `<${escaped(href).replaceAll('|', '%7C')}|${escaped(label)}>` },
    })),
    { type: 'context', elements: [plain(footerOf(notification))] },
  ];
}

const plain = (text: string) => ({ type: 'plain_text', text, emoji: false });

/** The three characters that Slack's own markup is made of. */
const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
