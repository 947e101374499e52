/** Which fetches are answered by one reply, and so by one request: both bases of a zone, zones of one document. */
import type { IntensityProvider } from './provider.ts';

export interface Wanted {
  readonly provider: IntensityProvider;
  readonly gridZone: string;
}

/**
 * What is wanted, split into replies in the order of their first. Zones of a reply are taken in order of their names, so that
 * runs split them alike.
 * @param spanMs how long a span each is asked for
 */
export function splitIntoReplies<One extends Wanted>(
  wanted: readonly One[],
  spanMs: (one: One) => number,
): One[][] {
  return grouped(wanted, nameOf).flatMap((members) => {
    const { zonesInReply = () => members.length } = members[0]!.provider;
    const most = Math.max(1, zonesInReply(Math.max(...members.map(spanMs))));
    const zones = [...new Set(members.map(({ gridZone }) => gridZone))].sort();
    return grouped(members, ({ gridZone }) => Math.floor(zones.indexOf(gridZone) / most));
  });
}

function grouped<One, Key>(list: readonly One[], keyOf: (one: One) => Key): One[][] {
  const groups = new Map<Key, One[]>();
  for (const one of list) groups.set(keyOf(one), [...(groups.get(keyOf(one)) ?? []), one]);
  return [...groups.values()];
}

const nameOf = ({ provider, gridZone }: Wanted) =>
  provider.replyOf?.(gridZone) ?? `${provider.name} ${gridZone}`;

/** Every zone that a reply is asked for, by name. */
export const zonesOf = (reply: readonly Wanted[]): string[] =>
  [...new Set(reply.map(({ gridZone }) => gridZone))].sort();
