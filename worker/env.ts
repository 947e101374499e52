import type { ProviderKeys } from '../shared/grid/provider-keys.ts';
import { LEAST_REPORT_EVERY_SECONDS, MOST_REPORT_EVERY_SECONDS } from '../shared/pace/interval.ts';
import type { Plan } from '../shared/pace/plans.ts';
import type { RetentionEnv } from '../shared/settings/retention.ts';

/** Bindings of the Worker, as `wrangler.toml` and the local launcher provide them. */
export interface Env extends ProviderKeys, RetentionEnv {
  /** The first database; further ones are `DB_1`, `DB_2` and so on (docs/decisions/0010-shards.md). */
  readonly DB: D1Database;
  /** Numbers of databases that take no new node, such as `0,1`; those that live there stay. */
  readonly CLOSED_SHARDS?: string;
  /** Where days go as Parquet files (docs/archive.md); optional. */
  readonly ARCHIVE?: R2Bucket;
  /** Static files: the dashboard. */
  readonly ASSETS?: Fetcher;
  /** SHA-256, hex, of the secret half of the admin token `wsk_admin_<secret>`; set at deploy, never the token itself. */
  readonly ADMIN_SECRET_SHA256?: string;
  /** Seconds between two reports of a node, where the settings say `auto`; default 60. */
  readonly REPORT_EVERY_SECONDS?: string;
  /** Sends the mail of alert channels; without it they say so. */
  readonly EMAIL?: SendEmail;
  /** `true`: alerts may also go to this machine itself, by http too; for self-hosting and tests. Default `false`. */
  readonly ALERT_TARGETS_ALLOW_LOOPBACK?: string;
  /** Where people find this server, such as `https://wattshed.example.org`; links of alerts begin with it. */
  readonly PUBLIC_URL?: string;
}

/** @throws RangeError where the operator's setting is no list of numbers */
export function closedShards({ CLOSED_SHARDS: setting = '' }: Env): ReadonlySet<number> {
  if (!/^(\d+(,\d+)*)?$/.test(setting))
    throw new RangeError(`CLOSED_SHARDS must be numbers of databases such as "0,1", got "${setting}"`);
  return new Set(setting === '' ? [] : setting.split(',').map(Number));
}

const DEFAULT_REPORT_EVERY_SECONDS = 60;

/** @throws RangeError where the operator's setting is no number from 10 to 3600: better no start than a guess */
export function reportEverySeconds(env: Env): number {
  if (env.REPORT_EVERY_SECONDS === undefined) return DEFAULT_REPORT_EVERY_SECONDS;
  const seconds = Number(env.REPORT_EVERY_SECONDS);
  const [least, most] = [LEAST_REPORT_EVERY_SECONDS, MOST_REPORT_EVERY_SECONDS];
  if (!Number.isInteger(seconds) || seconds < least || seconds > most) {
    throw new RangeError(
      `REPORT_EVERY_SECONDS must be a whole number from ${least} to ${most}, got "${env.REPORT_EVERY_SECONDS}"`,
    );
  }
  return seconds;
}

/** Whose limits hold. Where nobody says, it is the plan that refuses nothing. */
export const planOf = (env: Env): Plan => (env.RETENTION_PLAN === 'free' ? 'free' : 'paid');

/** @throws RangeError where the operator's setting is neither `true` nor `false` */
export function alertTargetsAllowLoopback({ ALERT_TARGETS_ALLOW_LOOPBACK: setting = 'false' }: Env): boolean {
  if (setting !== 'true' && setting !== 'false') {
    throw new RangeError(`ALERT_TARGETS_ALLOW_LOOPBACK must be "true" or "false", got "${setting}"`);
  }
  return setting === 'true';
}

/**
 * Without a slash at its end; null where the operator did not say.
 * @throws RangeError where the setting is no address of a server
 */
export function publicUrl({ PUBLIC_URL: setting }: Env): string | null {
  if (setting === undefined) return null;
  const origin = URL.parse(setting)?.origin;
  if (!/^https?:\/\//.test(setting) || setting.replace(/\/$/, '') !== origin) {
    throw new RangeError(`PUBLIC_URL must be like https://wattshed.example.org, got "${setting}"`);
  }
  return origin;
}
