/** Questions to the server as a reader or an operator asks them: JSON in, JSON out, and what is wrong in one line. */
import type { HttpClient, HttpReply } from '../http/http-client.ts';

/** Whose fault it is: the token's, the question's, or the server's (which may answer the same question later). */
export type ApiFault = 'token' | 'question' | 'server';

/** An answer that is none. The message is one line for people: what is wrong and what mends it. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly fault: ApiFault;
  /** As in `application/problem+json`; null where the answer is no such thing. */
  readonly code: string | null;
  /** What the server says is wrong with the body: `/rules/2/filter`. */
  readonly field: string | null;

  constructor(fault: ApiFault, message: string, code: string | null = null, field: string | null = null) {
    super(message);
    this.fault = fault;
    this.code = code;
    this.field = field;
  }
}

export interface Api {
  /**
   * The JSON object of a 200. Parameters that are undefined are left out.
   *
   * @throws ApiError, and HttpError when no complete reply came
   */
  get(path: string, query?: Readonly<Record<string, string | undefined>>): Promise<Record<string, unknown>>;
  /** For questions that are too long for an address. */
  post(path: string, body: unknown): Promise<Record<string, unknown>>;
  put(
    path: string,
    body: unknown,
    query?: Readonly<Record<string, string | undefined>>,
  ): Promise<Record<string, unknown>>;
}

/** @param url of the server, without a trailing slash */
export function createApi(http: HttpClient, url: string, token: string): Api {
  const ask = async (method: 'GET' | 'POST' | 'PUT', path: string, query: object, body?: unknown) => {
    const parameters = Object.entries(query).filter(([, value]) => value !== undefined);
    const search = parameters.length === 0 ? '' : `?${new URLSearchParams(parameters)}`;
    const reply = await http.request({
      method,
      url: `${url}${path}${search}`,
      headers: {
        Authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: Buffer.from(JSON.stringify(body)) }),
    });
    const answer = jsonObject(reply);
    if (reply.status === 200 && answer !== null) return answer;
    throw errorOf(reply, answer, url);
  };
  return {
    get: (path, query = {}) => ask('GET', path, query),
    post: (path, body) => ask('POST', path, {}, body),
    put: (path, body, query = {}) => ask('PUT', path, query, body),
  };
}

function errorOf(reply: HttpReply, answer: Record<string, unknown> | null, url: string): ApiError {
  const { status } = reply;
  if (status >= 300 && status < 400) {
    return new ApiError(
      'question',
      `${url} answers with a redirect to ${reply.headers.location ?? 'nowhere'}: give the URL where the server itself is`,
    );
  }
  const { code, detail, field } = answer ?? {};
  if (typeof code !== 'string' || typeof detail !== 'string') {
    return status >= 500
      ? new ApiError('server', `${url} answers ${status}`)
      : new ApiError(
          'server',
          `what answers at ${url} is not a Wattshed server of this version: check the URL, and whether a proxy stands in between`,
        );
  }
  const fault =
    status === 401 || status === 403 ? 'token' : status >= 500 || status === 429 ? 'server' : 'question';
  return new ApiError(fault, detail.replace(/\.$/, ''), code, typeof field === 'string' ? field : null);
}

function jsonObject({ body }: HttpReply): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
