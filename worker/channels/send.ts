/** The one place that sends: checks the target again, gives the receiver its time, and says in our words what came of it. */
import { parseRetryAfter } from '../../shared/time/retry-after.ts';
import type { Message } from './channel.ts';
import { type TargetPolicy, targetProblem } from './target.ts';

const TIMEOUT_MS = 15_000;
/** Of an answer, no more is read. */
const MAX_ANSWER_BYTES = 4 * 1024;

export interface Sender extends TargetPolicy {
  readonly fetch: typeof fetch;
  /** The platform's `send_email` binding, where there is one. */
  readonly email: SendEmail | undefined;
  readonly nowMs: number;
  /** Whether to read what the receiver says, for a person who waits for it. */
  readonly readAnswer: boolean;
}

export interface SendOutcome {
  readonly kind: 'delivered' | 'refused' | 'gone' | 'failed' | 'noAnswer';
  /** HTTP status; null where there was none. */
  readonly status: number | null;
  /** In our words: never text of the receiver, and no part of the URL. */
  readonly outcome: string;
  /** What a 429 or 503 asks for. */
  readonly retryAfterMs: number | null;
  /** Begin of the answer; null where it was not asked for or none came. */
  readonly answer: string | null;
}

/** Never throws. */
export async function send(message: Message, sender: Sender): Promise<SendOutcome> {
  return message.via === 'email' ? sendEmail(message, sender) : post(message, sender);
}

const without = (kind: SendOutcome['kind'], outcome: string): SendOutcome => ({
  kind,
  status: null,
  outcome,
  retryAfterMs: null,
  answer: null,
});

async function post({ url, headers, body }: Message & { via: 'http' }, sender: Sender): Promise<SendOutcome> {
  const problem = targetProblem(url, sender);
  if (problem !== null) return without('refused', `not sent: ${problem}`);
  try {
    const response = await sender.fetch(url, {
      method: 'POST',
      headers: { 'User-Agent': 'Wattshed', ...headers },
      body,
      // A redirect leads where nobody checked.
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const { status } = response;
    return {
      kind: response.ok ? 'delivered' : status === 410 ? 'gone' : 'failed',
      status,
      outcome: inWords(status),
      retryAfterMs:
        status === 429 || status === 503
          ? parseRetryAfter(response.headers.get('Retry-After'), sender.nowMs)
          : null,
      answer: await beginOf(response, sender.readAnswer ? MAX_ANSWER_BYTES : 0),
    };
  } catch (error) {
    const timedOut = error instanceof Error && error.name === 'TimeoutError';
    return without(
      'noAnswer',
      timedOut ? `no answer within ${TIMEOUT_MS / 1000} seconds` : 'the connection failed',
    );
  }
}

function inWords(status: number): string {
  if (status >= 200 && status < 300) return `HTTP ${status}`;
  if (status >= 300 && status < 400)
    return `HTTP ${status}: redirects are not followed; set the address it leads to`;
  if (status === 410) return 'HTTP 410: gone for good';
  return `HTTP ${status}`;
}

/** The status stands whatever becomes of the body: one that never ends or breaks off changes nothing. */
async function beginOf(response: Response, maxBytes: number): Promise<string | null> {
  if (response.body === null) return null;
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let text = '';
  let left = maxBytes;
  try {
    while (left > 0) {
      const { done, value } = await reader.read();
      if (done) break;
      text += decoder.decode(value.subarray(0, left), { stream: true });
      left -= value.byteLength;
    }
    await reader.cancel();
  } catch {
    // Cut off by the receiver or by the deadline: what came is what there is.
  }
  return maxBytes === 0 ? null : text;
}

async function sendEmail(
  { via: _, to, ...message }: Message & { via: 'email' },
  { email }: Sender,
): Promise<SendOutcome> {
  if (email === undefined) {
    return without('failed', 'this server has no e-mail binding (docs/channels.md says how to add it)');
  }
  try {
    await email.send({ ...message, to: [...to] });
    return without('delivered', 'handed to the mail service');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
    return without('failed', `the mail service refused it${code}`);
  }
}
