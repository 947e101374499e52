/** The Worker's public door as tests use it: real routes, real D1, an operator's token. */
import { SELF } from 'cloudflare:test';
import { ADMIN_TOKEN } from './admin-token.ts';

export interface CallOptions {
  /** Default: the admin token; null sends none. */
  readonly token?: string | null;
  readonly headers?: Record<string, string>;
}

/** Sends `body` as JSON where there is one. */
export function call(
  method: string,
  path: string,
  body?: unknown,
  options: CallOptions = {},
): Promise<Response> {
  const token = options.token === undefined ? ADMIN_TOKEN : options.token;
  return SELF.fetch(`http://wattshed.test${path}`, {
    method,
    headers: {
      ...(token === null ? {} : { Authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      ...options.headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

/** The JSON of an answer that must be 2xx; throws with the answer otherwise. */
export async function api<T>(
  method: string,
  path: string,
  body?: unknown,
  options?: CallOptions,
): Promise<T> {
  const response = await call(method, path, body, options);
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
  return (text === '' ? undefined : JSON.parse(text)) as T;
}

/** Status and `code` of a refusal. */
export async function refusal(response: Response): Promise<{ status: number; code: string; field?: string }> {
  const { code, field } = await response.json<{ code: string; field?: string }>();
  return { status: response.status, code, ...(field === undefined ? {} : { field }) };
}
