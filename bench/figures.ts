/** What a benchmark prints and saves: counts first, times only as ratios of one run. */

export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly note: string;
}

export function printFigures(figures: readonly Figure[]): void {
  const width = Math.max(...figures.map(({ name }) => name.length));
  for (const { name, value, unit, note } of figures) {
    console.log(`${name.padEnd(width)}  ${rounded(value).padStart(12)} ${unit.padEnd(8)} ${note}`);
  }
}

const rounded = (value: number) => (Number.isInteger(value) ? String(value) : value.toPrecision(4));
