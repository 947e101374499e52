/** One notification to one channel, whoever asks for it: rendered within bounds, checked, sent. Never throws. */
import type { AlertNotification } from '../../../shared/alerts/notification.ts';
import { bounded } from '../../channels/bounded.ts';
import type { Message } from '../../channels/channel.ts';
import { channelOf } from '../../channels/list.ts';
import { type Sender, type SendOutcome, send } from '../../channels/send.ts';
import type { StoredChannel } from '../../storage/alert-channels.ts';
import { readConfig, secretsAt } from './channel-config.ts';

export interface NotificationSender extends Sender {
  /** What links that name only a path begin with; null: they stay as they are. */
  readonly publicUrl: string | null;
}

export async function sendNotification(
  channel: Pick<StoredChannel, 'id' | 'type' | 'config'>,
  notification: AlertNotification,
  sender: NotificationSender,
): Promise<SendOutcome> {
  const message = await render(channel, withWholeLinks(notification, sender.publicUrl), sender.nowMs);
  if (message === null) {
    const outcome = 'not sent: the settings are of another version of this server; set them again';
    return { kind: 'refused', status: null, outcome, retryAfterMs: null, answer: null };
  }
  return send(message, sender);
}

function withWholeLinks(notification: AlertNotification, publicUrl: string | null): AlertNotification {
  if (publicUrl === null) return notification;
  const links = notification.links.map(({ label, href }) => ({
    label,
    href: href.startsWith('/') ? publicUrl + href : href,
  }));
  return { ...notification, links };
}

async function render(
  { id, type, config }: Pick<StoredChannel, 'id' | 'type' | 'config'>,
  notification: AlertNotification,
  nowMs: number,
): Promise<Message | null> {
  const stored = readConfig(config);
  const channel = channelOf(type);
  const settings = channel?.settings.safeParse(stored.settings);
  if (channel === null || !settings?.success) return null;
  const context = { channelId: id, secrets: secretsAt(stored, nowMs), nowMs };
  return channel.render(settings.data, bounded(notification), context);
}
