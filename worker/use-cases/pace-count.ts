/** Counts the fleet by cron, so that no report has to, and raises the pace before the plan is outgrown. */
import { DAY_MS } from '../../shared/time/window.ts';
import { type Env, reportEverySeconds } from '../env.ts';
import type { Change } from '../storage/changes.ts';
import { type CountedFleet, countReporting, readStoredPace, writeCountedFleet } from '../storage/pace.ts';
import type { Shards } from '../storage/shards.ts';
import { paceOf } from './pace.ts';

/** A node that was silent for as long is not waited for: after a longer outage its return is counted anew. */
const COUNTED_FOR_MS = 7 * DAY_MS;
/** A fleet that shrinks by less is told nothing new, so that one that stands on an edge does not change its pace daily. */
const SHRINKS_TO = 0.9;

/** @returns what changed for people to read; null: nothing */
export async function countFleet(shards: Shards, env: Env, nowMs: number): Promise<string | null> {
  const counts = await shards.each((db) => countReporting(db, nowMs - COUNTED_FOR_MS));
  const stored = await readStoredPace(shards.main, nowMs);
  const counted = {
    nodes: counts.reduce((sum, nodes) => sum + nodes, 0),
    nodesOfFullest: Math.max(...counts),
  };
  const defaultSeconds = reportEverySeconds(env);
  const kept = stored.fleet === null ? counted : steady(stored.fleet, counted);
  const pace = paceOf({ ...stored, fleet: { ...kept, raisedToSeconds: null, defaultSeconds } }, env);
  const raisedToSeconds = pace.because === 'plan' ? pace.reportEverySeconds : null;
  const before = stored.fleet?.raisedToSeconds ?? null;
  const isSame =
    stored.fleet?.nodes === kept.nodes &&
    stored.fleet.nodesOfFullest === kept.nodesOfFullest &&
    before === raisedToSeconds &&
    stored.fleet.defaultSeconds === defaultSeconds;
  if (isSame) return null;
  const changed = (what: string, from: number | null, to: number | null, why: string): Change[] =>
    from === to ? [] : [{ ...SERVER, recordedAtMs: nowMs, what, from, to, effectiveFromMs: nowMs, why }];
  const knownDefault = stored.fleet?.defaultSeconds ?? defaultSeconds;
  await writeCountedFleet(shards.main, { ...kept, raisedToSeconds, defaultSeconds }, [
    ...changed('reportEverySecondsRaisedTo', before, raisedToSeconds, pace.detail),
    ...changed(
      'reportEverySecondsDefault',
      knownDefault,
      defaultSeconds,
      'The server was deployed with another.',
    ),
  ]);
  return before === raisedToSeconds ? null : pace.detail;
}

const SERVER = { who: 'server', subject: 'fleet', effectiveToMs: null } as const;

type Counts = Pick<CountedFleet, 'nodes' | 'nodesOfFullest'>;

/** Grows at once, shrinks late. */
function steady(stored: Counts, counted: Counts): Counts {
  const of = (was: number, is: number) => (is < was && is >= was * SHRINKS_TO ? was : is);
  return {
    nodes: of(stored.nodes, counted.nodes),
    nodesOfFullest: of(stored.nodesOfFullest, counted.nodesOfFullest),
  };
}
