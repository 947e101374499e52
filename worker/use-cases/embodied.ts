/** The ledger of one node's parts: what making each emitted, how that is known, and what has accrued until now. */
import { accrualsOf, accruedShare, DEFAULT_LIFETIME_YEARS } from '../../shared/embodied/amortization.ts';
import { type CatalogEntry, catalog, catalogEntry } from '../../shared/embodied/catalog.ts';
import { type Footprint, partFootprint } from '../../shared/embodied/footprint.ts';
import { Places } from '../../shared/settings/place.ts';
import { epochMs } from '../../shared/units.ts';
import { fail, ok, type Result } from '../http/problem.ts';
import { openDatabase } from '../storage/database.ts';
import { findNode } from '../storage/nodes.ts';
import { readParts, type StoredPart } from '../storage/parts.ts';
import { readSettings } from '../storage/settings.ts';

export interface EmbodiedPart extends StoredPart, Omit<Footprint, 'entryIds'> {
  /** 0..1 of `grams`, from its in-service date until now. */
  readonly accruedShare: number;
  readonly entries: readonly CatalogEntry[];
}

export interface EmbodiedLedger {
  /** That holds now. */
  readonly lifetimeYears: number;
  readonly parts: readonly EmbodiedPart[];
}

/** Problem: `not_found`. */
export async function embodiedLedger(
  db: D1Database,
  nodeId: string,
  nowMs: number,
): Promise<Result<EmbodiedLedger>> {
  const node = await findNode(db, nodeId, nowMs);
  if (node === null) return fail('not_found', `No node has the id "${nodeId}".`, 'id');
  const parts = await readParts(db, [node.number]);
  const places = new Places(await readSettings(openDatabase(db))).of(node.number, {
    startMs: epochMs(Math.min(nowMs, ...parts.map(({ inServiceMs }) => inServiceMs))),
    endMs: epochMs(nowMs + 1),
  });
  const lifetimes = places.flatMap(({ startMs, lifetimeYears }) =>
    lifetimeYears === null ? [] : [{ fromMs: startMs, years: lifetimeYears }],
  );
  return ok({
    lifetimeYears: lifetimes.at(-1)?.years ?? DEFAULT_LIFETIME_YEARS,
    parts: parts.map((part) => {
      const { entryIds, ...footprint } = partFootprint(part);
      return {
        ...part,
        ...footprint,
        accruedShare: accruedShare(accrualsOf(part, lifetimes), part.inServiceMs, nowMs),
        entries: entryIds.map(catalogEntry),
      };
    }),
  });
}

/** The full reference of a source key of the catalog. */
export const sourceOf = (key: string): string => catalog.sources[key] ?? key;
