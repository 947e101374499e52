/** Variable-length integers (LEB128) for the compact columns: small numbers take one byte, 2^53 - 1 takes eight. */

const SCRATCH = new DataView(new ArrayBuffer(8));

export class ByteWriter {
  #bytes = new Uint8Array(256);
  #length = 0;

  /** Bytes so far. */
  get length(): number {
    return this.#length;
  }

  byte(value: number): void {
    if (this.#length === this.#bytes.length) this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  /** Non-negative safe integer; division instead of shifts, which stop at 32 bits. */
  unsigned(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0)
      throw new RangeError(`cannot encode ${value}: not a safe non-negative integer`);
    let rest = value;
    while (rest >= 128) {
      this.byte((rest % 128) | 128);
      rest = Math.floor(rest / 128);
    }
    this.byte(rest);
  }

  /** Sign in the lowest bit, so that small differences of either sign stay short; up to 2^52 either way. */
  signed(value: number): void {
    this.unsigned(value < 0 ? -value * 2 - 1 : value * 2);
  }

  /** Four bytes: for numbers without pattern, of which most would take five. */
  uint32(value: number): void {
    for (const shift of [24, 16, 8, 0]) this.byte((value >>> shift) & 255);
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  float64(value: number): void {
    SCRATCH.setFloat64(0, value);
    for (let i = 0; i < 8; i++) this.byte(SCRATCH.getUint8(i));
  }

  text(value: string): void {
    this.unsigned(value.length);
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i);
      if (code > 127) throw new RangeError(`cannot encode "${value}": only ASCII here`);
      this.byte(code);
    }
  }

  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  /** Room for so many bytes more. */
  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes);
    this.#bytes = grown;
  }
}

/** A read past the end or over 2^53 throws; a wrong bit within may be another number. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.#at === this.#bytes.length;
  }

  byte(): number {
    const value = this.#bytes[this.#at++];
    if (value === undefined) throw new RangeError('the encoded bytes end too early');
    return value;
  }

  unsigned(): number {
    let byte = this.byte();
    // Nearly all are.
    if (byte < 128) return byte;
    let value = byte & 127;
    for (let scale = 128; ; scale *= 128) {
      byte = this.byte();
      value += (byte & 127) * scale;
      if (value > Number.MAX_SAFE_INTEGER) throw new RangeError('an encoded integer is over 2^53');
      if (byte < 128) return value;
    }
  }

  uint32(): number {
    let value = 0;
    for (let left = 4; left > 0; left--) value = value * 256 + this.byte();
    return value;
  }

  /** So many bytes, as they are. */
  take(length: number): Uint8Array {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new RangeError('the encoded bytes end too early');
    const bytes = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return bytes;
  }

  float64(): number {
    for (let i = 0; i < 8; i++) SCRATCH.setUint8(i, this.byte());
    return SCRATCH.getFloat64(0);
  }

  /** What is left, as it is. */
  rest(): Uint8Array {
    const bytes = this.#bytes.subarray(this.#at);
    this.#at = this.#bytes.length;
    return bytes;
  }

  signed(): number {
    const value = this.unsigned();
    return value % 2 === 1 ? -(value + 1) / 2 : value / 2;
  }

  text(): string {
    let value = '';
    for (let left = this.unsigned(); left > 0; left--) value += String.fromCharCode(this.byte());
    return value;
  }
}
