/** PUE of cloud regions as the clouds publish it, by year. The table is data with its own source. */
import table from './cloud-pue.data.json' with { type: 'json' };

export interface PublishedPue {
  readonly pueRatio: number;
  readonly year: number;
  readonly source: string;
}

/** That of the newest year not after the instant's (UTC), else of the oldest; null for a region that none is known of. */
export function publishedPue(cloudRegion: string, instantMs: number): PublishedPue | null {
  const region = table.regions.find(({ key }) => key === cloudRegion);
  if (region === undefined) return null;
  const instantYear = new Date(instantMs).getUTCFullYear();
  const index = Math.max(
    region.years.findLastIndex((year) => year <= instantYear),
    0,
  );
  return { pueRatio: region.pueRatio[index]!, year: region.years[index]!, source: table.source };
}
