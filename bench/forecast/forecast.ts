/**
 * The forecaster against real series: every day at 00 UTC of the test months, nothing after the origin is seen, one recipe
 * for all zones. `p24` is the same hour of the latest known day.
 */
import { LEAD_HOURS, trainUntil } from '../../shared/grid/forecast/forecaster.ts';
import { LogSeries } from '../../shared/grid/forecast/log-series.ts';
import type { Figure } from '../figures.ts';
import { readSeries, type ZoneSeries } from './series.ts';

const HOUR_MS = 3_600_000;
const FROM_MS = Date.parse('2024-10-01T00:00:00Z');
const TO_MS = Date.parse('2025-01-01T00:00:00Z');
const DAY = 24;

/** Errors over all origins and the first `hours` leads; hours without a positive outcome are left out. */
class Score {
  #relative = 0;
  #squares = 0;
  #outcomes = 0;
  #count = 0;
  #inside = 0;

  add(forecast: number, outcome: number, inside = false): void {
    if (!(outcome > 0)) return;
    this.#relative += Math.abs(forecast - outcome) / outcome;
    this.#squares += (forecast - outcome) ** 2;
    this.#outcomes += outcome;
    this.#inside += inside ? 1 : 0;
    this.#count++;
  }

  get mapePercent(): number {
    return (100 * this.#relative) / this.#count;
  }
  get rmse(): number {
    return Math.sqrt(this.#squares / this.#count);
  }
  get rmseToMean(): number {
    return (this.rmse * this.#count) / this.#outcomes;
  }
  get coverage(): number {
    return this.#inside / this.#count;
  }
}

interface ZoneScores {
  readonly zone: string;
  readonly ours24: Score;
  readonly ours96: Score;
  readonly p24At24: Score;
  readonly p24At96: Score;
}

function backTest({ zone, startHour, lifecycle }: ZoneSeries): ZoneScores {
  const series = new LogSeries(startHour, lifecycle);
  const scores = {
    zone,
    ours24: new Score(),
    ours96: new Score(),
    p24At24: new Score(),
    p24At96: new Score(),
  };
  const first = FROM_MS / HOUR_MS - startHour;
  const last = Math.min(TO_MS / HOUR_MS - startHour, series.length) - LEAD_HOURS;
  const forecaster = trainUntil(series, first);
  for (let origin = first; origin <= last; origin += DAY) {
    if (origin > first) {
      forecaster.learnDay(series, origin);
      forecaster.refit();
    }
    const forecast = forecaster.forecast(series, origin);
    if (forecast === null) continue;
    for (let lead = 0; lead < LEAD_HOURS; lead++) {
      const { gramsPerKwh, lowGramsPerKwh, highGramsPerKwh } = forecast[lead]!;
      const outcome = lifecycle[origin + lead]!;
      const inside = outcome >= lowGramsPerKwh && outcome <= highGramsPerKwh;
      const same = lifecycle[origin - DAY + (lead % DAY)]!;
      scores.ours96.add(gramsPerKwh, outcome, inside);
      scores.p24At96.add(same, outcome);
      if (lead >= DAY) continue;
      scores.ours24.add(gramsPerKwh, outcome, inside);
      scores.p24At24.add(same, outcome);
    }
  }
  return scores;
}

export function forecast(folder: string): Figure[] {
  const zones = readSeries(folder, TO_MS);
  if (zones.length === 0)
    throw new Error(`${folder} holds no em_<ZONE>_*_hourly.csv.gz that reaches to 2025-01-01`);
  const figures: Figure[] = [];
  const all: ZoneScores[] = [];
  for (const [index, zone] of zones.entries()) {
    console.error(`forecast: ${zone.zone} (${index + 1} of ${zones.length})`);
    const scores = backTest(zone);
    all.push(scores);
    const better = scores.ours24.rmse < scores.p24At24.rmse && scores.ours96.rmse < scores.p24At96.rmse;
    const note = `same hour yesterday ${scores.p24At24.mapePercent.toFixed(1)} %; RMSE ${better ? 'below' : 'NOT below'} it at 24 and 96 h`;
    figures.push({
      name: `forecast.mape_24h{${zone.zone}}`,
      value: scores.ours24.mapePercent,
      unit: '%',
      note,
    });
    figures.push({
      name: `forecast.mape_96h{${zone.zone}}`,
      value: scores.ours96.mapePercent,
      unit: '%',
      note: `same hour yesterday ${scores.p24At96.mapePercent.toFixed(1)} %`,
    });
    figures.push({
      name: `forecast.rmse_to_mean_24h{${zone.zone}}`,
      value: scores.ours24.rmseToMean,
      unit: 'ratio',
      note: '',
    });
  }
  const average = (pick: (scores: ZoneScores) => number) =>
    all.reduce((sum, scores) => sum + pick(scores), 0) / all.length;
  figures.push({
    name: 'forecast.mean_mape_24h',
    value: average(({ ours24 }) => ours24.mapePercent),
    unit: '%',
    note: `${all.length} zones; same hour yesterday ${average(({ p24At24 }) => p24At24.mapePercent).toFixed(1)} %`,
  });
  figures.push({
    name: 'forecast.mean_mape_96h',
    value: average(({ ours96 }) => ours96.mapePercent),
    unit: '%',
    note: `same hour yesterday ${average(({ p24At96 }) => p24At96.mapePercent).toFixed(1)} %`,
  });
  figures.push({
    name: 'forecast.interval_coverage',
    value: average(({ ours96 }) => ours96.coverage),
    unit: 'ratio',
    note: 'share of outcomes within the 80 % band, 96 h',
  });
  return figures;
}
