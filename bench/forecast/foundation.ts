/** Recorded forecasts of a foundation model on direct intensity: `forecast_sundial_<ZONE>_*.csv.gz` beside the series, if there. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readLines } from './series.ts';

const HOUR_MS = 3_600_000;

/** By hour of issue (since 1970), then lead from 0; null where the folder has none for the zone. */
export function readFoundation(folder: string, zone: string): Map<number, number[]> | null {
  const file = readdirSync(folder).find((name) => name.startsWith(`forecast_sundial_${zone}_`));
  if (file === undefined) return null;
  const byIssue = new Map<number, number[]>();
  for (const [, issued, lead, grams] of readLines(join(folder, file))) {
    const hour = Date.parse(issued!) / HOUR_MS;
    const ofIssue = byIssue.get(hour) ?? [];
    ofIssue[Number(lead) - 1] = Number(grams);
    byIssue.set(hour, ofIssue);
  }
  return byIssue;
}
