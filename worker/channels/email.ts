/** E-mail through the platform's `send_email` binding; plain text, since names in it are text that others chose. */
import { z } from '@hono/zod-openapi';
import type { AlertNotification } from '../../shared/alerts/notification.ts';
import type { Channel } from './channel.ts';
import { isoInstant } from './shape.ts';

const address = z.email('expected an e-mail address').max(254, 'expected at most 254 characters');

const settings = z
  .strictObject({
    from: address.openapi({
      description: 'An address of a domain that Email Routing serves in your account.',
      example: 'wattshed@example.org',
    }),
    to: z
      .array(address)
      .min(1, 'expected 1 to 10 addresses')
      .max(10, 'expected 1 to 10 addresses')
      .openapi({ description: 'Verified destinations of Email Routing.', example: ['ops@example.org'] }),
  })
  .openapi('EmailSettings');

export const email: Channel<z.infer<typeof settings>> = {
  type: 'email',
  settings,
  signed: false,
  urlOf: () => null,
  shownTarget: ({ to }) => to.join(', '),
  render: ({ from, to }, notification) => ({
    via: 'email',
    from,
    to,
    subject: `[${notification.status}] ${notification.summary}`,
    text: textOf(notification),
  }),
};

function textOf({
  id,
  ruleName,
  severity,
  summary,
  text,
  startsAtMs,
  endsAtMs,
  links,
}: AlertNotification): string {
  return [
    summary,
    '',
    text,
    '',
    ...links.map(({ label, href }) => `${label}: ${href}`),
    '',
    `Rule: ${ruleName} (${severity})`,
    `Since: ${isoInstant(startsAtMs)}`,
    ...(endsAtMs === null ? [] : [`Until: ${isoInstant(endsAtMs)}`]),
    `Message: ${id}`,
    '',
  ].join('\n');
}
