/** What the relay itself says; most replies are the server's, passed on as they are. */
import type { IngestReply } from '../../shared/wire/ingest.ts';
import type { HttpReply } from '../http/http-client.ts';

/** In the server's form and words, so that an agent needs to know one table only. */
export function problem(
  status: number,
  code: string,
  detail: string,
  headers: Readonly<Record<string, string>> = {},
): HttpReply {
  const title = code.replaceAll('_', ' ');
  return {
    status,
    headers: { 'content-type': 'application/problem+json', ...headers },
    body: Buffer.from(JSON.stringify({ type: `/docs#${code}`, title, status, code, detail })),
  };
}

const RETRY_AFTER_SECONDS = 60;

/** The relay does not take it: the node keeps it and asks again. */
export function unavailable(detail: string): HttpReply {
  return problem(503, 'overloaded', detail, { 'retry-after': String(RETRY_AFTER_SECONDS) });
}

/** Kept: in the numbers that the server would have used for reports that it did not know. */
export function acknowledged(reply: IngestReply): HttpReply {
  return {
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: Buffer.from(JSON.stringify(reply)),
  };
}
