/** Quantities as people read them: four significant digits, in the unit that fits. */

const digits = (value: number): string => String(Number(value.toPrecision(4)));

export function mass(grams: number): string {
  if (grams >= 1e6) return `${digits(grams / 1e6)} t CO2eq`;
  if (grams >= 1e3) return `${digits(grams / 1e3)} kg CO2eq`;
  return grams === 0 || grams >= 1e-3
    ? `${digits(grams)} g CO2eq`
    : `${digits(grams * 1e6)} micrograms CO2eq`;
}

export function energy(kilowattHours: number): string {
  return kilowattHours >= 1e4 ? `${digits(kilowattHours / 1e3)} MWh` : `${digits(kilowattHours)} kWh`;
}

export const intensity = (gramsPerKwh: number): string => `${digits(gramsPerKwh)} gCO2eq/kWh`;

export const hours = (value: number): string => `${digits(value)} h`;

export const plain = digits;

export const percent = (ratio: number): string => `${Number((ratio * 100).toFixed(1))} %`;

/** The parts that are not zero, largest first: `counter 97 %, modelled 3 %`. */
export function shares(ratios: Readonly<Record<string, number>>): string {
  const parts = Object.entries(ratios)
    .filter(([, ratio]) => ratio > 0)
    .sort(([, a], [, b]) => b - a)
    .map(([name, ratio]) => `${name} ${percent(ratio)}`);
  return parts.length === 0 ? 'none' : parts.join(', ');
}

/** `2026-01-31 12:00 UTC` */
export const instant = (ms: number): string =>
  `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
