/**
 * What this isolate knows of tokens, so that a report costs no look-up. An entry lives 60 s at most: that bounds how long
 * a token revoked through another isolate still works. Unknown ids are not kept: a new token works at once.
 */
import type { StoredToken } from '../storage/tokens.ts';

const LIFETIME_MS = 60_000;
/** A fleet of this many nodes per isolate fits; beyond it the oldest entry goes. */
const MAX_ENTRIES = 20_000;

export class TokenCache {
  readonly #entries = new Map<string, { readonly token: StoredToken; readonly readAtMs: number }>();

  get(id: string, nowMs: number): StoredToken | null {
    const entry = this.#entries.get(id);
    if (entry === undefined) return null;
    const ageMs = nowMs - entry.readAtMs;
    if (ageMs >= 0 && ageMs < LIFETIME_MS) return entry.token;
    this.#entries.delete(id);
    return null;
  }

  set(token: StoredToken, nowMs: number): void {
    this.#entries.delete(token.id);
    this.#entries.set(token.id, { token, readAtMs: nowMs });
    if (this.#entries.size > MAX_ENTRIES) {
      const oldest = this.#entries.keys().next();
      if (!oldest.done) this.#entries.delete(oldest.value);
    }
  }

  delete(id: string): void {
    this.#entries.delete(id);
  }

  deleteOfNode(nodeId: string): void {
    for (const [id, { token }] of this.#entries) if (token.nodeId === nodeId) this.#entries.delete(id);
  }
}
