/** What of a range sums do not tell as it was known at an earlier instant, since what they hold changed after it. */
import { ALL_KNOWN } from '../../../shared/audit/as-known.ts';
import { spansInService } from '../../../shared/embodied/amortization.ts';
import { expectedDevices } from '../../../shared/emissions/expected-devices.ts';
import { gpuModel } from '../../../shared/emissions/join.ts';
import { type TimeSpan, within } from '../../../shared/emissions/presence.ts';
import { LABELS } from '../../../shared/settings/node-as-known.ts';
import { byNode } from '../../storage/by-node.ts';
import { type DatedChange, readChangesSince } from '../../storage/changes.ts';
import { type FleetNode, readFleetNodes } from '../../storage/fleet.ts';
import { readNodeDevices } from '../../storage/node-devices.ts';
import { readNodesOfOtherHardware } from '../../storage/other-hardware.ts';
import { readPartsAsKnown, type StoredPart } from '../../storage/parts.ts';
import type { Shards } from '../../storage/shards.ts';
import { devicesAsKnown } from '../known-devices.ts';

type Asked = 'energy' | 'figures' | 'labels';

interface Known {
  readonly nowMs: number;
  /** Sums are asked for as it was known then. */
  readonly knownAtMs: number;
}

/**
 * Spans within the range, in no order; some overlap.
 * @param asked `energy`: of places alone, and nothing else that sums hold; `labels`: nodes are chosen as they are labelled now
 */
export async function changedSince(
  shards: Shards,
  range: TimeSpan,
  { nowMs, knownAtMs }: Known,
  asked: Asked,
): Promise<TimeSpan[]> {
  if (knownAtMs === ALL_KNOWN) return [];
  const spans = await shards.rows(async (db) => {
    const changes = await readChangesSince(db, knownAtMs);
    if (changes === null) return [range];
    // What was registered at this moment is marked, and nothing of it summed.
    if (asked !== 'energy' && knownAtMs < nowMs && (await hasOtherHardware(db, range, knownAtMs)))
      return [range];
    return changes.filter((change) => isInSums(change, asked)).map((change) => spanOf(change, asked));
  });
  return spans.flatMap((span) => within([span], range.fromMs, range.toMs));
}

/** What electricity is charged with and what jobs are called is in no sum that is read, and is known as of any instant. */
function isInSums({ subject, what }: DatedChange, asked: Asked): boolean {
  const [kind] = subject.split(':');
  // A node takes its energy along when it moves.
  if (asked === 'energy') return kind === 'node' && (what === 'energy' || what === 'site');
  switch (kind) {
    case 'fleet':
    case 'job':
      return false;
    case 'site':
      return what === 'embodiedLifetimeYears';
    case 'node':
      return what !== LABELS || asked === 'labels';
    default:
      return true;
  }
}

/**
 * Before its first move a node stood at the site that it moved to, unless another one is said of that time. What hardware has
 * accrued by an instant is spread over what is left of its lifetime: another lifetime, or one at another site, changes what comes
 * after its own time as well.
 */
function spanOf({ what, old, fromMs, toMs }: DatedChange, asked: Asked): TimeSpan {
  const isFirstSite = what === 'site' && old === null && toMs !== null;
  const isForGood = asked !== 'energy' && what !== 'energy';
  return {
    fromMs: isFirstSite ? 0 : (fromMs ?? 0),
    toMs: isForGood ? Number.POSITIVE_INFINITY : (toMs ?? Number.POSITIVE_INFINITY),
  };
}

/** Devices are in no log, and a GPU of another model has its node in another group from the beginning. */
async function hasOtherHardware(db: D1Database, range: TimeSpan, knownAtMs: number): Promise<boolean> {
  const numbers = await readNodesOfOtherHardware(db, knownAtMs, range.toMs);
  if (numbers.length === 0) return false;
  const [nodes, partsNow, partsThen, devices] = await Promise.all([
    readFleetNodes(db, numbers),
    readPartsAsKnown(db, numbers, ALL_KNOWN),
    readPartsAsKnown(db, numbers, knownAtMs),
    readNodeDevices(db, numbers),
  ]);
  const now = byNode(partsNow);
  const then = byNode(partsThen);
  const all = byNode(devices);
  return nodes.some((node) => {
    const own = all.get(node.number) ?? [];
    const known = devicesAsKnown(own, [], knownAtMs);
    return (
      seenAs(node, now.get(node.number) ?? [], own, range) !==
      seenAs(node, then.get(node.number) ?? [], known, range)
    );
  });
}

/** In which group the node is, and what it is expected to meter. */
function seenAs(
  { enrolledAtMs }: FleetNode,
  parts: readonly StoredPart[],
  devices: Parameters<typeof expectedDevices>[0]['devices'],
  { fromMs, toMs }: TimeSpan,
): string {
  const expected = expectedDevices({ enrolledAtMs, parts, devices })
    .map(({ id, type, sinceMs, untilMs, absences }) => {
      const inService = spansInService({ inServiceMs: sinceMs, outOfServiceMs: untilMs, absences });
      return [type, id, within(inService, fromMs, toMs)] as const;
    })
    .filter(([, , spans]) => spans.length > 0);
  return JSON.stringify([gpuModel({ parts, devices }), expected.sort()]);
}
