/** A firmware table with memory devices among other structures, in the layout of SMBIOS 3. */
export interface Slot {
  /** 0 is an empty slot. */
  readonly mebibytes: number;
  /** SMBIOS memory type: 26 DDR4, 34 DDR5. */
  readonly type: number;
  /** Written as it is instead of the size in MiB: KiB (bit 15), or 0xffff for unknown. */
  readonly sizeField?: number;
  /** What the maker wrote; default: nothing of use. */
  readonly serial?: string;
  readonly partNumber?: string;
}

export function smbiosTable(slots: readonly Slot[]): Buffer {
  const bios = structure(0, 24, ['Vendor', 'Version 1.0']);
  return Buffer.concat([bios, ...slots.map(memoryDevice), structure(127, 4, [])]);
}

function memoryDevice({ mebibytes, type, sizeField, serial = '00000000', partNumber = '' }: Slot): Buffer {
  const texts = ['DIMM_A1', 'Bank 0', 'Maker', serial, ...(partNumber === '' ? [] : [partNumber])];
  const device = structure(17, 0x28, texts);
  device.writeUInt8(3, 0x17);
  device.writeUInt8(4, 0x18);
  device.writeUInt8(partNumber === '' ? 0 : 5, 0x1a);
  const extended = mebibytes >= 0x7fff;
  device.writeUInt16LE(sizeField ?? (extended ? 0x7fff : mebibytes), 0x0c);
  device.writeUInt8(type, 0x12);
  device.writeUInt32LE(extended ? mebibytes : 0, 0x1c);
  return device;
}

/** Header, zeroed fields, then the strings and the closing NUL; without strings two NULs. */
function structure(type: number, length: number, strings: readonly string[]): Buffer {
  const formatted = Buffer.alloc(length);
  formatted.writeUInt8(type, 0);
  formatted.writeUInt8(length, 1);
  const texts = strings.length === 0 ? '\0\0' : `${strings.join('\0')}\0\0`;
  return Buffer.concat([formatted, Buffer.from(texts, 'latin1')]);
}
