/**
 * When in each interval a node reports: always at the same place, and all nodes evenly over it, so that no second has a
 * herd, not at the full minute and not after all agents were started at once.
 */
import { fnv1a } from '../ledger/digest.ts';

/** The golden ratio's steps around a circle never cluster, wherever the count stops. */
const GOLDEN_STEP = (Math.sqrt(5) - 1) / 2;

/** 0..1, for the server, who numbers its nodes one after the other: more even than any hash. */
export function phaseOfNumber(nodeNumber: number): number {
  return Math.round(((nodeNumber * GOLDEN_STEP) % 1) * 1e6) / 1e6;
}

/** 0..1, for a node that the server has not told its place: FNV-1a of its id, then mixed (murmur3's last step). */
export function phaseOfId(nodeId: string): number {
  let hash = fnv1a(nodeId);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}

/**
 * Milliseconds until the node's next turn: the first of its places at least half an interval away, so that a turn that
 * came late, or a round out of turn, is not followed by another at once.
 */
export function untilTurnMs(nowMs: number, reportEverySeconds: number, phaseRatio: number): number {
  const everyMs = reportEverySeconds * 1_000;
  const placeMs = phaseRatio * everyMs;
  const turns = Math.ceil((nowMs + everyMs / 2 - placeMs) / everyMs);
  return Math.round(turns * everyMs + placeMs - nowMs);
}
