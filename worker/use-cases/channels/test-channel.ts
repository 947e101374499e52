/** A test message now, past the outbox, to see what the receiver says: a firing one, and its resolution where it took that. */
import type { AlertNotification } from '../../../shared/alerts/notification.ts';
import type { SendOutcome } from '../../channels/send.ts';
import { ok, type Result } from '../../http/problem.ts';
import { findChannel } from '../../storage/alert-channels.ts';
import { openDatabase } from '../../storage/database.ts';
import { noChannel } from './channels.ts';
import { type NotificationSender, sendNotification } from './send-notification.ts';

const MAX_SAID_CHARACTERS = 500;

export interface TestMessage {
  readonly messageId: string;
  readonly status: AlertNotification['status'];
  readonly delivered: boolean;
  readonly httpStatus: number | null;
  readonly outcome: string;
  /** One line of what the receiver answered; null where it said nothing. */
  readonly receiverSaid: string | null;
}

/** Sent to a channel that is switched off as well: to see whether to switch it on. Problem: `not_found`. */
export async function testChannel(
  db: D1Database,
  id: string,
  sender: Omit<NotificationSender, 'readAnswer'>,
): Promise<Result<readonly TestMessage[]>> {
  const channel = await findChannel(openDatabase(db), id);
  if (channel === null) return noChannel(id);
  const messages: TestMessage[] = [];
  for (const status of ['firing', 'resolved'] as const) {
    const notification = testNotification(id, status, sender.nowMs);
    const sent = await sendNotification(channel, notification, { ...sender, readAnswer: true });
    messages.push({ messageId: notification.id, status, ...told(sent) });
    if (sent.kind !== 'delivered') break;
  }
  return ok(messages);
}

function told({ kind, status, outcome, answer }: SendOutcome) {
  const line = (answer ?? '').replace(/[\p{C}\s]+/gu, ' ').trim();
  const said = line.length > MAX_SAID_CHARACTERS ? `${line.slice(0, MAX_SAID_CHARACTERS)}…` : line;
  return {
    delivered: kind === 'delivered',
    httpStatus: status,
    outcome,
    receiverSaid: said === '' ? null : said,
  };
}

function testNotification(
  channelId: string,
  status: AlertNotification['status'],
  nowMs: number,
): AlertNotification {
  const episodeId = `test_${channelId}_${nowMs}`;
  return {
    id: `${episodeId}:${status}`,
    episodeId,
    ruleId: 'test',
    ruleName: 'Test message',
    severity: 'info',
    status,
    startsAtMs: nowMs,
    endsAtMs: status === 'firing' ? null : nowMs,
    groupKey: 'test',
    summary: `Test of the alert channel "${channelId}" of Wattshed`,
    text: 'Somebody asked for this message. Nothing is wrong, and nothing is to be done.',
    fields: { test: true },
    links: [{ label: 'Dashboard', href: '/' }],
    channelIds: [channelId],
  };
}
