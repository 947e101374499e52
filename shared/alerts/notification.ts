/**
 * What the outbox delivers: one per transition of an episode, complete in itself, so that a channel only renders it.
 * Its id stands for the transition and not for the attempt: computed twice it is the same, so a second insert of it
 * changes nothing and a receiver can tell a repeat.
 */

export type AlertSeverity = 'info' | 'warning' | 'critical';

export interface AlertLink {
  /** What a person clicks on: `Emissions of this scope`. */
  readonly label: string;
  /** Absolute https URL where the server knows its own address, else a path on it. */
  readonly href: string;
}

/** Machine readable, camelCase with the unit in the name (`powerWatts`, `gramsSoFar`); null: not known. */
export type AlertFields = Readonly<Record<string, string | number | boolean | null>>;

export interface AlertNotification {
  /** `<episodeId>:firing`, `<episodeId>:resolved` or `<episodeId>:renotify:<n>`, n from 1. */
  readonly id: string;
  readonly episodeId: string;
  readonly ruleId: string;
  readonly ruleName: string;
  readonly severity: AlertSeverity;
  readonly status: 'firing' | 'resolved';
  /** When the condition began, UTC epoch milliseconds; the same in every notification of the episode. */
  readonly startsAtMs: number;
  /** Null while it lasts. */
  readonly endsAtMs: number | null;
  /** Equal for what belongs together: the rule and the part of its scope, never a single node of many. */
  readonly groupKey: string;
  /** One line. */
  readonly summary: string;
  /** A few lines for people, plain text. */
  readonly text: string;
  readonly fields: AlertFields;
  readonly links: readonly AlertLink[];
  readonly channelIds: readonly string[];
}
