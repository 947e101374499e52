/** A set of small whole numbers as bits, so that thousands of them unite in no time; of a few as they are. */

/** Numbers in one chunk. */
const CHUNK = 256;
const BYTES = CHUNK / 8;
const NONE = new Uint8Array(BYTES);
/** Up to here they are listed: numbers far apart have a chunk each, which takes ten times as much. */
const FEW = 16;

type Chunks = Map<number, Uint8Array>;

export class NumberSet {
  #few: number[] = [];
  /** Null while `#few` holds all. */
  #many: Chunks | null = null;

  get size(): number {
    if (this.#many === null) return this.#few.length;
    let size = 0;
    for (const bytes of this.#many.values()) for (const byte of bytes) size += ones(byte);
    return size;
  }

  /** By chunk index: 32 bytes each, the lowest number in the lowest bit of the first. */
  get chunks(): ReadonlyMap<number, Uint8Array> {
    return this.#many ?? chunksOf(this.#few);
  }

  add(number: number): void {
    if (this.#many === null) {
      if (this.#few.includes(number)) return;
      if (this.#few.length < FEW) {
        this.#few.push(number);
        return;
      }
    }
    addTo(this.#grown(), number);
  }

  addAll(other: NumberSet): void {
    if (other.#many === null) {
      for (const number of other.#few) this.add(number);
      return;
    }
    const chunks = this.#grown();
    for (const [index, bytes] of other.#many) {
      const own = chunks.get(index);
      if (own === undefined) chunks.set(index, bytes.slice());
      else for (let i = 0; i < BYTES; i++) own[i]! |= bytes[i]!;
    }
  }

  /** What both hold. */
  and(other: NumberSet): NumberSet {
    const common: Chunks = new Map();
    const others = other.chunks;
    for (const [index, bytes] of this.chunks) {
      const theirs = others.get(index);
      if (theirs === undefined) continue;
      common.set(
        index,
        bytes.map((byte, i) => byte & theirs[i]!),
      );
    }
    return NumberSet.#of(common);
  }

  /** A copy in which these bits of one chunk are turned over. */
  toggled(differences: ReadonlyMap<number, Uint8Array>): NumberSet {
    const copy: Chunks = new Map([...this.chunks].map(([index, bytes]) => [index, bytes.slice()]));
    for (const [index, bytes] of differences) {
      const own = copy.get(index);
      if (own === undefined) copy.set(index, bytes.slice());
      else for (let i = 0; i < BYTES; i++) own[i]! ^= bytes[i]!;
    }
    return NumberSet.#of(copy);
  }

  /** By chunk index, the bits that differ; empty where the sets are equal. */
  differences(other: NumberSet): Map<number, Uint8Array> {
    const found: Chunks = new Map();
    const [ownChunks, otherChunks] = [this.chunks, other.chunks];
    for (const index of new Set([...ownChunks.keys(), ...otherChunks.keys()])) {
      const own = ownChunks.get(index) ?? NONE;
      const others = otherChunks.get(index) ?? NONE;
      // Mostly none differs.
      if (own.every((byte, i) => byte === others[i])) continue;
      found.set(
        index,
        own.map((byte, i) => byte ^ others[i]!),
      );
    }
    return found;
  }

  #grown(): Chunks {
    this.#many ??= chunksOf(this.#few);
    this.#few = [];
    return this.#many;
  }

  static #of(chunks: Chunks): NumberSet {
    const set = new NumberSet();
    set.#many = chunks;
    // More chunks hold more numbers, mostly.
    if (chunks.size > FEW || set.size > FEW) return set;
    set.#many = null;
    for (const [index, bytes] of chunks)
      for (const [i, byte] of bytes.entries())
        for (let bit = 0; bit < 8; bit++) if ((byte >>> bit) & 1) set.#few.push(index * CHUNK + i * 8 + bit);
    return set;
  }
}

function chunksOf(numbers: readonly number[]): Chunks {
  const chunks: Chunks = new Map();
  for (const number of numbers) addTo(chunks, number);
  return chunks;
}

function addTo(chunks: Chunks, number: number): void {
  const bit = number % CHUNK;
  const index = (number - bit) / CHUNK;
  const bytes = chunks.get(index) ?? new Uint8Array(BYTES);
  chunks.set(index, bytes);
  bytes[bit >> 3]! |= 1 << (bit & 7);
}

function ones(byte: number): number {
  let count = 0;
  for (let rest = byte; rest !== 0; rest &= rest - 1) count++;
  return count;
}
