/** What the jobs that ask providers do alike with a reply, which is all of one service and answered by one request. */
import { dueAtMs, type FetchState } from '../grid/fetch-state.ts';
import { askingOnce, type ProviderHttp } from '../grid/http.ts';
import type { FetchOutcome, SeriesRequest } from '../grid/provider.ts';
import { type Wanted, zonesOf } from '../grid/replies.ts';
import type { SeriesValues } from '../storage/grid-writes.ts';
import { serviceOf } from './grid-services.ts';

export const serviceOfReply = (reply: readonly Wanted[]): string => serviceOf(reply[0]!.provider);

/** Where one of a reply is due, the others come with it. */
export const replyDueAtMs = (
  reply: readonly { readonly previous: Pick<FetchState, 'nextDueAtMs'> | null }[],
  nowMs: number,
): number => Math.min(...reply.map(({ previous }) => dueAtMs(previous, nowMs)));

/**
 * What came of each, in the order of the reply. A provider never throws by its contract; one that does has failed like any other.
 * @param ask for its series, or for its forecast
 */
export async function askForReply<One extends Wanted>(
  reply: readonly One[],
  request: Omit<SeriesRequest, 'gridZone'>,
  http: ProviderHttp,
  ask: (provider: One['provider'], request: SeriesRequest, http: ProviderHttp) => Promise<FetchOutcome> = (
    provider,
    ...asked
  ) => provider.fetchSeries(...asked),
): Promise<FetchOutcome[]> {
  const once = askingOnce(http);
  const gridZonesOfReply = zonesOf(reply);
  const outcomes: FetchOutcome[] = [];
  for (const { provider, gridZone } of reply) {
    try {
      outcomes.push(await ask(provider, { ...request, gridZone, gridZonesOfReply }, once));
    } catch (error) {
      outcomes.push({ outcome: 'failed', reason: `the adapter failed: ${String(error)}` });
    }
  }
  return outcomes;
}

/** The values that it brought, by series. */
export const broughtBy = (reply: readonly Wanted[], outcomes: readonly FetchOutcome[]): SeriesValues[] =>
  reply.flatMap(({ provider: { basis, signal, scope, name }, gridZone }, index) => {
    const outcome = outcomes[index]!;
    const series = { gridZone, basis, signal, scope, provider: name };
    return outcome.outcome === 'values' ? [{ series, values: outcome.values }] : [];
  });
