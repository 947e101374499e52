/** Alert channels as operators keep them. Nothing that is read here shows a secret or the path of a URL. */
import { channelOf } from '../../channels/list.ts';
import { newSigningSecret } from '../../channels/signing-secret.ts';
import { type TargetPolicy, targetProblem } from '../../channels/target.ts';
import { fail, ok, type Problem, type Result } from '../../http/problem.ts';
import {
  deleteChannel,
  findChannel,
  insertChannel,
  listChannels,
  rulesOfChannel,
  type StoredChannel,
  updateChannel,
} from '../../storage/alert-channels.ts';
import { countOpenDeliveries, type DeliveryCounts } from '../../storage/alert-deliveries.ts';
import { openDatabase } from '../../storage/database.ts';
import { type ChannelConfig, readConfig, rotated } from './channel-config.ts';

/** One answer lists them all, and one query of the delivery job looks at each. */
const MAX_CHANNELS = 50;

export interface ChannelView extends Omit<StoredChannel, 'config'> {
  /** Host or addressees. */
  readonly target: string;
  /** While it lasts, messages are signed with the secret before as well. */
  readonly previousSecretUntilMs: number | null;
  readonly pending: number;
  readonly dead: number;
}

/** With the signing secret where there is a new one: the only time that it is shown. */
export interface ChannelWithSecret extends ChannelView {
  readonly secret: string | null;
}

interface ChannelDependencies extends TargetPolicy {
  readonly db: D1Database;
  readonly hasEmail: boolean;
  readonly nowMs: number;
  /** Token id. */
  readonly by: string;
}

export async function getChannels(db: D1Database): Promise<ChannelView[]> {
  const [stored, counts] = await Promise.all([listChannels(openDatabase(db)), countOpenDeliveries(db)]);
  return stored.map((channel) => viewOf(channel, counts));
}

/** Problem: `not_found`. */
export async function getChannel(db: D1Database, id: string): Promise<Result<ChannelView>> {
  const [stored, counts] = await Promise.all([findChannel(openDatabase(db), id), countOpenDeliveries(db)]);
  return stored === null ? noChannel(id) : ok(viewOf(stored, counts));
}

/** `settings` as the channel's own schema made them. Problems: `invalid_body`, `already_exists`, `in_use`. */
export async function createChannel(
  input: {
    readonly id: string;
    readonly type: string;
    readonly settings: unknown;
    readonly enabled: boolean;
    readonly secret?: string | undefined;
  },
  dependencies: ChannelDependencies,
): Promise<Result<ChannelWithSecret>> {
  const { db, nowMs, by } = dependencies;
  const channel = channelOf(input.type);
  const problem = settingsProblem(input.type, input.settings, dependencies);
  if (problem !== null) return { ok: false, problem };
  const known = await listChannels(openDatabase(db));
  if (known.length >= MAX_CHANNELS) {
    return fail(
      'in_use',
      `There are ${MAX_CHANNELS} channels, which is as many as there may be; delete one.`,
    );
  }
  const secret = channel?.signed === true ? (input.secret ?? newSigningSecret()) : null;
  const config: ChannelConfig = {
    settings: input.settings,
    signing: secret === null ? null : { secret, previous: null },
  };
  const stored: StoredChannel = {
    id: input.id,
    type: input.type,
    config: JSON.stringify(config),
    enabled: input.enabled,
    disabledReason: null,
    createdAtMs: nowMs,
    changedAtMs: nowMs,
    changedBy: by,
  };
  if (!(await insertChannel(openDatabase(db), stored))) {
    return fail('already_exists', `A channel "${input.id}" exists; change it with PATCH.`, '/id');
  }
  return ok({ ...viewOf(stored, []), secret });
}

/** Settings replace those before as a whole. Problems: `not_found`, `invalid_body`. */
export async function changeChannel(
  id: string,
  change: {
    readonly settings?: unknown;
    readonly enabled?: boolean | undefined;
    readonly rotateSecret?: boolean | undefined;
  },
  dependencies: ChannelDependencies,
): Promise<Result<ChannelWithSecret>> {
  const { db, nowMs, by } = dependencies;
  const stored = await findChannel(openDatabase(db), id);
  if (stored === null) return noChannel(id);
  const before = readConfig(stored.config);
  const settings = change.settings ?? before.settings;
  const problem = settingsProblem(stored.type, settings, dependencies);
  if (problem !== null) return { ok: false, problem };
  if (change.rotateSecret === true && before.signing === null) {
    return fail(
      'invalid_body',
      `/rotateSecret: a channel of type "${stored.type}" signs nothing; leave it out.`,
      '/rotateSecret',
    );
  }
  const secret = change.rotateSecret === true ? newSigningSecret() : null;
  const signing =
    before.signing === null || secret === null ? before.signing : rotated(before.signing, secret, nowMs);
  const enabled = change.enabled ?? stored.enabled;
  const values = {
    config: JSON.stringify({ settings, signing } satisfies ChannelConfig),
    enabled,
    disabledReason: enabled ? null : stored.disabledReason,
    changedAtMs: nowMs,
    changedBy: by,
  };
  await updateChannel(openDatabase(db), id, values);
  return ok({ ...viewOf({ ...stored, ...values }, await countOpenDeliveries(db)), secret });
}

/** Problems: `not_found`, `in_use`. */
export async function removeChannel(db: D1Database, id: string): Promise<Result<null>> {
  if ((await findChannel(openDatabase(db), id)) === null) return noChannel(id);
  const rules = await rulesOfChannel(db, id);
  if (rules.length > 0) {
    const names = rules.map((name) => `"${name}"`).join(', ');
    return fail('in_use', `Alert rules tell this channel: ${names}. Take it out of them first.`);
  }
  await deleteChannel(db, id);
  return ok(null);
}

export const noChannel = (id: string) => fail('not_found', `No alert channel "${id}".`);

function settingsProblem(
  type: string,
  settings: unknown,
  { allowLoopback, hasEmail }: ChannelDependencies,
): Problem | null {
  const channel = channelOf(type);
  const parsed = channel?.settings.safeParse(settings);
  if (channel === null || !parsed?.success) {
    const { path = [], message = '' } = parsed?.error?.issues[0] ?? {};
    const field = ['/settings', ...path.map(String)].join('/');
    return { code: 'invalid_body', detail: `${field}: ${message || 'unknown type'}.`, field };
  }
  const url = channel.urlOf(parsed.data);
  if (url === null) {
    return hasEmail
      ? null
      : {
          code: 'invalid_body',
          detail:
            '/type: this server has no e-mail binding "EMAIL". Uncomment [[send_email]] in wrangler.toml and deploy again.',
          field: '/type',
        };
  }
  const problem = targetProblem(url, { allowLoopback });
  return problem === null
    ? null
    : { code: 'invalid_body', detail: `/settings/url: ${problem}.`, field: '/settings/url' };
}

function viewOf({ config, ...rest }: StoredChannel, counts: readonly DeliveryCounts[]): ChannelView {
  const { settings, signing } = readConfig(config);
  const countOf = (state: string) =>
    counts.find((each) => each.channelId === rest.id && each.state === state)?.count ?? 0;
  return {
    ...rest,
    target: channelOf(rest.type)?.shownTarget(settings) ?? '…',
    previousSecretUntilMs: signing?.previous?.untilMs ?? null,
    pending: countOf('pending'),
    dead: countOf('dead'),
  };
}
