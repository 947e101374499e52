/**
 * Rice codes whose parameter follows the numbers: a column of numbers near 2^k takes about k + 2 bits for each. Writer and
 * reader adapt alike, from what both have seen (R. F. Rice, Some Practical Universal Noiseless Coding Techniques, 1979).
 */

/** A number so many times larger than expected is written plainly. */
const ESCAPE = 24;
const PLAIN_BITS = 53;
/** Powers of two: reading one is cheaper than making it. */
const SCALE = Array.from({ length: PLAIN_BITS + 1 }, (_, bits) => 2 ** bits);
/** What `Math.clz32` looks at. */
const WORD = 2 ** 31;
/** How fast the expectation follows. */
const ADAPTATION = 1 / 4;

/** The mean of each column so far. Only sums and products: every engine gets the same. */
class Expectations {
  readonly #means: number[] = [];

  /** Bits that are written as they are: how often the mean can be halved while it is 1.5 and more. */
  bitsOf(column: number): number {
    let mean = this.#means[column] ?? 0;
    let bits = 0;
    for (; mean >= WORD; mean *= 0.5) bits++;
    if (mean < 1) return bits;
    const power = 31 - Math.clz32(mean);
    return bits + power + (mean >= 1.5 * SCALE[power]! ? 1 : 0);
  }

  learn(column: number, value: number): void {
    const mean = this.#means[column];
    this.#means[column] = mean === undefined ? value : mean + (value - mean) * ADAPTATION;
  }
}

export class RiceWriter {
  #bytes = new Uint8Array(256);
  #length = 0;
  #last = 0;
  #free = 8;
  readonly #expectations = new Expectations();

  /** @throws RangeError for anything but a safe non-negative integer */
  unsigned(column: number, value: number): void {
    if (!Number.isSafeInteger(value) || value < 0)
      throw new RangeError(`cannot encode ${value}: not a safe non-negative integer`);
    const bits = this.#expectations.bitsOf(column);
    const scale = SCALE[bits]!;
    const times = Math.floor(value / scale);
    if (times < ESCAPE) {
      // That many ones and a zero.
      this.#number(SCALE[times + 1]! - 2, times + 1);
      this.#number(value % scale, bits);
    } else {
      this.#number(SCALE[ESCAPE]! - 1, ESCAPE);
      this.#number(value, PLAIN_BITS);
    }
    this.#expectations.learn(column, value);
  }

  /** Sign in the lowest bit, so that small differences of either sign stay short; up to 2^52 either way. */
  signed(column: number, value: number): void {
    this.unsigned(column, value < 0 ? -value * 2 - 1 : value * 2);
  }

  finish(): Uint8Array {
    if (this.#free < 8) this.#byte(this.#last);
    this.#last = 0;
    this.#free = 8;
    return this.#bytes.slice(0, this.#length);
  }

  #byte(value: number): void {
    if (this.#length === this.#bytes.length) {
      const grown = new Uint8Array(this.#bytes.length * 2);
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    this.#bytes[this.#length++] = value;
  }

  /** Highest bit first, byte by byte; division instead of shifts, which stop at 32 bits. */
  #number(value: number, bits: number): void {
    let rest = value;
    for (let left = bits; left > 0; ) {
      const taken = Math.min(left, this.#free);
      left -= taken;
      const scale = SCALE[left]!;
      const part = Math.floor(rest / scale);
      rest -= part * scale;
      this.#free -= taken;
      this.#last |= part << this.#free;
      if (this.#free > 0) continue;
      this.#byte(this.#last);
      this.#last = 0;
      this.#free = 8;
    }
  }
}

/** A read past the end or over 2^53 throws; a wrong bit within may be another number. */
export class RiceReader {
  readonly #bytes: Uint8Array;
  #at = 0;
  readonly #expectations = new Expectations();

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Whether all was read but the bits that fill the last byte, which are zero. */
  get done(): boolean {
    const left = this.#bytes.length * 8 - this.#at;
    return left < 8 && (left === 0 || (this.#bytes.at(-1)! & ((1 << left) - 1)) === 0);
  }

  unsigned(column: number): number {
    const times = this.#ones();
    const bits = this.#expectations.bitsOf(column);
    const value = times < ESCAPE ? times * SCALE[bits]! + this.#number(bits) : this.#number(PLAIN_BITS);
    if (value > Number.MAX_SAFE_INTEGER) throw new RangeError('an encoded integer is over 2^53');
    this.#expectations.learn(column, value);
    return value;
  }

  signed(column: number): number {
    const value = this.unsigned(column);
    return value % 2 === 1 ? -(value + 1) / 2 : value / 2;
  }

  /** How many ones follow each other, with the zero that ends them; at most `ESCAPE`, which nothing ends. */
  #ones(): number {
    let count = 0;
    for (;;) {
      const byte = this.#bytes[this.#at >>> 3];
      if (byte === undefined) throw new RangeError('the encoded bits end too early');
      const left = 8 - (this.#at & 7);
      // What is left of the byte stands highest, over zeros.
      const ones = Math.min(Math.clz32(~(byte << (32 - left))), ESCAPE - count);
      count += ones;
      this.#at += ones;
      if (count === ESCAPE) return count;
      if (ones === left) continue;
      this.#at++;
      return count;
    }
  }

  #number(bits: number): number {
    let value = 0;
    for (let left = bits; left > 0; ) {
      const byte = this.#bytes[this.#at >>> 3];
      if (byte === undefined) throw new RangeError('the encoded bits end too early');
      const free = 8 - (this.#at & 7);
      const taken = Math.min(left, free);
      value = value * SCALE[taken]! + ((byte >>> (free - taken)) & (SCALE[taken]! - 1));
      left -= taken;
      this.#at += taken;
    }
    return value;
  }
}
