/**
 * Slack, by an incoming webhook and Block Kit. Text that others chose goes into `plain_text`, where nothing in it becomes
 * a link or calls people; limits: header 150 characters, section 3,000.
 */
import { z } from '@hono/zod-openapi';
import type { AlertNotification } from '../../shared/alerts/notification.ts';
import type { Channel } from './channel.ts';
import { isoInstant, jsonMessage, shownUrl, urlSetting, wholeLinks } from './shape.ts';

const settings = z
  .strictObject({
    url: urlSetting(
      'URL of an incoming webhook of your Slack app; it decides the conversation.',
      'https://hooks.slack.com/services/T000/B000/XXXX',
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

function blocksOf({
  status,
  severity,
  ruleName,
  summary,
  text,
  startsAtMs,
  endsAtMs,
  links,
}: AlertNotification) {
  const span = `since ${isoInstant(startsAtMs)}${endsAtMs === null ? '' : ` until ${isoInstant(endsAtMs)}`}`;
  return [
    { type: 'header', text: plain(`${status === 'firing' ? 'Firing' : 'Resolved'}: ${ruleName}`) },
    { type: 'section', text: plain(text === '' ? summary : `${summary}\n${text}`) },
    ...wholeLinks(links).map(({ label, href }) => ({
      type: 'section',
      text: { type: 'mrkdwn', text: `<${escaped(href).replaceAll('|', '%7C')}|${escaped(label)}>` },
    })),
    { type: 'context', elements: [plain(`${severity}, ${span}`)] },
  ];
}

const plain = (text: string) => ({ type: 'plain_text', text, emoji: false });

/** The three characters that Slack's own markup is made of. */
const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
