/** What moving would have saved, summed over loads; every load stands in each sum whole. */
import { CompensatedSum } from '../emissions/compensated-sum.ts';
import { addCounts, shares } from '../emissions/figures.ts';
import type { IntensityKind } from '../grid/intensity.ts';
import { MILLIJOULES_PER_KWH } from '../units.ts';
import type { EnergyKind } from '../wire/ingest.ts';
import type { Load, LoadBook } from './load.ts';
import type { Charge, Moves } from './move.ts';

export interface MovedLoad {
  readonly book: Pick<LoadBook, 'energyMillijoules' | 'recoveredMillijoules' | 'byKind'>;
  readonly load: Load;
  readonly moves: Moves;
  /** Of `stayed` and of `best`. */
  readonly stayed: Charge;
  readonly best: Charge;
  /** What following the forecasts would have emitted; null where none can tell. */
  readonly forecastGrams: number | null;
}

/** Negative where the forecasts misled. */
export interface ForecastSaving {
  readonly jobs: number;
  /** Of these jobs alone. */
  readonly emittedGrams: number;
  readonly grams: number;
  readonly savedGrams: number;
}

export interface MovedFigures {
  readonly jobs: number;
  readonly energyKwh: number;
  readonly facilityEnergyKwh: number;
  readonly energyKinds: Readonly<Record<EnergyKind, number>>;
  /** Share that a counter consumed while nobody read it. */
  readonly recovered: number;
  readonly emittedGrams: number;
  readonly gridKinds: Readonly<Record<IntensityKind, number>>;
  readonly bestGrams: number;
  readonly bestGridKinds: Readonly<Record<IntensityKind, number>>;
  readonly savedGrams: number;
  /** Of what was emitted, 0..1; 0 where nothing was. */
  readonly savedRatio: number;
  readonly savedGramsInTime: number;
  readonly savedGramsInPlace: number;
  /** Null where no forecast can tell of any of the jobs. */
  readonly withForecast: ForecastSaving | null;
}

export class MovedSums {
  #jobs = 0;
  #energy = 0n;
  #recovered = 0n;
  #forecastJobs = 0;
  readonly #byKind: Record<EnergyKind, bigint> = { counter: 0n, integrated: 0n, modelled: 0n, simulated: 0n };
  readonly #stayedKinds = { measured: 0n, estimated: 0n, forecast: 0n, annual: 0n };
  readonly #bestKinds = { measured: 0n, estimated: 0n, forecast: 0n, annual: 0n };
  readonly #facilityKwh = new CompensatedSum();
  readonly #emitted = new CompensatedSum();
  readonly #best = new CompensatedSum();
  readonly #saved = new CompensatedSum();
  readonly #savedInTime = new CompensatedSum();
  readonly #savedInPlace = new CompensatedSum();
  readonly #forecastEmitted = new CompensatedSum();
  readonly #forecastGrams = new CompensatedSum();

  add({ book, load, moves, stayed, best, forecastGrams }: MovedLoad): void {
    this.#jobs += 1;
    this.#energy += book.energyMillijoules;
    this.#recovered += book.recoveredMillijoules;
    addCounts(this.#byKind, book.byKind);
    addCounts(this.#stayedKinds, stayed.byGridKind);
    addCounts(this.#bestKinds, best.byGridKind);
    for (const { facilityKwh } of load.parts) for (const kwh of facilityKwh) this.#facilityKwh.add(kwh);
    const emitted = moves.stayed.grams;
    this.#emitted.add(emitted);
    this.#best.add(moves.best.grams);
    this.#saved.add(emitted - moves.best.grams);
    this.#savedInTime.add(emitted - moves.inTime.grams);
    this.#savedInPlace.add(emitted - moves.inPlace.grams);
    if (forecastGrams === null) return;
    this.#forecastJobs += 1;
    this.#forecastEmitted.add(emitted);
    this.#forecastGrams.add(forecastGrams);
  }

  toFigures(): MovedFigures {
    const emittedGrams = this.#emitted.value;
    const savedGrams = this.#saved.value;
    return {
      jobs: this.#jobs,
      energyKwh: Number(this.#energy) / MILLIJOULES_PER_KWH,
      facilityEnergyKwh: this.#facilityKwh.value,
      energyKinds: shares(this.#byKind),
      recovered: this.#energy === 0n ? 0 : Number(this.#recovered) / Number(this.#energy),
      emittedGrams,
      gridKinds: shares(this.#stayedKinds),
      bestGrams: this.#best.value,
      bestGridKinds: shares(this.#bestKinds),
      savedGrams,
      savedRatio: emittedGrams === 0 ? 0 : savedGrams / emittedGrams,
      savedGramsInTime: this.#savedInTime.value,
      savedGramsInPlace: this.#savedInPlace.value,
      withForecast: this.#forecast(),
    };
  }

  #forecast(): ForecastSaving | null {
    if (this.#forecastJobs === 0) return null;
    const emittedGrams = this.#forecastEmitted.value;
    const grams = this.#forecastGrams.value;
    return { jobs: this.#forecastJobs, emittedGrams, grams, savedGrams: emittedGrams - grams };
  }
}
