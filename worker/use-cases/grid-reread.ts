/**
 * Reads days of intensity again a week, a month and three months later, where the provider's past reaches that far:
 * providers revise for as long. (The trailing three days are read again each night, by grid-refresh.ts.) One reply a run,
 * so that whatever is behind catches up without crowding anybody; how far it has come is kept in D1.
 */
import { DAY_MS } from '../../shared/time/window.ts';
import { epochMs } from '../../shared/units.ts';
import { createProviderHttp } from '../grid/http.ts';
import { isBeyondAnyWait } from '../grid/longest-wait.ts';
import type { FetchOutcome, IntensityProvider } from '../grid/provider.ts';
import { splitIntoReplies, type Wanted } from '../grid/replies.ts';
import { readFetches, type StoredFetch } from '../storage/grid-fetches.ts';
import {
  addRereads,
  advanceRereads,
  postponeRereads,
  readRereads,
  type StoredReread,
} from '../storage/grid-rereads.ts';
import { storeSeries } from '../storage/grid-writes.ts';
import { FIRST_SPAN_MS, type RefreshDependencies } from './grid-refresh.ts';
import { askForReply, broughtBy, serviceOfReply } from './grid-replies.ts';
import { ServiceGate, serviceOf } from './grid-services.ts';
import { gridZonesInUse } from './grid-zones-in-use.ts';

const AGES_DAYS = [7, 30, 91] as const;
/** 864 values of five minutes are read and compared within one cron run. */
const MAX_DAYS_AT_ONCE = 3;
const RETRY_AFTER_FAILURE_MS = DAY_MS;
/** A zone that was left since is charged for its past all the same. */
const USED_WITHIN_MS = (AGES_DAYS.at(-1)! + 7) * DAY_MS;

export interface RereadResult {
  readonly provider: string;
  readonly gridZone: string;
  readonly ageDays: number;
  readonly outcome: FetchOutcome['outcome'];
  /** In all series of the reply. */
  readonly written: number;
  readonly revised: number;
}

interface Day extends Wanted {
  readonly row: StoredReread;
}

interface DueReply {
  readonly days: readonly Day[];
  /** Whole UTC days, the end excluded. */
  readonly fromDay: number;
  readonly endDay: number;
}

/** One run: what has been due for longest, and what comes in one reply with it; none where nothing is due. */
export async function rereadGrid(dependencies: RefreshDependencies): Promise<RereadResult[]> {
  const { db, nowMs } = dependencies;
  const [gate, fetches, rows] = await Promise.all([
    ServiceGate.open(db, nowMs),
    readFetches(db),
    rowsOfZonesInUse(dependencies),
  ]);
  const due = firstDue(dependencies, rows, fetches, gate);
  if (due === null) return [];
  const { days, fromDay, endDay } = due;
  const request = {
    fromMs: epochMs(fromDay * DAY_MS),
    toMs: epochMs(endDay * DAY_MS),
    nowMs: epochMs(nowMs),
  };
  const http = createProviderHttp(dependencies);
  const outcomes = await gate.ask(serviceOfReply(days), () => askForReply(days, request, http));
  if (outcomes === null) return [];
  const stored = await storeSeries(db, broughtBy(days, outcomes), nowMs);
  const rowsWith = (...wanted: FetchOutcome['outcome'][]) =>
    days.filter((_, index) => wanted.includes(outcomes[index]!.outcome)).map(({ row }) => row);
  // After a limit they are due as before: the service itself is left alone as long as it says.
  await postponeRereads(db, rowsWith('failed'), nowMs + RETRY_AFTER_FAILURE_MS);
  await advanceRereads(db, rowsWith('values', 'noData'), endDay);
  return days.map(({ provider, gridZone, row }, index) => ({
    provider: provider.name,
    gridZone,
    ageDays: row.ageDays,
    outcome: outcomes[index]!.outcome,
    ...stored,
  }));
}

