/**
 * Unpacks deflate-raw (RFC 1951) in one go and within a bound. A `DecompressionStream` takes some 80 us for each stream,
 * whatever it holds; a power series is 200 bytes, and a backlog brings a hundred of them in one request. Of libraries, side by
 * side in workerd: this takes 6 us for a series, fflate 7 to 10, and `inflateRawSync` of node:zlib 4.5, but that takes bytes
 * left over for nothing; with `info`, which tells of them, it takes 8 to 9 and makes a stream for each to be collected: a backlog
 * of 8 ms took 0.5 to 0.8 ms longer, and came to its bound of CPU per sample on a busy machine.
 */

const MAX_BITS = 15;
/** Codes of literals and lengths, then of distances, as the fixed code has them. */
const LITERALS = 288;
const DISTANCES = 32;
const END_OF_BLOCK = 256;
const MAX_DISTANCE_SYMBOL = 29;
/** The order in which the lengths of the code of lengths come. */
const LENGTHS_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
/** Symbols 257 and on stand for these lengths, plus so many bits. */
const LENGTH_BITS = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5];
const LENGTH_BASES = [...basesOf(3, LENGTH_BITS), 258];
const DISTANCE_BITS = Array.from({ length: MAX_DISTANCE_SYMBOL + 1 }, (_, symbol) =>
  Math.max(0, (symbol >> 1) - 1),
);
const DISTANCE_BASES = basesOf(1, DISTANCE_BITS);

function basesOf(first: number, bits: readonly number[]): number[] {
  let base = first;
  return bits.map((count) => {
    const own = base;
    base += 2 ** count;
    return own;
  });
}

/** Codes so short are found in a table by the next bits; longer ones are rare. */
const QUICK_BITS = 9;
const QUICK_SIZE = 2 ** QUICK_BITS;
/** A code comes with its highest bit first, all else with its lowest. */
const REVERSED = new Uint16Array(QUICK_SIZE);
for (let code = 1; code < QUICK_SIZE; code++)
  REVERSED[code] = (REVERSED[code >> 1]! >> 1) | ((code & 1) << (QUICK_BITS - 1));

/** A canonical Huffman code: how many symbols have each length, and the symbols in order of their codes. */
class Code {
  readonly counts = new Uint16Array(MAX_BITS + 1);
  readonly symbols = new Uint16Array(LITERALS);
  /** By the next bits: symbol * 16 + length of its code; 0 where it is longer. */
  readonly quick = new Uint16Array(QUICK_SIZE);
  readonly #offsets = new Uint16Array(MAX_BITS + 2);
  readonly #nextCodes = new Uint16Array(MAX_BITS + 2);

  /** @throws RangeError where the lengths are those of no code */
  set(lengths: Uint8Array, from: number, end: number): this {
    this.counts.fill(0);
    for (let at = from; at < end; at++) this.counts[lengths[at]!]!++;
    this.counts[0] = 0;
    let free = 1;
    for (let bits = 1; bits <= MAX_BITS; bits++) {
      const count = this.counts[bits]!;
      free = free * 2 - count;
      if (free < 0) throw new RangeError('a code in it has more symbols than fit');
      this.#offsets[bits + 1] = this.#offsets[bits]! + count;
      this.#nextCodes[bits + 1] = (this.#nextCodes[bits]! + count) << 1;
    }
    this.quick.fill(0);
    for (let at = from; at < end; at++) if (lengths[at] !== 0) this.#place(at - from, lengths[at]!);
    // What was counted up begins anew.
    this.#offsets[1] = 0;
    this.#nextCodes[1] = 0;
    return this;
  }

  #place(symbol: number, bits: number): void {
    this.symbols[this.#offsets[bits]!++] = symbol;
    if (bits > QUICK_BITS) return;
    const code = REVERSED[this.#nextCodes[bits]!++]! >> (QUICK_BITS - bits);
    for (let next = code; next < QUICK_SIZE; next += 1 << bits) this.quick[next] = (symbol << 4) | bits;
  }
}

class Inflater {
  readonly #literals = new Code();
  readonly #distances = new Code();
  readonly #lengths = new Uint8Array(LITERALS + DISTANCES);
  #bytes: Uint8Array = new Uint8Array();
  #at = 0;
  /** Bits that were read and not used, lowest first. */
  #bits = 0;
  #bitCount = 0;
  #plain = new Uint8Array();
  #length = 0;
  #maxBytes = 0;

