/**
 * Who calls, and whether they may. A route declares its scope by spreading `requireScope('read')` into `createRoute`: that
 * puts the check before every other one and the requirement into the API document.
 */
import type { Context, MiddlewareHandler } from 'hono';
import {
  ADMIN_TOKEN_ID,
  ENROLMENT_KEY_PREFIX,
  hashSecret,
  parseToken,
} from '../../shared/auth/token-format.ts';
import { findNode } from '../storage/nodes.ts';
import { createShards } from '../storage/shards.ts';
import { findToken, type StoredToken } from '../storage/tokens.ts';
import type { AppEnv, Caller, Scope } from './app.ts';
import { fail, ok, problemResponse, type Result } from './problem.ts';
import { reasonGiven } from './reason.ts';
import { equalDigests, webCrypto } from './web-crypto.ts';

/** Optional on reports: the node that the agent takes itself for; a copied token file is noticed by it. */
export const NODE_HEADER = 'Wattshed-Node';

/**
 * Spread into `createRoute`, with the scopes of which any will do; an admin token may read as well. A token of named
 * projects is refused: what it may ask for takes `requireReadOfProjects`.
 */
export function requireScope(...scopes: [Scope, ...Scope[]]) {
  return { security: [{ bearer: scopes }], middleware: guard(scopes) };
}

/** As `requireScope`, for changes that the log tells of: where the operator wants it so, a person must say why. */
export function requireReason(...scopes: [Scope, ...Scope[]]) {
  const middleware: [MiddlewareHandler<AppEnv>, MiddlewareHandler<AppEnv>] = [guard(scopes), reasonGiven];
  return { security: [{ bearer: scopes }], middleware };
}

/** For routes that keep to `caller.projects` where it is set, or that tell nothing of the fleet. */
export function requireReadOfProjects() {
  const scopes: Scope[] = ['read'];
  return { security: [{ bearer: scopes }], middleware: guard(scopes, true) };
}

/**
 * For questions about the grid: any reader, and a node's own token for the zone of its site alone, so that a job on that
 * node can wait for a greener hour without a further secret.
 */
export function requireReadOrOwnZone() {
  const scopes: Scope[] = ['read', 'ingest'];
  const middleware: MiddlewareHandler<AppEnv>[] = [guard(scopes, true), ownZoneOnly];
  return { security: [{ bearer: scopes }], middleware };
}

/**
 * For reports. A token that was looked up over a minute ago comes in, with `caller.isStale`: the route asks whether it still
 * holds with what it writes, so that a report costs no look-up of its own.
 */
export function requireReporter() {
  const scopes: Scope[] = ['ingest'];
  return { security: [{ bearer: scopes }], middleware: guard(scopes, false, true) };
}

/**
 * For the one route that takes an enrolment key: here only its shape is checked, before the body is looked at; the use
 * case looks it up, counts its use and enrols in one transaction.
 */
export function requireEnrolmentKey() {
  const middleware: MiddlewareHandler<AppEnv> = async (context, next) => {
    const bearer = bearerToken(context);
    if (!bearer.ok) return unauthenticatedResponse(context, bearer.problem.detail);
    await next();
  };
  return { security: [{ enrolmentKey: [] }], middleware };
}

/** The token of the `Authorization` header, or the problem to answer with. */
export function bearerToken(context: Context): Result<{ readonly id: string; readonly secret: string }> {
  const header = context.req.header('Authorization');
  if (header === undefined) {
    return fail('unauthenticated', 'Send the token in the header "Authorization: Bearer wsk_<id>_<secret>".');
  }
  const match = /^Bearer +([^ ]+)$/i.exec(header);
  const parsed = match?.[1] === undefined ? null : parseToken(match[1]);
  if (parsed === null) {
    return fail(
      'unauthenticated',
      'The token is not complete or was mistyped (its checksum does not match). Expected "Bearer wsk_<id>_<secret>".',
    );
  }
  return ok(parsed);
}

/** 401 says how to authenticate. */
export function unauthenticatedResponse(context: Context, detail: string) {
  return problemResponse(
    context,
    { code: 'unauthenticated', detail },
    { 'WWW-Authenticate': 'Bearer realm="wattshed"' },
  );
}

/**
 * @param ofProjects whether a token of named projects may come in
 * @param stale whether one that nobody has looked at for a minute may
 */
