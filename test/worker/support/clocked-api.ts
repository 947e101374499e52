/** A Worker of its own on a clock that the test sets, in this isolate and on the same D1. */
import { createExecutionContext, env, waitOnExecutionContext } from 'cloudflare:test';
import { createWorker } from '../../../worker/create-worker.ts';
import type { Env } from '../../../worker/env.ts';
import { ADMIN_TOKEN } from './admin-token.ts';

export interface ClockedApi {
  nowMs: number;
  call(method: string, path: string, body?: unknown, token?: string | null): Promise<Response>;
}

/** `overrides` replaces bindings of the Worker. */
export function clockedApi(nowMs: number, overrides: Partial<Env> = {}): ClockedApi {
  const api: ClockedApi = {
    nowMs,
    async call(method, path, body, token = ADMIN_TOKEN) {
      const request = new Request(`http://wattshed.test${path}`, {
        method,
        headers: {
          ...(token === null ? {} : { Authorization: `Bearer ${token}` }),
          ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const context = createExecutionContext();
      const bindings = { ...(env as unknown as Env), ...overrides };
      const response = await worker.fetch!(request as never, bindings, context);
      await waitOnExecutionContext(context);
      return response;
    },
  };
  const worker = createWorker({ now: () => api.nowMs });
  return api;
}
