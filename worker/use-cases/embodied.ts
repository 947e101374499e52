/** The ledger of one node's parts: what making each emitted, how that is known, and what of it has accrued. */
import { ALL_KNOWN } from '../../shared/audit/as-known.ts';
import {
  beganMs,
  DEFAULT_LIFETIME_YEARS,
  type EmbodiedGrams,
  type Since,
} from '../../shared/embodied/amortization.ts';
import { type Footprint, withFootprints } from '../../shared/embodied/footprint.ts';
import { ALWAYS_MS, hardwareAsKnown } from '../../shared/embodied/own-figures.ts';
import { suspectedReplacements } from '../../shared/embodied/replacement.ts';
import {
  activeHoursAmounts,
  DEFAULT_EXPECTED_UTILIZATION_RATIO,
  type EmbodiedMethod,
  immediateAmounts,
  isFullyAmortized,
  type PartAmounts,
  straightLineAmounts,
  type Totals,
} from '../../shared/embodied/views.ts';
import { isVirtualMachine } from '../../shared/embodied/virtual-machine.ts';
import { spansInFleet } from '../../shared/emissions/presence.ts';
import { nodesAsKnown } from '../../shared/settings/node-as-known.ts';
import { lifetimesOf, Places } from '../../shared/settings/place.ts';
import { epochMs } from '../../shared/units.ts';
import { fail, ok, type Result } from '../http/problem.ts';
import { rangeProblem } from '../http/time-range.ts';
import { readFleetNodes } from '../storage/fleet.ts';
import { findNodeNumber } from '../storage/node-directory.ts';
import { findNode } from '../storage/nodes.ts';
import { readPartsAsKnown, type StoredPart } from '../storage/parts.ts';
import { readSettingsOfNodes } from '../storage/settings.ts';
import type { Shards } from '../storage/shards.ts';
import { type ActiveTime, readActiveTime } from './active-time.ts';

export interface EmbodiedQuery {
  readonly method: EmbodiedMethod;
  /** Default: since the first part began. */
  readonly fromMs?: number | undefined;
  /** Default and latest: `asOfMs`. */
  readonly toMs?: number | undefined;
  readonly asOfMs?: number | undefined;
  readonly expectedUtilizationRatio?: number | undefined;
}

export interface EmbodiedPart extends StoredPart, Footprint {
  /** Grams. */
  readonly amounts: PartAmounts;
  /** Of the low and the high bound. */
  readonly low: PartAmounts;
  readonly high: PartAmounts;
  readonly fullyAmortized: boolean;
  /** Where the operator gave another figure from a date on: each, in grams. */
  readonly figures?: readonly Since<EmbodiedGrams>[];
  /** Id of the node that it went to. */
  readonly movedToNode: string | null;
  /** Id of a part that may have taken its place. */
  readonly suspectedReplacement: string | null;
  /** Only with `activeHours`. */
  readonly activeMilliseconds: number | null;
}

export interface EmbodiedLedger {
  readonly fromMs: number;
  readonly toMs: number;
  readonly asOfMs: number;
  readonly method: EmbodiedMethod;
  /** That holds at `toMs`. */
  readonly lifetimeYears: number;
  /** Null unless the method uses it. */
  readonly expectedUtilizationRatio: number | null;
  readonly virtualMachine: boolean;
  readonly parts: readonly EmbodiedPart[];
}

