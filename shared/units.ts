/**
 * Quantities with their unit in the type. A brand is a mapped type (`{ [K in U]: K }`): with a plain string brand the
 * compiler widens `U` and lets `add(joules, watts)` through. Constructors throw `RangeError` on programmer errors
 * (NaN, infinity, negative); untrusted input is validated before it reaches them.
 */
declare const unit: unique symbol;
export type Quantity<U extends string> = number & { readonly [unit]: { readonly [K in U]: K } };

export type Millijoules = Quantity<'mJ'>;
export type Watts = Quantity<'W'>;
export type KilowattHours = Quantity<'kWh'>;
export type GramsPerKwh = Quantity<'gCO2eq/kWh'>;
/** 0..1, never percent. */
export type Ratio = Quantity<'1'>;
/** UTC milliseconds since 1970. */
export type EpochMs = Quantity<'epoch ms'>;
/** Milliseconds on a clock that is never stepped; only differences mean anything. */
export type MonotonicMs = Quantity<'monotonic ms'>;

/** 1 kWh = 3.6 MJ, exactly. */
export const MILLIJOULES_PER_KWH = 3_600_000_000;

function finite(value: number, name: string): number {
  if (!Number.isFinite(value)) throw new RangeError(`${name} must be a finite number, got ${value}`);
  return value;
}

function finiteNonNegative(value: number, name: string): number {
  if (finite(value, name) < 0) throw new RangeError(`${name} must not be negative, got ${value}`);
  return value;
}

/** Integer millijoules within 2^53; anything else would make sums inexact. */
export function millijoules(value: number): Millijoules {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(`energy must be a whole number of millijoules from 0 to 2^53 - 1, got ${value}`);
  }
  return value as Millijoules;
}

export const watts = (value: number) => finiteNonNegative(value, 'power in watts') as Watts;
export const kilowattHours = (value: number) => finiteNonNegative(value, 'energy in kWh') as KilowattHours;
export const gramsPerKwh = (value: number) =>
  finiteNonNegative(value, 'intensity in gCO2eq/kWh') as GramsPerKwh;
export const epochMs = (value: number) => finite(value, 'instant in epoch ms') as EpochMs;
export const monotonicMs = (value: number) => finite(value, 'monotonic clock in ms') as MonotonicMs;

export function ratio(value: number): Ratio {
  if (finite(value, 'ratio') < 0 || value > 1)
    throw new RangeError(`ratio must be from 0 to 1, got ${value}`);
  return value as Ratio;
}

/** Exact to one rounding: sums stay in millijoules, kWh appears only at an edge that people read. */
export function toKilowattHours(energy: number | bigint): KilowattHours {
  return kilowattHours(Number(energy) / MILLIJOULES_PER_KWH);
}
