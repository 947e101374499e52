/** The vocabulary of grid intensity: one value of a series and what it is a property of. */
import type { EpochMs, GramsPerKwh } from '../units.ts';

/** `lifecycle` includes building the plants and their fuel chain; `direct` is combustion only. Never converted. */
export const BASES = ['lifecycle', 'direct'] as const;
export type Basis = (typeof BASES)[number];

export const SIGNALS = ['average', 'marginal'] as const;
export type Signal = (typeof SIGNALS)[number];

/** `consumption` has imports in it, `production` is what the zone's own plants make. */
export const SCOPES = ['consumption', 'production'] as const;
export type Scope = (typeof SCOPES)[number];

/** Best first. `estimated`: by the provider, or carried forward or profiled by us. `annual`: yearly average. */
export const INTENSITY_KINDS = ['measured', 'estimated', 'forecast', 'annual'] as const;
export type IntensityKind = (typeof INTENSITY_KINDS)[number];

/** One interval of one series. Zone keys are those of Electricity Maps (`DE`, `DK-DK1`, `US-CAL-CISO`). */
export interface IntensityPoint {
  readonly startMs: EpochMs;
  readonly endMs: EpochMs;
  readonly gramsPerKwh: GramsPerKwh;
  readonly kind: IntensityKind;
  readonly provider: string;
  /** Absent: consumption. */
  readonly scope?: Scope;
  /** How the provider estimated it, our own rule (`carried forward 2 h`), or the source of a yearly average. */
  readonly method: string | null;
  /** When the provider says it made the value; null where it does not say. */
  readonly issuedAtMs: EpochMs | null;
  readonly fetchedAtMs: EpochMs;
}
