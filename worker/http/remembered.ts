/**
 * A value of the database that an isolate keeps for some 60 s, so that a report costs no look-up of it. Where it cannot be
 * read again, the old one goes on.
 */
const LIFETIME_MS = 60_000;

export class Remembered<T> {
  #known: { readonly value: T; readonly readAtMs: number } | null = null;

  /** @throws what `read` throws, where nothing is known yet */
  async get(nowMs: number, read: () => Promise<T>): Promise<T> {
    const known = this.#known;
    if (known === null) return this.#keep(await read(), nowMs);
    const ageMs = nowMs - known.readAtMs;
    if (ageMs >= 0 && ageMs < LIFETIME_MS) return known.value;
    // The others go on with the old one meanwhile: a request must not wait for what another one has asked.
    this.#keep(known.value, nowMs);
    try {
      return this.#keep(await read(), nowMs);
    } catch (error) {
      console.warn('kept for longer than a minute, since it cannot be read:', error);
      return known.value;
    }
  }

  /** After a change through this isolate. */
  forget(): void {
    this.#known = null;
  }

  #keep(value: T, readAtMs: number): T {
    this.#known = { value, readAtMs };
    return value;
  }
}
