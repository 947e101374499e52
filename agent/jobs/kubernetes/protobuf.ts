/** As much of the protobuf wire format as the few messages read here need: fields of varints and of bytes. */

export interface ProtobufField {
  readonly number: number;
  /** Of a field with bytes: a text, or a message within; null for a number. */
  readonly bytes: Uint8Array | null;
}

/** Numbers of four and eight bytes: fixed-width fields are skipped. */
const FIXED_BYTES: Readonly<Record<number, number>> = { 1: 8, 5: 4 };
const VARINT = 0;
const LENGTH_DELIMITED = 2;

/** @throws RangeError where the bytes are damaged or of a format older than proto3 */
export function readFields(message: Uint8Array): ProtobufField[] {
  const fields: ProtobufField[] = [];
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = message[at++];
      if (byte === undefined) throw new RangeError('the message ends within a number');
      // Beyond 2^53 a number is inexact; no length and no key is that large.
      value += (byte & 127) * shift;
      if (byte < 128) return value;
      if (shift > 2 ** 63) throw new RangeError('a number of the message has no end');
    }
  };
  const take = (length: number) => {
    if (length > message.length - at) throw new RangeError('the message ends within a field');
    at += length;
    return message.subarray(at - length, at);
  };
  while (at < message.length) {
    const key = varint();
    const [number, type] = [Math.floor(key / 8), key % 8];
    if (type === VARINT) {
      varint();
      fields.push({ number, bytes: null });
    } else if (type === LENGTH_DELIMITED) fields.push({ number, bytes: take(varint()) });
    else if (FIXED_BYTES[type] !== undefined) take(FIXED_BYTES[type]);
    else throw new RangeError(`field ${number} has the unknown wire type ${type}`);
  }
  return fields;
}

/** All messages or texts of one field. */
export function bytesOf(fields: readonly ProtobufField[], number: number): Uint8Array[] {
  return fields.flatMap((field) => (field.number === number && field.bytes !== null ? [field.bytes] : []));
}

/** A text, empty where the field is left out. */
export function textOf(fields: readonly ProtobufField[], number: number): string {
  return new TextDecoder().decode(bytesOf(fields, number).at(-1) ?? new Uint8Array());
}

/** How many numbers a repeated field holds, packed or one by one. */
export function countNumbers(fields: readonly ProtobufField[], number: number): number {
  return fields
    .filter((field) => field.number === number)
    .reduce((sum, { bytes }) => sum + (bytes === null ? 1 : bytes.filter((byte) => byte < 128).length), 0);
}
