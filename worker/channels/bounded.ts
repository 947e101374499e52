/**
 * A notification within bounds that every receiver takes, so that no channel has to cut. Names of jobs, nodes and labels
 * are text that others chose: what could forge lines or hide text is shown, never sent as it is.
 */
import type { AlertFields, AlertNotification } from '../../shared/alerts/notification.ts';

const MAX_NAME = 120;
const MAX_SUMMARY = 500;
const MAX_TEXT = 2_400;
const MAX_LINKS = 5;
const MAX_LABEL = 80;
const HREF = /^[\x21-\x7e]{1,500}$/;
const MAX_FIELDS = 40;
const MAX_FIELD_NAME = 40;
const MAX_FIELD_TEXT = 60;

/** Control characters, halves of characters, and what turns or hides text. */
const HARMFUL = /[\p{Cc}\p{Cs}\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\u{e0000}-\u{e007f}]/gu;

export function bounded(notification: AlertNotification): AlertNotification {
  const { fields, fieldsLeftOut } = boundedFields(notification.fields);
  const note = fieldsLeftOut === 0 ? '' : `\n(${fieldsLeftOut} more fields are in the API.)`;
  return {
    ...notification,
    ruleName: cut(oneLine(notification.ruleName), MAX_NAME),
    summary: cut(oneLine(notification.summary), MAX_SUMMARY),
    text: cut(shown(notification.text), MAX_TEXT) + note,
    groupKey: cut(oneLine(notification.groupKey), MAX_NAME),
    fields,
    links: notification.links
      .filter(({ href }) => HREF.test(href))
      .slice(0, MAX_LINKS)
      .map(({ label, href }) => ({ label: cut(oneLine(label), MAX_LABEL), href })),
  };
}

function boundedFields(fields: AlertFields): { fields: AlertFields; fieldsLeftOut: number } {
  const entries = Object.entries(fields);
  return {
    fields: Object.fromEntries(
      entries
        .slice(0, MAX_FIELDS)
        .map(([name, value]) => [
          cut(oneLine(name), MAX_FIELD_NAME),
          typeof value === 'string' ? cut(oneLine(value), MAX_FIELD_TEXT) : value,
        ]),
    ),
    fieldsLeftOut: Math.max(0, entries.length - MAX_FIELDS),
  };
}

const shown = (text: string): string =>
  text.replace(HARMFUL, (character) =>
    character === '\n' ? '\n' : `\\u${character.codePointAt(0)!.toString(16).padStart(4, '0')}`,
  );

const oneLine = (text: string): string => shown(text.replaceAll('\n', ' '));

/** To as many UTF-16 units as receivers count; no character is halved, and what was cut ends in an ellipsis. */
const cut = (text: string, max: number): string =>
  text.length <= max ? text : `${text.slice(0, max - 1).replace(/[\ud800-\udbff]$/, '')}…`;