/** With those that are new: a zone's first fetch reached a week back, so its oldest day is that one. */
async function rowsOfZonesInUse({ db, providers, nowMs }: RefreshDependencies): Promise<StoredReread[]> {
  const [zones, known] = await Promise.all([gridZonesInUse(db, nowMs, USED_WITHIN_MS), readRereads(db)]);
  const nextDay = Math.floor((nowMs - FIRST_SPAN_MS) / DAY_MS);
  // Of sixty zones they are a thousand: each is looked up, not searched for.
  const knownByKey = new Map(known.map((row) => [keyOf(row), row]));
  const added: StoredReread[] = [];
  const rows = providers.flatMap((provider) =>
    zones
      .filter((gridZone) => provider.covers(gridZone))
      .flatMap((gridZone) =>
        agesOf(provider).map((ageDays) => {
          const row = { provider: provider.name, gridZone, ageDays, nextDay, notBeforeMs: 0 };
          const stored = knownByKey.get(keyOf(row));
          if (stored === undefined) added.push(row);
          return stored ?? row;
        }),
      ),
  );
  if (added.length > 0) await addRereads(db, added);
  return rows;
}

const keyOf = ({ provider, gridZone, ageDays }: Omit<StoredReread, 'nextDay' | 'notBeforeMs'>) =>
  `${provider} ${gridZone} ${ageDays}`;

const reachMs = ({ archiveMs, historyMs }: IntensityProvider) => archiveMs ?? historyMs;

/** The ages at which a whole day still lies within the provider's past. */
function agesOf(provider: IntensityProvider): readonly number[] {
  return AGES_DAYS.filter((ageDays) => (ageDays + 1) * DAY_MS <= reachMs(provider));
}

/** Of providers that answer for the zone now; days that their past reaches no more are left out. */
function firstDue(
  { providers, nowMs }: RefreshDependencies,
  rows: readonly StoredReread[],
  fetches: readonly StoredFetch[],
  gate: ServiceGate,
): DueReply | null {
  const today = Math.floor(nowMs / DAY_MS);
  // Zone by zone: one that has nothing, or is no longer in use, keeps no other from its past.
  const answering = new Set(
    fetches
      .filter(({ lastOkAtMs, consecutiveFailures }) => lastOkAtMs !== null && consecutiveFailures === 0)
      .map(({ provider, gridZone }) => `${provider} ${gridZone}`),
  );
  const answers = ({ provider, gridZone }: StoredReread) => answering.has(`${provider} ${gridZone}`);
  const days = rows
    .filter(({ nextDay, ageDays }) => nextDay + ageDays <= today)
    .filter(({ notBeforeMs }) => notBeforeMs <= nowMs || isBeyondAnyWait(notBeforeMs, nowMs))
    .filter(answers)
    .flatMap((row) => {
      const provider = providers.find(({ name }) => name === row.provider);
      const isAsked = provider !== undefined && gate.circuitOf(serviceOf(provider)) !== 'open';
      return isAsked ? [{ provider, gridZone: row.gridZone, row }] : [];
    })
    .sort((a, b) => a.row.nextDay + a.row.ageDays - (b.row.nextDay + b.row.ageDays));
  const [first] = days;
  if (!first) return null;
  const { nextDay, ageDays } = first.row;
  const fromDay = Math.max(nextDay, Math.ceil((nowMs - reachMs(first.provider)) / DAY_MS));
  const atOnce = Math.min(MAX_DAYS_AT_ONCE, Math.floor(first.provider.historyMs / DAY_MS));
  const endDay = Math.min(fromDay + atOnce, today - ageDays + 1);
  const alike = days.filter(({ row }) => row.nextDay === nextDay && row.ageDays === ageDays);
  const replies = splitIntoReplies(alike, () => (endDay - fromDay) * DAY_MS);
  return { days: replies.find((reply) => reply.includes(first))!, fromDay, endDay };
}