function guard(scopes: readonly Scope[], ofProjects = false, stale = false): MiddlewareHandler<AppEnv> {
  return async (context, next) => {
    const caller = await authenticate(context, stale);
    if (!caller.ok) return unauthenticatedResponse(context, caller.problem.detail);
    const { scope: has, nodeId, projects } = caller.value;
    if (!scopes.includes(has) && !(has === 'admin' && scopes.includes('read'))) {
      return problemResponse(context, {
        code: 'forbidden_scope',
        detail: `This needs a token of scope "${scopes.join('" or "')}"; the one sent has scope "${has}".`,
      });
    }
    if (projects !== null && !ofProjects) {
      return problemResponse(context, {
        code: 'forbidden_scope',
        detail: `This token has scope "read" for the projects ${projects.join(', ')} alone: it may ask for jobs, statements and /v1/fleet/emissions, and gets what those projects had. This needs scope "read" for the whole fleet.`,
      });
    }
    const claimed = context.req.header(NODE_HEADER);
    if (has === 'ingest' && claimed !== undefined && claimed !== nodeId) {
      return problemResponse(context, {
        code: 'wrong_node',
        detail: `This token belongs to another node than "${claimed}". Enrol this host again to get a token of its own.`,
        field: NODE_HEADER,
      });
    }
    context.set('caller', caller.value);
    await next();
  };
}

/** Looks at the zone in the path and at those in the query, which is not validated yet. */
const ownZoneOnly: MiddlewareHandler<AppEnv> = async (context, next) => {
  const { caller, nowMs } = context.var;
  if (caller.nodeId === null) return next();
  const zone = (await findNode(context.var.shards, caller.nodeId, nowMs))?.gridZone ?? null;
  const asked = [context.req.param('gridZone'), ...(context.req.queries('gridZones') ?? [])];
  if (zone === null || asked.some((name) => name !== undefined && name !== zone)) {
    return problemResponse(context, {
      code: 'forbidden_scope',
      detail: `A node's token may ask about the grid zone of its own site alone (${zone ?? 'it has none'}); for others send a token of scope "read".`,
    });
  }
  context.set('ownZone', zone);
  await next();
};

async function authenticate(context: Context<AppEnv>, mayBeStale: boolean): Promise<Result<Caller>> {
  const bearer = bearerToken(context);
  if (!bearer.ok) return bearer;
  const { id, secret } = bearer.value;
  const { token: stored, isFresh } = await knownToken(context, id, mayBeStale);
  const matches =
    stored !== null && equalDigests(await hashSecret(secret, webCrypto), stored.secretSha256.toLowerCase());
  if (!matches) {
    return fail(
      'unauthenticated',
      id.startsWith(ENROLMENT_KEY_PREFIX)
        ? 'This is an enrolment key: it is only good for POST /v1/enroll, which answers with a token.'
        : 'No such token.',
    );
  }
  if (stored.revokedAtMs !== null) return fail('unauthenticated', 'This token was revoked.');
  const { scope, nodeNumber, nodeId, projects } = stored;
  return ok({ tokenId: id, scope, nodeNumber, nodeId, projects, isStale: !isFresh });
}

interface KnownToken {
  readonly token: Omit<StoredToken, 'id' | 'label' | 'createdAtMs'> | null;
  readonly isFresh: boolean;
}

async function knownToken(context: Context<AppEnv>, id: string, mayBeStale: boolean): Promise<KnownToken> {
  if (id === ADMIN_TOKEN_ID) {
    const secretSha256 = context.env.ADMIN_SECRET_SHA256;
    const nobody = { revokedAtMs: null, nodeNumber: null, nodeId: null, projects: null };
    return {
      token: secretSha256 === undefined ? null : { secretSha256, scope: 'admin', ...nobody },
      isFresh: true,
    };
  }
  const { tokenCache, nowMs } = context.var;
  const cached = tokenCache.get(id, nowMs);
  if (cached !== null && (cached.isFresh || (mayBeStale && cached.token.scope === 'ingest'))) return cached;
  // Of the primary: a copy may not know yet that it was revoked.
  const token = await findToken(createShards(context.env), id);
  if (token !== null) tokenCache.set(token, nowMs);
  return { token, isFresh: true };
}
