/** Quantities as people read them in a message. */

const KILO = 1_000;

const short = (value: number): string => {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return String(Number(value.toFixed(digits)));
};

export const power = (watts: number): string =>
  watts < KILO ? `${short(watts)} W` : `${short(watts / KILO)} kW`;

export function mass(grams: number): string {
  if (grams < KILO) return `${short(grams)} g`;
  return grams < KILO * KILO ? `${short(grams / KILO)} kg` : `${short(grams / KILO / KILO)} t`;
}

export const intensity = (gramsPerKwh: number): string => `${short(gramsPerKwh)} gCO2eq/kWh`;

export const times = (ratio: number): string => `${short(ratio)} times`;

export const percent = (ratio: number): string => `${short(ratio * 100)} %`;

/** `2026-01-31 12:05 UTC` */
export const when = (ms: number): string =>
  `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`;

export const count = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`;

/** The first few by name, and how many more. */
export function list(items: readonly string[], most = 5): string {
  const shown = items.slice(0, most).join(', ');
  return items.length > most ? `${shown} and ${items.length - most} more` : shown;
}
