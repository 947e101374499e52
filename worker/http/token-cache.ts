/**
 * What this isolate knows of tokens, so that a report costs no look-up. An entry is fresh for 60 s at most: that bounds how
 * long a token revoked through another isolate still works. Unknown ids are not kept: a new token works at once.
 */
import type { StoredToken } from '../storage/tokens.ts';

const LIFETIME_MS = 60_000;
/** A fleet of this many nodes per isolate fits; beyond it the oldest entry goes. */
const MAX_ENTRIES = 20_000;

export class TokenCache {
  readonly #entries = new Map<string, { readonly token: StoredToken; readonly readAtMs: number }>();

  /** A token that is not fresh only tells what it was: whoever takes it asks whether it still holds. */
  get(id: string, nowMs: number): { readonly token: StoredToken; readonly isFresh: boolean } | null {
    const entry = this.#entries.get(id);
    if (entry === undefined) return null;
    const ageMs = nowMs - entry.readAtMs;
    return { token: entry.token, isFresh: ageMs >= 0 && ageMs < LIFETIME_MS };
  }

  /** It held at this instant. Nothing where it was dropped meanwhile. */
  renew(id: string, nowMs: number): void {
    const entry = this.#entries.get(id);
    if (entry !== undefined) this.#entries.set(id, { token: entry.token, readAtMs: nowMs });
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
