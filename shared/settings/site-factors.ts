/** What an operator may say of a site beside zone, PUE and lifetime: each holds from a date, and none has a default. */

/**
 * Energy that the meters of the nodes do not see, as a share of IT energy. `host` is what a node takes beyond its metered
 * parts (fans, boards, losses of the power supplies), and holds only while no meter of the whole node sees that.
 */
export const OVERHEADS = ['host', 'network', 'storage', 'cooling'] as const;
export type Overhead = (typeof OVERHEADS)[number];

export interface OverheadFactor {
  /** Of IT energy. */
  readonly ratio: number;
  /** Where the ratio comes from. */
  readonly source: string;
}

export interface SiteFactors {
  /** Water that the site uses, litres per kWh of IT energy. */
  readonly wueLitresPerKwh: number | null;
  /** Water that making the electricity uses, litres per kWh of facility energy. */
  readonly gridWaterLitresPerKwh: number | null;
  /** Intensity of what is left of the grid's mix once contracts are taken out of it. */
  readonly residualGramsPerKwh: number | null;
  readonly overheads: Readonly<Record<Overhead, OverheadFactor | null>>;
}

/** Settings of a site that are numbers, in the order in which the API shows them. */
export const FACTOR_KEYS = ['wueLitresPerKwh', 'gridWaterLitresPerKwh', 'residualGramsPerKwh'] as const;

export const overheadKeys = (overhead: Overhead) =>
  ({ ratio: `${overhead}OverheadRatio`, source: `${overhead}OverheadSource` }) as const;

/** Every setting that the factors are made of. */
export const ALL_FACTOR_KEYS: readonly string[] = [
  ...FACTOR_KEYS,
  ...OVERHEADS.flatMap((overhead) => Object.values(overheadKeys(overhead))),
];

/** @param holds what holds of a setting; null or empty: nothing, it was never set or was taken back */
export function siteFactors(holds: (key: string) => string | null): SiteFactors {
  const number = (key: string) => {
    const value = holds(key);
    return value === null || value === '' ? null : Number(value);
  };
  const overhead = (name: Overhead): OverheadFactor | null => {
    const keys = overheadKeys(name);
    const ratio = number(keys.ratio);
    return ratio === null ? null : { ratio, source: holds(keys.source) ?? '' };
  };
  return {
    wueLitresPerKwh: number('wueLitresPerKwh'),
    gridWaterLitresPerKwh: number('gridWaterLitresPerKwh'),
    residualGramsPerKwh: number('residualGramsPerKwh'),
    overheads: {
      host: overhead('host'),
      network: overhead('network'),
      storage: overhead('storage'),
      cooling: overhead('cooling'),
    },
  };
}

export const NO_FACTORS = siteFactors(() => null);
