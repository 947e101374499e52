/** A set of small whole numbers as bits, so that thousands of them unite in no time. */

/** Numbers in one chunk. */
const CHUNK = 256;
const BYTES = CHUNK / 8;
const NONE = new Uint8Array(BYTES);

export class NumberSet {
  readonly #chunks = new Map<number, Uint8Array>();

  get size(): number {
    let size = 0;
    for (const bytes of this.#chunks.values()) for (const byte of bytes) size += ones(byte);
    return size;
  }

  /** By chunk index: 32 bytes each, the lowest number in the lowest bit of the first. */
  get chunks(): ReadonlyMap<number, Uint8Array> {
    return this.#chunks;
  }

  add(number: number): void {
    const bit = number % CHUNK;
    this.#chunk((number - bit) / CHUNK)[bit >> 3]! |= 1 << (bit & 7);
  }

  addAll(other: NumberSet): void {
    for (const [index, bytes] of other.#chunks) {
      const own = this.#chunks.get(index);
      if (own === undefined) this.#chunks.set(index, bytes.slice());
      else for (let i = 0; i < BYTES; i++) own[i]! |= bytes[i]!;
    }
  }

  /** What both hold. */
  and(other: NumberSet): NumberSet {
    const common = new NumberSet();
    for (const [index, bytes] of this.#chunks) {
      const others = other.#chunks.get(index);
      if (others === undefined) continue;
      common.#chunks.set(
        index,
        bytes.map((byte, i) => byte & others[i]!),
      );
    }
    return common;
  }

  /** A copy in which these bits of one chunk are turned over. */
  toggled(differences: ReadonlyMap<number, Uint8Array>): NumberSet {
    const copy = new NumberSet();
    copy.addAll(this);
    for (const [index, bytes] of differences) {
      const own = copy.#chunks.get(index);
      if (own === undefined) copy.#chunks.set(index, bytes.slice());
      else for (let i = 0; i < BYTES; i++) own[i]! ^= bytes[i]!;
    }
    return copy;
  }

  /** By chunk index, the bits that differ; empty where the sets are equal. */
  differences(other: NumberSet): Map<number, Uint8Array> {
    const found = new Map<number, Uint8Array>();
    for (const index of new Set([...this.#chunks.keys(), ...other.#chunks.keys()])) {
      const own = this.#chunks.get(index) ?? NONE;
      const others = other.#chunks.get(index) ?? NONE;
      // Mostly none differs.
      if (own.every((byte, i) => byte === others[i])) continue;
      found.set(
        index,
        own.map((byte, i) => byte ^ others[i]!),
      );
    }
    return found;
  }

  #chunk(index: number): Uint8Array {
    const known = this.#chunks.get(index);
    if (known) return known;
    const made = new Uint8Array(BYTES);
    this.#chunks.set(index, made);
    return made;
  }
}

function ones(byte: number): number {
  let count = 0;
  for (let rest = byte; rest !== 0; rest &= rest - 1) count++;
  return count;
}
