/**
 * The energy counter of an AMD GPU: a file of its hwmon folder where the driver has one, else the accumulator within
 * `gpu_metrics`, a table of the firmware whose layouts are those of the kernel's `kgd_pp_interface.h`.
 */
import { readFile } from 'node:fs/promises';
import { type DrmCard, readWhole } from './drm-cards.ts';

export type AmdEnergySource = 'energy1_input' | 'gpu_metrics';

/** Where the accumulator stands, by the table's content revision, in format 1; revision 0 has it nowhere that is aligned. */
const ACCUMULATOR_AT: Readonly<Record<number, number>> = {
  1: 24,
  2: 24,
  3: 24,
  4: 24,
  5: 88,
  6: 16,
  7: 24,
  8: 24,
};

/** One unit is 2^-16 J. */
const UNITS_PER_JOULE = 65_536n;
const NOT_FILLED_IN = 0xffff_ffff_ffff_ffffn;

/** The first that says more than 0, or null: a card that has used nothing has no counter. */
export async function findAmdEnergy(card: DrmCard): Promise<AmdEnergySource | null> {
  for (const source of ['energy1_input', 'gpu_metrics'] as const)
    if (await readAmdEnergy(card, source)) return source;
  return null;
}

/** Microjoules; null where it cannot be read. */
export async function readAmdEnergy(card: DrmCard, source: AmdEnergySource): Promise<number | null> {
  if (source === 'energy1_input') return readWhole(`${card.hwmon}/${source}`);
  const table = await readFile(`${card.device}/${source}`).catch(() => null);
  return table === null ? null : accumulatedMicrojoules(table);
}

/** Null for a layout that is not known here, and where the firmware does not fill it in. */
export function accumulatedMicrojoules(table: Buffer): number | null {
  // struct metrics_table_header: u16 structure_size, u8 format_revision, u8 content_revision
  if (table.length < 4 || table.readUInt8(2) !== 1) return null;
  const at = ACCUMULATOR_AT[table.readUInt8(3)];
  if (at === undefined || table.length < at + 8 || table.readUInt16LE(0) < at + 8) return null;
  const units = table.readBigUInt64LE(at);
  if (units === NOT_FILLED_IN) return null;
  const microjoules = Number((units * 1_000_000n) / UNITS_PER_JOULE);
  return Number.isSafeInteger(microjoules) ? microjoules : null;
}
