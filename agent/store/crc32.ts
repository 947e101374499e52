/** CRC-32 (ISO-HDLC): Node's own where it has one (since 20.15), since the agent runs on every 20. */
import * as zlib from 'node:zlib';

type Crc32 = (bytes: Uint8Array) => number;

export const crc32: Crc32 = 'crc32' in zlib ? (zlib.crc32 as Crc32) : crc32ByTable;

let table: Uint32Array | null = null;

export function crc32ByTable(bytes: Uint8Array): number {
  table ??= Uint32Array.from({ length: 256 }, (_, byte) => {
    let remainder = byte;
    for (let bit = 0; bit < 8; bit++) remainder = (remainder >>> 1) ^ (remainder & 1 ? 0xedb88320 : 0);
    return remainder;
  });
  let remainder = 0xffffffff;
  for (const byte of bytes) remainder = (remainder >>> 8) ^ table[(remainder ^ byte) & 0xff]!;
  return (remainder ^ 0xffffffff) >>> 0;
}
