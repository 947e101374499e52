/** Calls the running Worker as its admin, through the same routes that everybody uses. */
import { CommandError } from '../command-error.ts';

export interface Api {
  /** The answer's JSON, or null where the route answers 404. Throws `CommandError` on any other refusal. */
  call<T>(method: string, path: string, body?: unknown): Promise<T | null>;
}

export function createApi(url: string, adminToken: string): Api {
  return {
    async call(method, path, body) {
      const response = await fetch(`${url}${path}`, {
        method,
        headers: {
          Authorization: `Bearer ${adminToken}`,
          ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      if (response.status === 404) return null;
      if (!response.ok) throw new CommandError(`${method} ${path} answered ${response.status}: ${text}`);
      return text === '' ? null : JSON.parse(text);
    },
  };
}
