/** A firmware table of an AMD GPU as the driver serves it, with its energy accumulator alone filled in. */

export interface GpuMetricsTable {
  readonly format?: number;
  readonly content: number;
  readonly bytes?: number;
  /** Where the accumulator stands. */
  readonly at?: number;
  /** Of 2^-16 J. */
  readonly units: bigint;
}

export function gpuMetrics({ format = 1, content, bytes = 288, at = 24, units }: GpuMetricsTable): Buffer {
  const table = Buffer.alloc(bytes);
  table.writeUInt16LE(bytes, 0);
  table.writeUInt8(format, 2);
  table.writeUInt8(content, 3);
  table.writeBigUInt64LE(units, at);
  return table;
}
