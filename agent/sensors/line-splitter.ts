/** Complete lines out of output that arrives in any cut. */

/** A line of all fields that any driver knows has about 4,000 characters. */
const MAX_LINE = 65_536;

export interface LineSplitter {
  /** The lines that this piece completes, without NUL bytes; what never ends is cut off as a line of its own. */
  push(chunk: string): string[];
}

export function createLineSplitter(): LineSplitter {
  let carried = '';
  return {
    push(chunk) {
      const lines = (carried + chunk.replaceAll('\0', '')).split(/\r?\n/);
      carried = lines.pop() ?? '';
      if (carried.length > MAX_LINE) {
        lines.push(carried);
        carried = '';
      }
      return lines;
    },
  };
}
