/**
 * Figures of a GPU that one `nvmlDeviceGetFieldValues` asks for, in a buffer that may be used again and again.
 *
 * struct nvmlFieldValue_t: u32 id, u32 scope, i64 timestamp, i64 latency, u32 value type, i32 return code, 8 bytes value.
 */
const FIELD_BYTES = 40;
const SCOPE_AT = 4;
const TYPE_AT = 24;
const CODE_AT = 28;
const VALUE_AT = 32;

/** nvmlValueType_t of a value that takes only the first half of its eight bytes. */
const TYPE_UINT32 = 1;
const TWO_TO_32 = 2 ** 32;

export interface FieldValues {
  readonly count: number;
  /** The call writes its answers into it. */
  readonly buffer: Buffer;
  /** NVML's return code of one field, by its place. */
  code(place: number): number;
  /** Not negative; NaN beyond 2^53. */
  integer(place: number): number;
}

export function createFieldValues(
  fields: readonly { readonly id: number; readonly scope: number }[],
): FieldValues {
  const buffer = Buffer.alloc(fields.length * FIELD_BYTES);
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
  fields.forEach(({ id, scope }, place) => {
    view.setUint32(place * FIELD_BYTES, id, true);
    view.setUint32(place * FIELD_BYTES + SCOPE_AT, scope, true);
  });
  return {
    count: fields.length,
    buffer,
    code: (place) => view.getInt32(place * FIELD_BYTES + CODE_AT, true),
    integer(place) {
      const at = place * FIELD_BYTES;
      const low = view.getUint32(at + VALUE_AT, true);
      // The other half may be left from an answer before.
      if (view.getUint32(at + TYPE_AT, true) === TYPE_UINT32) return low;
      // By halves: a BigInt would be garbage each time.
      const value = view.getUint32(at + VALUE_AT + 4, true) * TWO_TO_32 + low;
      return Number.isSafeInteger(value) ? value : Number.NaN;
    },
  };
}
