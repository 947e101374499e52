/**
 * The CSV that `nvidia-smi --query-gpu` prints, in a loop or once. Columns are found by the header, only complete lines
 * count, and what is not a plain number is no value: drivers know a dozen words for that, none of them is zero.
 */

import { createLineSplitter } from '../line-splitter.ts';
import type { GpuRow } from '../row-sensor.ts';

/** What was dropped so far, and the words that stood for it. */
interface SmiCounts {
  /** Lines whose number of fields is not the header's: torn, or a message. */
  readonly badLines: number;
  /** Rows without a UUID: a lost GPU fills every cell with the same word. */
  readonly rowsWithoutUuid: number;
  /** Powers that were no positive number. */
  readonly powersWithoutValue: number;
  /** The last word given instead of a value, and the last line that was no row. */
  readonly lastWord: string;
  readonly lastMessage: string;
}

export interface SmiParser {
  /** @param chunk any cut of the output; returns the rows that it completes */
  push(chunk: string): GpuRow[];
  readonly counts: SmiCounts;
}

const MAX_RATIO_PERCENT = 100;

/** Best first: a mean over one second leaves nothing out between samples a second apart. */
const POWER_COLUMNS = ['power.draw.average', 'power.draw', 'power.draw.instant'] as const;

export function createSmiParser(): SmiParser {
  const counts = {
    badLines: 0,
    rowsWithoutUuid: 0,
    powersWithoutValue: 0,
    lastWord: '',
    lastMessage: '',
  };
  let header: string | null = null;
  let columns: readonly string[] = [];
  const splitter = createLineSplitter();

  /** Null, and remembered, where the cell is no plain non-negative number with at most the unit behind it. */
  function numberOf(cell: string, unit: string): number | null {
    const bare = cell.endsWith(` ${unit}`) ? cell.slice(0, -unit.length - 1) : cell;
    if (/^\d+(\.\d+)?$/.test(bare)) return Number(bare);
    counts.lastWord = cell;
    return null;
  }

  function parseLine(line: string): GpuRow | null {
    if (line.trim() === '' || line === header) return null;
    const cells = line.split(/,\s/).map((cell) => cell.trim());
    if (header === null && cells.includes('uuid')) {
      header = line;
      columns = cells.map((cell) => cell.replace(/ \[.*\]$/, ''));
      return null;
    }
    if (header === null || cells.length !== columns.length) {
      counts.badLines++;
      counts.lastMessage = line.trim().slice(0, 200);
      return null;
    }
    const cell = (column: string) => cells[columns.indexOf(column)] ?? '';
    const uuid = cell('uuid');
    if (!uuid.startsWith('GPU-')) {
      counts.rowsWithoutUuid++;
      counts.lastWord = uuid;
      return null;
    }
    const power = firstNumber(POWER_COLUMNS, (column) =>
      columns.includes(column) ? numberOf(cell(column), 'W') : null,
    );
    // A GPU that answers draws power: 0 W is a fault of the sensor.
    if (power === null || power === 0) counts.powersWithoutValue++;
    const percent = numberOf(cell('utilization.gpu'), '%');
    return {
      uuid,
      name: cell('name'),
      driverVersion: cell('driver_version'),
      powerWatts: power === 0 ? null : power,
      utilizationRatio: percent === null || percent > MAX_RATIO_PERCENT ? null : percent / MAX_RATIO_PERCENT,
    };
  }

  return {
    counts,
    push: (chunk) =>
      splitter
        .push(chunk)
        .map(parseLine)
        .filter((row) => row !== null),
  };
}

function firstNumber(columns: readonly string[], value: (column: string) => number | null): number | null {
  for (const column of columns) {
    const found = value(column);
    if (found !== null) return found;
  }
  return null;
}
