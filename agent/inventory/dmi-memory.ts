/**
 * Memory modules in the firmware's table (SMBIOS structure type 17). Layout of the fields used, by offset: 0x0c size
 * (u16, bit 15 = KiB instead of MiB, 0x7fff = see 0x1c, 0 = empty slot, 0xffff = unknown), 0x12 memory type, 0x17 maker, 0x18
 * serial, 0x1a part number (each the number of a string behind the structure, 0 = none), 0x1c extended size (u32, MiB).
 */
const MEMORY_DEVICE = 17;
const END_OF_TABLE = 127;
const MEMORY_TYPES: Readonly<Record<number, string>> = {
  24: 'DDR3',
  26: 'DDR4',
  30: 'LPDDR4',
  32: 'HBM',
  33: 'HBM2',
  34: 'DDR5',
  35: 'LPDDR5',
  36: 'HBM3',
};

export interface MemoryModule {
  /** Its slot, by the order of the table, empty ones included. */
  readonly slot: number;
  readonly capacityBytes: number;
  /** `DDR5`, or empty where the table names a type that is not known here. */
  readonly type: string;
  /** Empty where the table does not say, here and below. */
  readonly maker: string;
  readonly serial: string;
  readonly partNumber: string;
}

/** @param table the raw content of `/sys/firmware/dmi/tables/DMI`; a cut table gives the modules before the cut */
export function memoryModules(table: Buffer): MemoryModule[] {
  const modules: MemoryModule[] = [];
  let slot = 0;
  for (let at = 0; at + 4 <= table.length; ) {
    const type = table.readUInt8(at);
    const length = table.readUInt8(at + 1);
    if (length < 4 || at + length > table.length || type === END_OF_TABLE) break;
    const formatted = table.subarray(at, at + length);
    // Strings follow the formatted area and end with two NUL bytes.
    const end = table.indexOf('\0\0', at + length, 'latin1');
    if (end < 0) break;
    if (type === MEMORY_DEVICE && length > 0x12) {
      const strings = table.toString('latin1', at + length, end).split('\0');
      const text = (field: number) =>
        field < length ? (strings[formatted.readUInt8(field) - 1] ?? '').trim() : '';
      const capacityBytes = capacityOf(formatted);
      if (capacityBytes > 0)
        modules.push({
          slot,
          capacityBytes,
          type: MEMORY_TYPES[formatted.readUInt8(0x12)] ?? '',
          maker: text(0x17),
          serial: text(0x18),
          partNumber: text(0x1a),
        });
      slot++;
    }
    at = end + 2;
  }
  return modules;
}

function capacityOf(formatted: Buffer): number {
  const size = formatted.readUInt16LE(0x0c);
  if (size === 0xffff) return 0;
  if (size === 0x7fff) return formatted.length >= 0x20 ? formatted.readUInt32LE(0x1c) * 2 ** 20 : 0;
  return size & 0x8000 ? (size & 0x7fff) * 2 ** 10 : size * 2 ** 20;
}
