/** Every number that a person sees, with its unit. Three significant digits: no figure here is known better; counts are whole. */

/** What stands where no figure is known; never a zero. */
export const UNKNOWN = '–';

interface Unit {
  readonly symbol: string;
  readonly size: number;
}

const POWER: readonly Unit[] = [
  { symbol: 'W', size: 1 },
  { symbol: 'kW', size: 1e3 },
  { symbol: 'MW', size: 1e6 },
];
const ENERGY_KWH: readonly Unit[] = [
  { symbol: 'Wh', size: 1e-3 },
  { symbol: 'kWh', size: 1 },
  { symbol: 'MWh', size: 1e3 },
];
const MASS: readonly Unit[] = [
  { symbol: 'mg', size: 1e-3 },
  { symbol: 'g', size: 1 },
  { symbol: 'kg', size: 1e3 },
  { symbol: 't', size: 1e6 },
];

const number = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 });
const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

/** `412 W`, `12.3 kW` */
export const formatPower = (watts: number) => withUnit(watts, POWER);
/** `640 Wh`, `12.3 kWh` */
export const formatEnergy = (kilowattHours: number) => withUnit(kilowattHours, ENERGY_KWH);
/** Grams of CO2 equivalent: `44.5 mg`, `4.32 kg`, `1.2 t` */
export const formatMass = (grams: number) => withUnit(grams, MASS);
/** `473 g/kWh` */
export const formatIntensity = (gramsPerKwh: number) => `${number.format(gramsPerKwh)} g/kWh`;
/** The number alone, for an axis or a table whose head names the unit. */
export const formatNumber = (value: number) => number.format(value);
/** A count is known to the last one: `12,345`, never `12,300`. */
export const formatCount = (count: number) => whole.format(count);

/** The largest unit that the rounded value fills at least once: 999.6 g is `1 kg`, not `1,000 g`. */
function withUnit(value: number, units: readonly Unit[]): string {
  const unit = unitFor(value, units);
  return `${number.format(value / unit.size)} ${unit.symbol}`;
}

function unitFor(value: number, units: readonly Unit[]): Unit {
  const base = units.find((unit) => unit.size === 1) as Unit;
  if (value === 0) return base;
  return (
    units.findLast((unit) => Number(Math.abs(value / unit.size).toPrecision(3)) >= 1) ?? (units[0] as Unit)
  );
}

/** The unit of mass that suits the largest value of an axis. */
export const massUnit = (largestGrams: number) => unitFor(largestGrams, MASS);

/** A share 0..1 as `99.8%`; all but all is never shown as `100%`, next to nothing never as `0%`. */
export function formatShare(ratio: number | null): string {
  if (ratio === null) return UNKNOWN;
  if (ratio > 0 && ratio < 0.001) return '<0.1%';
  if (ratio < 1 && ratio > 0.999) return '>99.9%';
  return `${new Intl.NumberFormat('en', { maximumFractionDigits: 1 }).format(ratio * 100)}%`;
}

/** `12:05`, in the reader's time zone. */
export const formatClock = (instantMs: number) =>
  new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' }).format(instantMs);

/** `just now`, `40 s ago`, `5 min ago`, `3 h ago`, `12 days ago` */
export function formatAgo(spanMs: number): string {
  const seconds = Math.round(spanMs / 1_000);
  if (seconds < 5) return 'just now';
  if (seconds < 90) return `${seconds} s ago`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return `${minutes} min ago`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} h ago` : `${Math.round(hours / 24)} days ago`;
}