/** Problems: `not_found`, `invalid_parameter`, `range_too_long`. */
export async function embodiedLedger(
  shards: Shards,
  nodeId: string,
  query: EmbodiedQuery,
  nowMs: number,
): Promise<Result<EmbodiedLedger>> {
  const { method, asOfMs = nowMs } = query;
  const knownAtMs = query.asOfMs ?? ALL_KNOWN;
  if (asOfMs > nowMs) return fail('invalid_parameter', 'asOf must not be in the future.', 'asOf');
  if (query.expectedUtilizationRatio !== undefined && method !== 'activeHours')
    return fail(
      'invalid_parameter',
      'expectedUtilizationRatio is used by embodiedMethod=activeHours only; leave it out.',
      'expectedUtilizationRatio',
    );
  const number = await findNodeNumber(shards.main, nodeId);
  const numbers = number === null ? [] : [number];
  const settings = await readSettingsOfNodes(shards, numbers);
  const [node] = nodesAsKnown(await shards.ofNodes(numbers, readFleetNodes), settings, knownAtMs);
  if (node === undefined) return fail('not_found', `No node has the id "${nodeId}".`, 'id');
  const inventory = (await findNode(shards, nodeId, nowMs))?.inventory ?? null;

  const hardware = hardwareAsKnown(settings, knownAtMs);
  const db = shards.ofNode(node.number);
  const stored = await readPartsAsKnown(db, [node.number], knownAtMs);
  const toMs = Math.min(query.toMs ?? asOfMs, asOfMs);
  const parts = withFootprints(
    stored,
    hardware.filter(({ fromMs }, i) => i === 0 || fromMs < toMs),
  );
  const fromMs = query.fromMs ?? Math.min(toMs - 1, ...parts.map(({ inServiceMs }) => inServiceMs));
  const backwards = rangeProblem(fromMs, toMs);
  if (backwards !== null) return { ok: false, problem: backwards };

  const places = new Places(settings, knownAtMs).of(node.number, {
    startMs: epochMs(Math.min(fromMs, ...parts.map(beganMs))),
    endMs: epochMs(toMs),
  });
  const lifetimes = lifetimesOf(places);
  const lifetimeYears = lifetimes.at(-1)?.years ?? DEFAULT_LIFETIME_YEARS;
  const expected = query.expectedUtilizationRatio ?? DEFAULT_EXPECTED_UTILIZATION_RATIO;
  const inFleet = spansInFleet(node, asOfMs);
  const range = { fromMs, toMs };
  let active: ActiveTime | null = null;
  if (method === 'activeHours') {
    const read = await readActiveTime(db, node.number, parts, range, knownAtMs);
    if (!read.ok) return read;
    active = read.value;
  }
  const amountsOf = (part: StoredPart, totals: Totals, activeMs: number | null): PartAmounts => {
    if (activeMs !== null) return activeHoursAmounts(totals, activeMs, lifetimeYears, expected);
    return method === 'immediate'
      ? immediateAmounts(part, totals, range)
      : straightLineAmounts(part, totals, lifetimes, inFleet, range);
  };
  const movedTo = [...new Set(parts.flatMap((part) => part.movedTo ?? []))];
  const idOf = new Map((await shards.ofNodes(movedTo, readFleetNodes)).map((each) => [each.number, each.id]));
  const suspected = suspectedReplacements(stored, asOfMs);
  return ok({
    ...range,
    asOfMs,
    method,
    lifetimeYears,
    expectedUtilizationRatio: active === null ? null : expected,
    virtualMachine: inventory !== null && isVirtualMachine(inventory.productName),
    parts: parts.map((part) => {
      const activeMilliseconds = active?.of(part) ?? null;
      const figures = part.figures ?? [{ fromMs: ALWAYS_MS, value: part }];
      const amounts = (of: keyof EmbodiedGrams) =>
        amountsOf(
          part,
          figures.map(({ fromMs, value }) => ({ fromMs, value: value[of] })),
          activeMilliseconds,
        );
      return {
        ...part,
        activeMilliseconds,
        amounts: amounts('grams'),
        low: amounts('gramsLow'),
        high: amounts('gramsHigh'),
        fullyAmortized: method === 'straightLine' && isFullyAmortized(part, lifetimes, toMs),
        movedToNode: part.movedTo === null ? null : (idOf.get(part.movedTo) ?? null),
        suspectedReplacement: suspected.get(part.id) ?? null,
      };
    }),
  });
}
