/**
 * Reads days of intensity again a week, a month and three months later, where the provider's past reaches that far:
 * providers revise for as long. (The trailing three days are read again each night, by grid-refresh.ts.) One request a
 * run, so that whatever is behind catches up without crowding anybody; how far it has come is kept in D1.
 */
import { DAY_MS, HOUR_MS } from '../../shared/time/window.ts';
import { epochMs } from '../../shared/units.ts';
import { nextFetchState } from '../grid/fetch-state.ts';
import { createProviderHttp } from '../grid/http.ts';
import type { FetchOutcome, IntensityProvider } from '../grid/provider.ts';
import { readFetches, type StoredFetch, writeFetches } from '../storage/grid-fetches.ts';
import {
  addRereads,
  advanceReread,
  postponeRereads,
  readRereads,
  type StoredReread,
} from '../storage/grid-rereads.ts';
import { storeValues } from '../storage/grid-writes.ts';
import { askProvider, FIRST_SPAN_MS, type RefreshDependencies } from './grid-refresh.ts';
import { providersToAsk, rereadStateName } from './grid-services.ts';
import { gridZonesInUse } from './grid-zones-in-use.ts';

const AGES_DAYS = [7, 30, 91] as const;
/** 864 values of five minutes are read and compared within one cron run. */
const MAX_DAYS_AT_ONCE = 3;
const RETRY_AFTER_FAILURE_MS = DAY_MS;
const LEAST_WAIT_AFTER_LIMIT_MS = HOUR_MS;
/** A zone that was left since is charged for its past all the same. */
const USED_WITHIN_MS = (AGES_DAYS.at(-1)! + 7) * DAY_MS;

export interface RereadResult {
  readonly provider: string;
  readonly gridZone: string;
  readonly ageDays: number;
  readonly outcome: FetchOutcome['outcome'];
  readonly written: number;
  readonly revised: number;
}

interface DueReread {
  readonly provider: IntensityProvider;
  readonly row: StoredReread;
  /** Whole UTC days, the end excluded. */
  readonly fromDay: number;
  readonly endDay: number;
}

/** One run: what has been due for longest; null where nothing is. */
export async function rereadGrid(dependencies: RefreshDependencies): Promise<RereadResult | null> {
  const { db, nowMs } = dependencies;
  const [fetches, rows] = await Promise.all([readFetches(db), rowsOfZonesInUse(dependencies)]);
  const due = firstDue(dependencies, rows, fetches);
  if (due === null) return null;
  const { provider, row, fromDay, endDay } = due;
  const { gridZone, ageDays } = row;
  const request = {
    gridZone,
    fromMs: epochMs(fromDay * DAY_MS),
    toMs: epochMs(endDay * DAY_MS),
    nowMs: epochMs(nowMs),
  };
  const outcome = await askProvider(provider, request, createProviderHttp(dependencies));
  const { name, basis, signal, scope } = provider;
  const stored =
    outcome.outcome === 'values'
      ? await storeValues(db, { gridZone, basis, signal, scope, provider: name }, outcome.values, nowMs)
      : { written: 0, revised: 0 };
  if (outcome.outcome === 'failed') await postponeRereads(db, [row], nowMs + RETRY_AFTER_FAILURE_MS);
  else if (outcome.outcome === 'rateLimited') {
    // A limit is on the caller: the service is asked for nothing before, be it a zone that is new.
    const state = nextFetchState(null, outcome, { nowMs, refreshMs: LEAST_WAIT_AFTER_LIMIT_MS });
    await writeFetches(db, [{ provider: rereadStateName(name), gridZone, ...state }]);
  } else await advanceReread(db, row, endDay);
  return { provider: name, gridZone, ageDays, outcome: outcome.outcome, ...stored };
}

/** With those that are new: a zone's first fetch reached a week back, so its oldest day is that one. */
async function rowsOfZonesInUse({ db, providers, nowMs }: RefreshDependencies): Promise<StoredReread[]> {
  const [zones, known] = await Promise.all([gridZonesInUse(db, nowMs, USED_WITHIN_MS), readRereads(db)]);
  const nextDay = Math.floor((nowMs - FIRST_SPAN_MS) / DAY_MS);
  const rows = providers.flatMap((provider) =>
    zones
      .filter((gridZone) => provider.covers(gridZone))
      .flatMap((gridZone) =>
        agesOf(provider).map(
          (ageDays) =>
            known.find(
              (row) => row.provider === provider.name && row.gridZone === gridZone && row.ageDays === ageDays,
            ) ?? { provider: provider.name, gridZone, ageDays, nextDay, notBeforeMs: 0 },
        ),
      ),
  );
  const added = rows.filter((row) => !known.includes(row));
  if (added.length > 0) await addRereads(db, added);
  return rows;
}

const reachMs = ({ archiveMs, historyMs }: IntensityProvider) => archiveMs ?? historyMs;

/** The ages at which a whole day still lies within the provider's past. */
function agesOf(provider: IntensityProvider): readonly number[] {
  return AGES_DAYS.filter((ageDays) => (ageDays + 1) * DAY_MS <= reachMs(provider));
}

/** Of a provider that answers for the zone now; days that its past reaches no more are left out. */
function firstDue(
  { providers, nowMs }: RefreshDependencies,
  rows: readonly StoredReread[],
  fetches: readonly StoredFetch[],
): DueReread | null {
  const today = Math.floor(nowMs / DAY_MS);
  // Zone by zone: one that has nothing, or is no longer in use, keeps no other from its past.
  const answers = (row: StoredReread) =>
    fetches.some(
      ({ provider, gridZone, lastOkAtMs, consecutiveFailures }) =>
        provider === row.provider &&
        gridZone === row.gridZone &&
        lastOkAtMs !== null &&
        consecutiveFailures === 0,
    );
  const toAsk = providersToAsk(providers, fetches, nowMs).map(({ name }) => name);
  const [row] = rows
    .filter(({ provider }) => toAsk.includes(provider))
    .filter(({ nextDay, ageDays, notBeforeMs }) => nextDay + ageDays <= today && notBeforeMs <= nowMs)
    .filter(answers)
    .sort((a, b) => a.nextDay + a.ageDays - (b.nextDay + b.ageDays));
  const provider = row && providers.find(({ name }) => name === row.provider);
  if (!row || !provider) return null;
  const fromDay = Math.max(row.nextDay, Math.ceil((nowMs - reachMs(provider)) / DAY_MS));
  const days = Math.min(MAX_DAYS_AT_ONCE, Math.floor(provider.historyMs / DAY_MS));
  return { provider, row, fromDay, endDay: Math.min(fromDay + days, today - row.ageDays + 1) };
}
