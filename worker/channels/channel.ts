/** What delivery knows of a channel. One file per channel beside this, listed in list.ts; rendering does no I/O. */
import type { z } from '@hono/zod-openapi';
import type { AlertNotification } from '../../shared/alerts/notification.ts';

export type Message =
  | {
      readonly via: 'http';
      readonly url: string;
      readonly headers: Readonly<Record<string, string>>;
      /** JSON. */
      readonly body: string;
    }
  | {
      readonly via: 'email';
      readonly from: string;
      readonly to: readonly string[];
      readonly subject: string;
      readonly text: string;
    };

export interface RenderContext {
  readonly channelId: string;
  /** The current signing secret first; empty where the channel has none. */
  readonly secrets: readonly string[];
  /** Of this attempt, UTC epoch milliseconds. */
  readonly nowMs: number;
}

export interface Channel<Settings> {
  readonly type: string;
  /** What the operator sets; unknown fields are refused. */
  readonly settings: z.ZodType<Settings>;
  /** Messages are signed with a secret that the server keeps and rotates. */
  readonly signed: boolean;
  /** Where messages go, to be checked before each; null for e-mail. */
  urlOf(settings: Settings): string | null;
  /** What may be shown of the settings: no secret, and no path, which often is one. */
  shownTarget(settings: Settings): string;
  /** Of a notification within the bounds of bounded.ts; the same bytes in each attempt, but for signature and time. */
  render(
    settings: Settings,
    notification: AlertNotification,
    context: RenderContext,
  ): Message | Promise<Message>;
}
