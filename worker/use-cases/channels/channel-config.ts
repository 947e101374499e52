/** What a channel keeps in its row, secrets included. */

/** Long enough to set the new secret at the receiver; meanwhile messages carry a signature by each. */
const ROTATION_MS = 24 * 3_600_000;

export interface SigningSecrets {
  readonly secret: string;
  readonly previous: { readonly secret: string; readonly untilMs: number } | null;
}

export interface ChannelConfig {
  readonly settings: unknown;
  /** Null where the channel does not sign. */
  readonly signing: SigningSecrets | null;
}

export const readConfig = (config: string): ChannelConfig => JSON.parse(config) as ChannelConfig;

export function rotated(signing: SigningSecrets, secret: string, nowMs: number): SigningSecrets {
  return { secret, previous: { secret: signing.secret, untilMs: nowMs + ROTATION_MS } };
}

/** Those that sign at this instant, the current one first. */
export function secretsAt({ signing }: ChannelConfig, nowMs: number): readonly string[] {
  if (signing === null) return [];
  const { secret, previous } = signing;
  return previous !== null && nowMs < previous.untilMs ? [secret, previous.secret] : [secret];
}