  inflate(deflated: Uint8Array, maxBytes: number): Uint8Array {
    this.#bytes = deflated;
    this.#at = 0;
    this.#bits = 0;
    this.#bitCount = 0;
    if (this.#plain.length < maxBytes) this.#plain = new Uint8Array(maxBytes);
    this.#length = 0;
    this.#maxBytes = maxBytes;
    for (let isLast = false; !isLast; ) {
      isLast = this.#take(1) === 1;
      const kind = this.#take(2);
      if (kind === 0) this.#stored();
      else if (kind === 1) this.#fixed();
      else if (kind === 2) this.#dynamic();
      else throw new RangeError('a block in it is of no known kind');
    }
    if (this.#at - (this.#bitCount >> 3) < deflated.length) throw new RangeError('it has bytes left over');
    return this.#plain.slice(0, this.#length);
  }

  #take(count: number): number {
    while (this.#bitCount < count) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) throw new RangeError('it ends too early');
      this.#bits |= byte << this.#bitCount;
      this.#bitCount += 8;
    }
    const taken = this.#bits & ((1 << count) - 1);
    this.#bits >>>= count;
    this.#bitCount -= count;
    return taken;
  }

  #symbol(code: Code): number {
    while (this.#bitCount < QUICK_BITS && this.#at < this.#bytes.length) {
      this.#bits |= this.#bytes[this.#at++]! << this.#bitCount;
      this.#bitCount += 8;
    }
    const entry = code.quick[this.#bits & (QUICK_SIZE - 1)]!;
    if (entry === 0) return this.#longSymbol(code);
    const bits = entry & 15;
    if (bits > this.#bitCount) throw new RangeError('it ends too early');
    this.#bits >>>= bits;
    this.#bitCount -= bits;
    return entry >> 4;
  }

  /** Bit by bit, as the lengths say. */
  #longSymbol({ counts, symbols }: Code): number {
    let code = 0;
    let first = 0;
    let index = 0;
    for (let bits = 1; bits <= MAX_BITS; bits++) {
      code |= this.#take(1);
      const count = counts[bits]!;
      if (code - first < count) return symbols[index + code - first]!;
      index += count;
      first = (first + count) << 1;
      code <<= 1;
    }
    throw new RangeError('a code in it stands for nothing');
  }

  #put(byte: number): void {
    if (this.#length === this.#maxBytes) throw new RangeError(`it unpacks to over ${this.#maxBytes} bytes`);
    this.#plain[this.#length++] = byte;
  }

  #stored(): void {
    // Up to the next byte.
    this.#take(this.#bitCount & 7);
    const length = this.#take(16);
    if (this.#take(16) !== (length ^ 0xffff)) throw new RangeError('the length of a block in it is damaged');
    for (let left = length; left > 0; left--) this.#put(this.#take(8));
  }

  #fixed(): void {
    this.#lengths
      .fill(8, 0, 144)
      .fill(9, 144, 256)
      .fill(7, 256, 280)
      .fill(8, 280, LITERALS)
      .fill(5, LITERALS);
    this.#block(LITERALS, LITERALS + DISTANCES);
  }

  #dynamic(): void {
    const literals = this.#take(5) + 257;
    const end = literals + this.#take(5) + 1;
    const given = this.#take(4) + 4;
    this.#lengths.fill(0);
    for (let index = 0; index < given; index++) this.#lengths[LENGTHS_ORDER[index]!] = this.#take(3);
    const code = this.#literals.set(this.#lengths, 0, LENGTHS_ORDER.length);
    for (let at = 0; at < end; ) {
      const symbol = this.#symbol(code);
      if (symbol < 16) {
        this.#lengths[at++] = symbol;
        continue;
      }
      if (symbol === 16 && at === 0) throw new RangeError('it repeats a length before the first');
      const repeated = symbol === 16 ? this.#lengths[at - 1]! : 0;
      const times =
        symbol === 16 ? 3 + this.#take(2) : symbol === 17 ? 3 + this.#take(3) : 11 + this.#take(7);
      if (at + times > end) throw new RangeError('it repeats a length beyond the last');
      this.#lengths.fill(repeated, at, at + times);
      at += times;
    }
    this.#block(literals, end);
  }

  /** @param literals how many of the lengths are those of literals; up to `end` those of distances follow */
  #block(literals: number, end: number): void {
    const symbols = this.#literals.set(this.#lengths, 0, literals);
    const distances = this.#distances.set(this.#lengths, literals, end);
    for (;;) {
      const symbol = this.#symbol(symbols);
      if (symbol === END_OF_BLOCK) return;
      if (symbol < END_OF_BLOCK) this.#put(symbol);
      else this.#copy(symbol - END_OF_BLOCK - 1, distances);
    }
  }

  #copy(lengthSymbol: number, distances: Code): void {
    const base = LENGTH_BASES[lengthSymbol];
    if (base === undefined) throw new RangeError('a length in it stands for nothing');
    const length = base + this.#take(LENGTH_BITS[lengthSymbol] ?? 0);
    const symbol = this.#symbol(distances);
    if (symbol > MAX_DISTANCE_SYMBOL) throw new RangeError('a distance in it stands for nothing');
    const distance = DISTANCE_BASES[symbol]! + this.#take(DISTANCE_BITS[symbol]!);
    if (distance > this.#length) throw new RangeError('it repeats what is before its beginning');
    for (let left = length; left > 0; left--) this.#put(this.#plain[this.#length - distance]!);
  }
}

/** One for all: it is done before anybody else has a turn. */
const inflater = new Inflater();

/** @throws RangeError where it is damaged, or unpacks to more than `maxBytes` */
export function inflate(deflated: Uint8Array, maxBytes: number): Uint8Array {
  return inflater.inflate(deflated, maxBytes);
}
