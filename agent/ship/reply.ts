/**
 * What the server's answer means. Only an answer whose numbers add up counts as one: a captive portal says 200 as well,
 * and a proxy's 400 says nothing about a report.
 */
import type { IngestReply } from '../../shared/wire/ingest.ts';
import type { HttpReply } from '../http/http-client.ts';
import { retryAfterMs } from './back-off.ts';

export type Verdict =
  | { readonly kind: 'delivered'; readonly reply: IngestReply }
  /** The server will never take this body: look for the report at fault. */
  | { readonly kind: 'refused'; readonly code: string; readonly detail: string }
  /** Something on the way, not the server, has a smaller bound. */
  | { readonly kind: 'tooLarge'; readonly detail: string }
  | { readonly kind: 'conflict'; readonly detail: string }
  | { readonly kind: 'unauthorized'; readonly detail: string }
  | { readonly kind: 'retry'; readonly detail: string; readonly waitMs: number | null };

/** Said about a body's content; every other problem (a version, an overload) may be over by the next time. */
const FINAL_CODES: readonly string[] = ['invalid_body', 'malformed_body', 'body_too_large'];

/** Of a body with so many reports; `nowMs` resolves a `Retry-After` that is a date. */
export function judgeReply(reply: HttpReply, sentReports: number, nowMs: number): Verdict {
  const { status } = reply;
  if (status === 200) return judgeDelivery(reply, sentReports);
  const problem = problemOf(reply);
  const detail = `the server answered ${status}${problem === null ? '' : ` ${problem.code}: ${problem.detail}`}`;
  if (status === 401 || status === 403) return { kind: 'unauthorized', detail };
  if (status === 413 && problem?.code !== 'body_too_large') return { kind: 'tooLarge', detail };
  if (status === 409) return { kind: 'conflict', detail };
  if (problem !== null && FINAL_CODES.includes(problem.code)) {
    return { kind: 'refused', code: problem.code, detail };
  }
  const waitMs = retryAfterMs(reply.headers['retry-after'], nowMs);
  const location = reply.headers.location;
  const redirect =
    status >= 300 && status < 400 && location !== undefined
      ? ` with a redirect to ${location}; set the url to where the server is`
      : '';
  return { kind: 'retry', detail: detail + redirect, waitMs };
}

function judgeDelivery(reply: HttpReply, sentReports: number): Verdict {
  const body = parseObject(reply.body) as Partial<IngestReply> | null;
  const isComplete =
    body !== null &&
    isCount(body.accepted) &&
    isCount(body.unchanged) &&
    Array.isArray(body.quarantined) &&
    isCount(body.serverTimeMs) &&
    isCount(body.reportEverySeconds);
  if (!isComplete) {
    const detail =
      'the answer 200 did not come from a Wattshed server; a proxy or a captive portal stands in between';
    return { kind: 'retry', detail, waitMs: null };
  }
  const delivered = body as IngestReply;
  const setAside = new Set(delivered.quarantined.map((report) => report.windowStartMs)).size;
  const counted = delivered.accepted + delivered.unchanged + setAside;
  if (counted !== sentReports) {
    const detail = `the server acknowledged ${counted} of ${sentReports} reports; none is forgotten`;
    return { kind: 'retry', detail, waitMs: null };
  }
  return { kind: 'delivered', reply: delivered };
}

function problemOf(reply: HttpReply): { readonly code: string; readonly detail: string } | null {
  if (!reply.headers['content-type']?.startsWith('application/problem+json')) return null;
  const body = parseObject(reply.body);
  if (typeof body?.code !== 'string') return null;
  // A sentence of the server's, in the middle of one of ours.
  return { code: body.code, detail: typeof body.detail === 'string' ? body.detail.replace(/\.$/, '') : '' };
}

function parseObject(bytes: Buffer): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
