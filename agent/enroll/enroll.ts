/** Makes this host a node of a server: an enrolment key in exchange for a token of its own. */
import { ENROLMENT_KEY_PREFIX, parseToken } from '../../shared/auth/token-format.ts';
import type { EnrollBody, EnrollReply } from '../../shared/wire/ingest.ts';
import type { HttpClient, HttpReply } from '../http/http-client.ts';
import type { Credentials } from './credentials.ts';

export interface EnrollRequest {
  readonly http: HttpClient;
  /** Of the server; a trailing slash does not matter. */
  readonly url: string;
  /** `wsk_enroll..._...`. Never logged. */
  readonly key: string;
  readonly body: EnrollBody;
}

export interface Enrolment extends Credentials {
  readonly gridZone: string;
  readonly site: string;
}

/** The message is one line for people: what is wrong and what mends it. */
export class EnrollError extends Error {
  override readonly name = 'EnrollError';
  /** No word of a server on the host or its key: worth another try later. */
  readonly mayPass: boolean;

  constructor(message: string, mayPass = false) {
    super(message);
    this.mayPass = mayPass;
  }
}

/** Throws an `EnrollError` when the server does not take the host, an `HttpError` when it cannot be reached. */
export async function enroll({ http, url, key, body }: EnrollRequest): Promise<Enrolment> {
  const base = serverUrl(url);
  const trimmedKey = key.trim();
  checkKey(trimmedKey);
  const reply = await http.request({
    method: 'POST',
    url: `${base}/v1/enroll`,
    headers: { Authorization: `Bearer ${trimmedKey}`, 'Content-Type': 'application/json' },
    body: Buffer.from(JSON.stringify(body)),
  });
  if (reply.status !== 200) throw refusalOf(reply, base);
  const enrolled = parseObject(reply) as Partial<EnrollReply> | null;
  const { nodeId, token, gridZone, site } = enrolled ?? {};
  const isComplete =
    typeof nodeId === 'string' &&
    typeof token === 'string' &&
    parseToken(token) !== null &&
    typeof gridZone === 'string' &&
    typeof site === 'string';
  if (!isComplete) throw new EnrollError(notWattshed(base), true);
  return { url: base, nodeId, token, gridZone, site };
}

/** Origin and path without a trailing slash. Throws an `EnrollError` for anything but an http or https URL. */
export function serverUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    throw new EnrollError(`the server's URL must start with https:// or http://, got ${text}`);
  }
  if (url.username !== '' || url.search !== '' || url.hash !== '') {
    throw new EnrollError("the server's URL must be no more than a host and perhaps a port and a path");
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}

function checkKey(key: string): void {
  const parsed = parseToken(key);
  if (parsed === null)
    throw new EnrollError('the enrolment key is incomplete or mistyped: copy all of it again');
  if (!parsed.id.startsWith(ENROLMENT_KEY_PREFIX)) {
    throw new EnrollError('this is a token, not an enrolment key: create a key under /v1/enrolment-keys');
  }
}

function refusalOf(reply: HttpReply, base: string): EnrollError {
  return new EnrollError(explain(reply, base), reply.status >= 500 || reply.status === 429);
}

function explain(reply: HttpReply, base: string): string {
  if (reply.status >= 300 && reply.status < 400) {
    return `${base} answers with a redirect to ${reply.headers.location ?? 'nowhere'}: give the URL where the server itself is`;
  }
  const problem = parseObject(reply);
  const detail = typeof problem?.detail === 'string' ? ` (${problem.detail.replace(/\.$/, '')})` : '';
  switch (problem?.code) {
    case 'unauthenticated':
      return `the server does not know this enrolment key, or it has expired or was revoked: create a new one${detail}`;
    case 'enrolment_key_exhausted':
      return `this enrolment key was used as often as it allows: create a new one${detail}`;
    case 'host_already_enrolled':
      return `this host is a node already and the key does not allow it to enrol again: use a key with onKnownHost "replace", or delete the node first${detail}`;
    case 'overloaded':
      return `the server is overloaded: try again in ${reply.headers['retry-after'] ?? '30'} s`;
    case undefined:
      return reply.status >= 500 ? `${base} answers ${reply.status}: try again later` : notWattshed(base);
    default:
      return `the server answered ${reply.status} ${String(problem?.code)}${detail}`;
  }
}

function notWattshed(base: string): string {
  return `what answers at ${base} is not a Wattshed server: check the URL, and whether a proxy stands in between`;
}

function parseObject(reply: HttpReply): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(reply.body.toString('utf8'));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
