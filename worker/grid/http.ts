/** GET of a document from a server that may be down, slow, huge, redirected or not the one it was. */
import { parseRetryAfter } from '../../shared/time/retry-after.ts';
import type { FetchFailure } from './provider.ts';

const TIMEOUT_MS = 10_000;
/** The largest honest reply is a week of 5-minute rows, some 250 KB. */
const MAX_BODY_BYTES = 2 * 1024 * 1024;
const EXCERPT_LENGTH = 160;

export type JsonReply =
  | { readonly ok: true; readonly body: unknown }
  | { readonly ok: false; readonly failure: FetchFailure };

/** `refusal`: what another status than 200 says; some services put the reason into the document all the same. */
export type TextReply =
  | { readonly ok: true; readonly text: string; readonly refusal: FetchFailure | null }
  | { readonly ok: false; readonly failure: FetchFailure };

type Get<Reply> = (url: URL, headers?: Record<string, string>, secrets?: readonly string[]) => Promise<Reply>;

/** Neither throws: whatever goes wrong is a named failure, in whose reason none of the `secrets` stands. */
export interface ProviderHttp {
  readonly getJson: Get<JsonReply>;
  /** The text has none of the `secrets` in it either. */
  readonly getText: Get<TextReply>;
}

export interface ProviderHttpOptions {
  readonly fetch: typeof fetch;
  /** For `Retry-After` given as a date. */
  readonly nowMs: number;
  readonly timeoutMs?: number;
}

export function createProviderHttp({
  fetch,
  nowMs,
  timeoutMs = TIMEOUT_MS,
}: ProviderHttpOptions): ProviderHttp {
  const get: Get<TextReply> = async (url, headers = {}, secrets = []) => {
    try {
      const response = await fetch(url, {
        headers: { Accept: 'application/json', ...headers },
        // A redirect could carry the user's key to another host, and no provider needs one.
        redirect: 'manual',
        signal: AbortSignal.timeout(timeoutMs),
      });
      const text = await readCapped(response);
      if (text === null) return failed(`the reply is larger than ${MAX_BODY_BYTES} bytes`);
      const refusal =
        response.status === 200 ? null : statusFailure(response, removeSecrets(text, secrets), nowMs);
      return { ok: true, text, refusal };
    } catch (error) {
      const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
      return failed(`no reply: ${removeSecrets(reason, secrets)}`);
    }
  };
  return {
    getJson: async (url, headers, secrets = []) => {
      const reply = await get(url, headers, secrets);
      if (!reply.ok) return reply;
      return reply.refusal ? { ok: false, failure: reply.refusal } : parseJson(reply.text, secrets);
    },
    getText: async (url, headers, secrets = []) => {
      const reply = await get(url, headers, secrets);
      return reply.ok ? { ...reply, text: removeSecrets(reply.text, secrets) } : reply;
    },
  };
}

/** Asks for each document once: whoever wants it again gets what came. For as long as a reply is read, not longer. */
export function askingOnce(http: ProviderHttp): ProviderHttp {
  return { getJson: once(http.getJson), getText: once(http.getText) };
}

function once<Reply>(get: Get<Reply>): Get<Reply> {
  const replies = new Map<string, Promise<Reply>>();
  return (url, headers = {}, secrets = []) => {
    const key = JSON.stringify([url, headers]);
    const known = replies.get(key);
    if (known) return known;
    const reply = get(url, headers, secrets);
    replies.set(key, reply);
    return reply;
  };
}

/** Some services repeat the request, the key in it, in their answer; a reason is stored and shown. */
function removeSecrets(text: string, secrets: readonly string[]): string {
  return secrets
    .flatMap((secret) => [secret, encodeURIComponent(secret)])
    .reduce((rest, secret) => rest.replaceAll(secret, '(secret)'), text);
}

/** The body as text, or null once it exceeds the cap; the rest is not read. */
async function readCapped(response: Response): Promise<string | null> {
  if (!response.body) return '';
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  const reader = response.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    bytes += value.byteLength;
    if (bytes > MAX_BODY_BYTES) {
      await reader.cancel();
      return null;
    }
    text += decoder.decode(value, { stream: true });
  }
}

function parseJson(text: string, secrets: readonly string[]): JsonReply {
  try {
    return { ok: true, body: JSON.parse(text) };
  } catch {
    const what = /^\s*</.test(text) ? 'a web page' : 'no valid JSON';
    return failed(`the reply is ${what}: ${excerpt(removeSecrets(text, secrets))}`);
  }
}

function statusFailure(response: Response, text: string, nowMs: number): FetchFailure {
  const reason = `HTTP ${response.status}: ${excerpt(text)}`;
  const retryAfterMs = parseRetryAfter(response.headers.get('Retry-After'), nowMs);
  if (response.status === 429 || (response.status === 503 && retryAfterMs !== null)) {
    return { outcome: 'rateLimited', reason, retryAfterMs };
  }
  return isRefusal(response.status)
    ? { outcome: 'failed', reason, refused: response.status }
    : { outcome: 'failed', reason };
}

/** What a service says of the request (no access, no such thing), not of itself; 408 is a service that was too slow. */
const isRefusal = (status: number) => status >= 400 && status < 500 && status !== 408;

/**
 * For services whose keys are good for all that they have or for nothing: no access (HTTP 401, 403) is said of the key, so of
 * every other request too, and is a failure of the service as a whole.
 */
export function ofTheKey(failure: FetchFailure): FetchFailure {
  return failure.outcome === 'failed' && (failure.refused === 401 || failure.refused === 403)
    ? { outcome: 'failed', reason: failure.reason }
    : failure;
}

function failed(reason: string): { readonly ok: false; readonly failure: FetchFailure } {
  return { ok: false, failure: { outcome: 'failed', reason } };
}

/** One printable line of what came, enough for a person to recognise it. */
function excerpt(text: string): string {
  const line = text.replace(/[\p{C}\s]+/gu, ' ').trim();
  if (line === '') return '(empty)';
  return line.length > EXCERPT_LENGTH ? `${line.slice(0, EXCERPT_LENGTH)}...` : line;
}
