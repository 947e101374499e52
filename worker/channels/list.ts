/** The explicit list of channels; adding one is a file beside this and a line here. */
import { alertmanager } from './alertmanager.ts';
import type { Channel } from './channel.ts';
import { email } from './email.ts';
import { pagerduty } from './pagerduty.ts';
import { slack } from './slack.ts';
import { teams } from './teams.ts';
import { webhook } from './webhook.ts';

export const channels = [webhook, slack, teams, pagerduty, alertmanager, email] as const;

/** Of a stored type, whose settings it parsed itself. Null: a type of another version. */
export function channelOf(type: string): Channel<unknown> | null {
  return channels.find((channel) => channel.type === type) ?? null;
}
