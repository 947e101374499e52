/** What several channels have in common. */
import { z } from '@hono/zod-openapi';
import type { AlertLink, AlertNotification } from '../../shared/alerts/notification.ts';
import type { Message } from './channel.ts';

/** The target itself is checked by target.ts, in the one place that knows what the operator allows. */
export const urlSetting = (description: string, example: string) =>
  z
    .string('expected a URL')
    .min(1, 'expected a URL')
    .max(2_000, 'expected at most 2,000 characters')
    .openapi({ description, example });

/** `https://hooks.your-company.com/…`: the rest of a webhook's URL is its password. */
export function shownUrl(url: string): string {
  const parsed = URL.parse(url);
  return parsed === null ? '…' : `${parsed.origin}/…`;
}

export function jsonMessage(
  url: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Message {
  return {
    via: 'http',
    url,
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify(body),
  };
}

/** Receivers take whole addresses only; a server that does not know its own address tells paths. */
export function wholeLinks(links: readonly AlertLink[]): readonly AlertLink[] {
  return links.filter(({ href }) => href.startsWith('https://') || href.startsWith('http://'));
}

export const isoInstant = (ms: number): string => new Date(ms).toISOString();

/** `Firing: Dirty hours`, what a message begins with. */
export const headlineOf = ({ status, ruleName }: AlertNotification): string =>
  `${status === 'firing' ? 'Firing' : 'Resolved'}: ${ruleName}`;

/** `warning, since ... until ...`, what it ends with. */
export function footerOf({ severity, startsAtMs, endsAtMs }: AlertNotification): string {
  const until = endsAtMs === null ? '' : ` until ${isoInstant(endsAtMs)}`;
  return `${severity}, since ${isoInstant(startsAtMs)}${until}`;
}
