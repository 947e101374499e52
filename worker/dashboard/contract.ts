/** The parts of the API's answers that the page reads, named as there. */

import type { SensorState } from '../../shared/wire/ingest.ts';

export interface Figures {
  readonly energyKwh: number;
  /** x PUE. */
  readonly facilityEnergyKwh: number;
  readonly operationalGrams: number;
  readonly embodiedGrams: number;
  readonly totalGrams: number;
  /** Null where nothing was expected to report. */
  readonly coverage: number | null;
  readonly nodesExpected: number;
  readonly nodesReporting: number;
  readonly energyKinds: Readonly<Record<string, number>>;
  readonly gridKinds: Readonly<Record<string, number>>;
  /** Null where nothing is charged at the intensity of a grid. */
  readonly scope: 'consumption' | 'production' | 'mixed' | null;
  /** Null unless it is mixed. */
  readonly scopes: Readonly<
    Record<'consumption' | 'production', { readonly operationalGrams: number }>
  > | null;
}

export interface Step extends Figures {
  readonly start: string;
  readonly end: string;
}

export interface Group extends Figures {
  readonly key: string;
  readonly label: string;
  readonly series: readonly Step[];
}

export interface Emissions {
  readonly from: string;
  readonly to: string;
  readonly totals: Figures;
  readonly series: readonly Step[];
  readonly groups: readonly Group[];
  /** With `top`: the groups that are not listed, together; null where all are. */
  readonly otherGroups: (Figures & { readonly groupCount: number }) | null;
  /** Until when it counts, where that is not `to`: of a large fleet hours are summed every ten minutes. */
  readonly rolledUpTo: string | null;
  /** Energy without grams: no intensity is known for it. */
  readonly excluded: readonly { readonly gridZone: string; readonly energyKwh: number }[];
}

export interface Sensor {
  readonly sensor: string;
  readonly state: SensorState;
  readonly detail: string;
  readonly fix?: string;
}

export interface Node {
  readonly id: string;
  readonly hostname: string;
  readonly site: string | null;
  readonly gridZone: string | null;
  readonly state: 'reporting' | 'silent' | 'neverReported' | 'retired';
  readonly simulated: boolean;
  readonly lastReportAt: string | null;
  readonly sensors: readonly Sensor[];
}

export interface IntensityValue {
  readonly start: string;
  readonly end: string;
  readonly gramsPerKwh: number;
  readonly kind: string;
  readonly provider: string;
  readonly scope: 'consumption' | 'production';
  readonly method: string | null;
}

export interface ForecastAnswer {
  readonly provider: string | null;
  readonly scope: 'consumption' | 'production' | null;
  readonly steps: readonly { readonly start: string; readonly end: string; readonly gramsPerKwh: number }[];
}

export interface GreenestAnswer {
  readonly durationMinutes: number;
  readonly zones: readonly {
    readonly gridZone: string;
    readonly best: { readonly start: string; readonly gramsPerKwh: number };
    /** By waiting in this zone; null where the grams of starting at once are not known. */
    readonly saving: { readonly ratio: number; readonly worthWaiting: boolean } | null;
  }[];
}

export interface Alert {
  readonly id: string;
  readonly ruleName: string;
  readonly kind: string;
  readonly severity: string;
  readonly gridZone: string | null;
  readonly state: 'firing' | 'resolved' | 'withdrawn';
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly operationalGrams: number;
  readonly notified: boolean;
  readonly silenced: boolean;
  readonly summary: string;
}
