/**
 * Keeps the series of the zones in use: asks each provider what is due, stores what changed, remembers what failed.
 * It is the only place that talks to providers; reports and answers never wait for one.
 */
import type { Plan } from '../../shared/pace/plans.ts';
import { DAY_MS, WINDOW_MS } from '../../shared/time/window.ts';
import { epochMs } from '../../shared/units.ts';
import { nextFetchState } from '../grid/fetch-state.ts';
import { createProviderHttp, type ProviderHttp } from '../grid/http.ts';
import type { FetchOutcome, IntensityProvider, SeriesRequest } from '../grid/provider.ts';
import { splitIntoReplies, type Wanted, zonesOf } from '../grid/replies.ts';
import { readFetches, type StoredFetch, writeFetches } from '../storage/grid-fetches.ts';
import { storeSeries } from '../storage/grid-writes.ts';
import { askForReply, broughtBy, replyDueAtMs, serviceOfReply } from './grid-replies.ts';
import { ServiceGate } from './grid-services.ts';
import { gridZonesInUse } from './grid-zones-in-use.ts';

/**
 * The free plan allows 50 queries and 50 requests per run, of which other jobs need some; the paid one 1,000 and 10,000. A
 * reply takes six queries however many series are in it, eight where one is new, and one more where its service has failed;
 * and two requests, a few where it has pages. The rest waits its turn.
 */
export const MAX_REPLIES_PER_RUN: Readonly<Record<Plan, number>> = { free: 5, paid: 25 };
/** Cron comes some seconds early or late: what is due by then is due now, or it would wait for the next run. */
const SLACK_MS = 30_000;

/** A new zone gets the past that the hour-of-day profile needs; its first fetch, and after a long silence. */
export const FIRST_SPAN_MS = 7 * DAY_MS;
/** Providers revise for a day and more, so each fetch re-reads a day, and the first of each UTC day re-reads three. */
const USUAL_SPAN_MS = DAY_MS;
const DAILY_SPAN_MS = 3 * DAY_MS;

export interface RefreshDependencies {
  readonly db: D1Database;
  readonly providers: readonly IntensityProvider[];
  readonly fetch: typeof fetch;
  readonly nowMs: number;
  /** What one run may ask for; default: what the free plan bears. */
  readonly maxReplies?: number;
}

interface Fetch extends Wanted {
  readonly previous: StoredFetch | null;
}

/** All of one service, answered by one request. */
type Reply = readonly Fetch[];

export interface RefreshResult {
  readonly provider: string;
  readonly gridZone: string;
  readonly outcome: FetchOutcome['outcome'];
  /** Values added or replaced, in all series of the reply that it came in. */
  readonly written: number;
  readonly revised: number;
}

/**
 * One run. Services are asked side by side, all that one is asked for one after the other. Throws only where the
 * database fails, after every provider had its turn.
 */
export async function refreshGrid(dependencies: RefreshDependencies): Promise<RefreshResult[]> {
  const gate = await ServiceGate.open(dependencies.db, dependencies.nowMs);
  const due = await dueReplies(dependencies, gate);
  const http = createProviderHttp(dependencies);
  const runs = await Promise.allSettled(
    [...new Set(due.map(serviceOfReply))].map((service) =>
      refreshService(
        dependencies,
        gate,
        http,
        due.filter((reply) => serviceOfReply(reply) === service),
      ),
    ),
  );
  const broken = runs.find((run) => run.status === 'rejected');
  if (broken) throw broken.reason;
  return runs.flatMap((run) => (run.status === 'fulfilled' ? run.value : []));
}

