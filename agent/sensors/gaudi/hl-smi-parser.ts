/** The CSV that `hl-smi` prints for the columns below. */
import { createLineSplitter } from '../line-splitter.ts';
import type { GpuRow, RowParser } from '../row-sensor.ts';

/** In this order, without a header. */
export const HL_SMI_COLUMNS = [
  'index',
  'uuid',
  'name',
  'driver_version',
  'memory.total',
  'memory.used',
  'memory.free',
  'power.draw',
  'power.max',
  'temperature.aip',
  'utilization.aip',
] as const;

export function createHlSmiParser(): RowParser {
  const splitter = createLineSplitter();
  let dropped = 0;
  let lastSaid = '';

  function drop(said: string): null {
    dropped++;
    lastSaid = said.trim().slice(0, 200);
    return null;
  }

  function parseLine(line: string): GpuRow | null {
    if (line.trim() === '') return null;
    const cells = line.split(',').map((cell) => cell.trim());
    if (cells.length !== HL_SMI_COLUMNS.length || !/^\d+$/.test(cells[0] ?? '')) return drop(line);
    const cell = (column: (typeof HL_SMI_COLUMNS)[number]) => cells[HL_SMI_COLUMNS.indexOf(column)] ?? '';
    const uuid = cell('uuid');
    if (/^(n\/a)?$/i.test(uuid)) return drop(line);
    const power = numberOf(cell('power.draw'), 'W');
    // A device that answers draws power: 0 W is a fault of the sensor.
    if (power === null || power === 0) drop(cell('power.draw'));
    const percent = numberOf(cell('utilization.aip'), '%');
    return {
      uuid,
      name: cell('name'),
      driverVersion: cell('driver_version'),
      powerWatts: power === 0 ? null : power,
      utilizationRatio: percent === null || percent > 100 ? null : percent / 100,
    };
  }

  return {
    push: (chunk) =>
      splitter
        .push(chunk)
        .map(parseLine)
        .filter((row) => row !== null),
    get dropped() {
      return dropped;
    },
    get lastSaid() {
      return lastSaid;
    },
  };
}

/** A plain non-negative number with its unit, or none behind it. */
function numberOf(cell: string, unit: string): number | null {
  const bare = cell.endsWith(` ${unit}`) ? cell.slice(0, -unit.length - 1) : cell;
  return /^\d+(\.\d+)?$/.test(bare) ? Number(bare) : null;
}
