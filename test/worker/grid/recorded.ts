/** Providers as the tests meet them: the real adapters over a fetch that answers with recorded bodies. */

import { epochMs } from '../../../shared/units.ts';
import { createProviderHttp } from '../../../worker/grid/http.ts';
import type { FetchOutcome, IntensityProvider } from '../../../worker/grid/provider.ts';

export type Answer = (url: URL, headers: Headers) => Response | Promise<Response>;

/** A fetch of one answer, and the URLs that were asked for. */
export function fetchOf(answer: Answer): { fetch: typeof fetch; asked: URL[] } {
  const asked: URL[] = [];
  const fetchLike: typeof fetch = async (input, init) => {
    const request = new Request(input as RequestInfo, init as RequestInit);
    asked.push(new URL(request.url));
    return answer(new URL(request.url), request.headers);
  };
  return { fetch: fetchLike, asked };
}

export interface AskOptions {
  readonly gridZone: string;
  readonly from: string;
  readonly to: string;
  /** When it is asked; default: at `to`. */
  readonly now?: string;
  readonly answer: Answer;
}

export async function ask(
  provider: IntensityProvider,
  { gridZone, from, to, now = to, answer }: AskOptions,
): Promise<{ outcome: FetchOutcome; asked: URL[] }> {
  const { fetch, asked } = fetchOf(answer);
  const http = createProviderHttp({ fetch, nowMs: Date.parse(now) });
  const request = {
    gridZone,
    fromMs: epochMs(Date.parse(from)),
    toMs: epochMs(Date.parse(to)),
    nowMs: epochMs(Date.parse(now)),
  };
  return { outcome: await provider.fetchSeries(request, http), asked };
}

/** The values of an outcome that must have some, as `[start, gramsPerKwh, kind]`. */
export function seriesOf(outcome: FetchOutcome): [start: string, gramsPerKwh: number, kind: string][] {
  if (outcome.outcome !== 'values') throw new Error(`no values: ${outcome.outcome}, ${outcome.reason}`);
  return outcome.values.map((value) => [
    new Date(value.startMs).toISOString(),
    value.gramsPerKwh,
    value.kind,
  ]);
}