async function dueReplies(
  { db, providers, nowMs, maxReplies = MAX_REPLIES_PER_RUN.free }: RefreshDependencies,
  gate: ServiceGate,
): Promise<Reply[]> {
  const [zones, fetches] = await Promise.all([gridZonesInUse(db, nowMs), readFetches(db)]);
  const stateOf = new Map(fetches.map((row) => [`${row.provider} ${row.gridZone}`, row]));
  const wanted = providers.flatMap((provider) =>
    zones
      .filter((gridZone) => provider.covers(gridZone))
      .map((gridZone) => ({
        provider,
        gridZone,
        previous: stateOf.get(`${provider.name} ${gridZone}`) ?? null,
      })),
  );
  const due = repliesFor(wanted, nowMs)
    .filter(
      (reply) =>
        replyDueAtMs(reply, nowMs) <= nowMs + SLACK_MS && gate.circuitOf(serviceOfReply(reply)) !== 'open',
    )
    .sort((a, b) => replyDueAtMs(a, nowMs) - replyDueAtMs(b, nowMs));
  const turns = new Map<string, number>();
  // The first of every provider before the second of any: one that fails for many zones keeps no other waiting.
  return due
    .map((reply) => {
      const halfOpen = gate.circuitOf(serviceOfReply(reply)) === 'halfOpen';
      const queue = halfOpen ? serviceOfReply(reply) : reply[0]!.provider.name;
      const turn = turns.get(queue) ?? 0;
      turns.set(queue, turn + 1);
      return { reply, turn, waits: halfOpen && turn > 0 };
    })
    .filter(({ waits }) => !waits)
    .sort((a, b) => a.turn - b.turn || replyDueAtMs(a.reply, nowMs) - replyDueAtMs(b.reply, nowMs))
    .slice(0, maxReplies)
    .map(({ reply }) => reply);
}

/** Where one of a reply is due, the others come with it. A zone that lags behind is caught up on its own: its span is long. */
function repliesFor(wanted: readonly Fetch[], nowMs: number): Reply[] {
  const spanMs = (fetch: Fetch) => spanOf(fetch, nowMs);
  const lagging = wanted.filter((fetch) => spanMs(fetch) > DAILY_SPAN_MS);
  const lists = [
    wanted.filter((fetch) => !lagging.includes(fetch)),
    ...zonesOf(lagging).map((zone) => lagging.filter(({ gridZone }) => gridZone === zone)),
  ];
  return lists.flatMap((list) => splitIntoReplies(list, spanMs));
}

async function refreshService(
  { db, nowMs }: RefreshDependencies,
  gate: ServiceGate,
  http: ProviderHttp,
  queue: readonly Reply[],
): Promise<RefreshResult[]> {
  const results: RefreshResult[] = [];
  for (const reply of queue) {
    const outcomes = await gate.ask(serviceOfReply(reply), () =>
      askForReply(reply, requestOf(reply, nowMs), http),
    );
    if (outcomes === null) break;
    const stored = await storeSeries(db, broughtBy(reply, outcomes), nowMs);
    await writeFetches(
      db,
      reply.map(({ provider, gridZone, previous }, index) => ({
        provider: provider.name,
        gridZone,
        ...nextFetchState(previous, outcomes[index]!, { nowMs, refreshMs: provider.refreshMs }),
      })),
    );
    for (const [index, { provider, gridZone }] of reply.entries())
      results.push({ provider: provider.name, gridZone, outcome: outcomes[index]!.outcome, ...stored });
  }
  return results;
}

function spanOf({ provider, previous }: Fetch, nowMs: number): number {
  const lastOkAtMs = previous?.lastOkAtMs ?? null;
  const sinceOkMs = lastOkAtMs === null ? FIRST_SPAN_MS : nowMs - lastOkAtMs;
  const sameDay = lastOkAtMs !== null && Math.floor(lastOkAtMs / DAY_MS) === Math.floor(nowMs / DAY_MS);
  return Math.min(
    Math.max(sinceOkMs + USUAL_SPAN_MS, sameDay ? USUAL_SPAN_MS : DAILY_SPAN_MS),
    provider.historyMs,
  );
}

function requestOf(reply: Reply, nowMs: number): Omit<SeriesRequest, 'gridZone'> {
  const spanMs = Math.max(...reply.map((fetch) => spanOf(fetch, nowMs)));
  const toMs = Math.ceil((nowMs + 1) / WINDOW_MS) * WINDOW_MS;
  return {
    fromMs: epochMs(Math.floor((nowMs - spanMs) / WINDOW_MS) * WINDOW_MS),
    toMs: epochMs(toMs),
    nowMs: epochMs(nowMs),
  };
}
