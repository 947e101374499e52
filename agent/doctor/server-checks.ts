/** Whether the server can be reached, takes this host's token, and agrees on the time. */
import type { Credentials } from '../enroll/credentials.ts';
import type { HttpClient, HttpReply } from '../http/http-client.ts';
import { HttpError } from '../http/http-client.ts';
import { hostIsSynchronised } from '../run/host-clock.ts';
import { judgeReply } from '../ship/reply.ts';
import type { Check } from './check.ts';

/** A clock further off than this lets reports land in the wrong window. */
const CLOCK_TOLERANCE_MS = 5_000;

export async function serverChecks(
  http: HttpClient,
  enrolled: Credentials | null,
  agentVersion: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Check[]> {
  if (enrolled === null)
    return [
      {
        area: 'server',
        name: 'enrolment',
        result: 'problem',
        detail: 'this host is not enrolled',
        fix: 'wattshed enroll --url URL, with an enrolment key on standard input',
      },
      await clockCheck(null, env),
    ];
  const { url, nodeId, token } = enrolled;
  const checks: Check[] = [
    { area: 'server', name: 'enrolment', result: 'ok', detail: `node ${nodeId} at ${url}` },
  ];
  const sentAtMs = Date.now();
  let reply: HttpReply;
  try {
    reply = await http.request({
      method: 'POST',
      url: `${url}/v1/ingest`,
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${token}`,
        // As the agent does: a token that was copied from another node is refused by it.
        'wattshed-node': nodeId,
      },
      // No reports: it says nothing but that the token is good, and is answered with the server's time.
      body: Buffer.from(JSON.stringify({ version: 1, sentAtMs, agentVersion, reports: [] })),
    });
  } catch (error) {
    if (!(error instanceof HttpError)) throw error;
    const fix = 'check the address, the proxy (HTTPS_PROXY) and the certificates (caFile)';
    return [
      ...checks,
      { area: 'server', name: 'reached', result: 'problem', detail: error.message, fix },
      await clockCheck(null, env),
    ];
  }
  checks.push(replyCheck(reply));
  return [...checks, await clockCheck(skewOf(reply, sentAtMs), env)];
}

/** By the shipper's own judgement: a captive portal says 200 as well. */
function replyCheck(reply: HttpReply): Check {
  const shared = { area: 'server', name: 'reached' } as const;
  const { status } = reply;
  const verdict = judgeReply(reply, 0, Date.now());
  if (verdict.kind === 'delivered')
    return { ...shared, result: 'ok', detail: 'it answers and takes the token' };
  if (verdict.kind === 'unauthorized')
    return {
      ...shared,
      result: 'problem',
      detail: `it refuses this host's token: ${verdict.detail}`,
      fix: "enrol again with a new key: wattshed enroll --url URL. Where another host has this one's name and machine id, each enrolment ends the other's token: give it its own first (docs/fleet.md)",
    };
  const fix =
    status === 200 ? 'check the address and the proxy (HTTPS_PROXY)' : 'see the state of the server';
  return { ...shared, result: 'problem', detail: verdict.detail, fix };
}

/** Milliseconds that this host is ahead of the server; null where the reply does not tell. */
function skewOf(reply: HttpReply, sentAtMs: number): number | null {
  try {
    const { serverTimeMs } = JSON.parse(reply.body.toString('utf8')) as { serverTimeMs?: unknown };
    return typeof serverTimeMs === 'number' ? (sentAtMs + Date.now()) / 2 - serverTimeMs : null;
  } catch {
    return null;
  }
}

async function clockCheck(
  aheadMs: number | null,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Check> {
  const shared = { area: 'clock', name: 'wall clock' } as const;
  if (aheadMs !== null && Math.abs(aheadMs) > CLOCK_TOLERANCE_MS) {
    const seconds = Math.round(Math.abs(aheadMs) / 1000);
    return {
      ...shared,
      result: 'problem',
      detail: `${seconds} s ${aheadMs > 0 ? 'ahead of' : 'behind'} the server`,
      fix: 'timedatectl set-ntp true',
    };
  }
  if (aheadMs !== null) return { ...shared, result: 'ok', detail: 'agrees with the server' };
  if (await hostIsSynchronised(env)) return { ...shared, result: 'ok', detail: 'synchronised by the system' };
  return {
    ...shared,
    result: 'note',
    detail: 'not known to be synchronised; the first reply of the server will tell',
  };
}
