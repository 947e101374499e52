/** Nodes with parts, and the ledger of them. */
import type { EnrollReply, InventoryPart } from '../../../shared/wire/ingest.ts';
import { ask, H100, report } from '../emissions/support.ts';

export interface Part {
  readonly id: string;
  readonly count: number | null;
  readonly embodiedGrams: number;
  readonly embodiedGramsHigh: number;
  readonly accruedGrams: number;
  readonly accruedSoFarGrams: number;
  readonly broughtGrams: number | null;
  readonly remainingGrams: number | null;
  readonly writtenOffGrams: number | null;
  readonly carriedAwayGrams: number | null;
  readonly activeHours: number | null;
  readonly matched: boolean;
  readonly assumed: boolean;
  readonly inServiceFrom: string;
  readonly inServiceAssumed: boolean;
  readonly agesFrom: string | null;
  readonly outOfServiceFrom: string | null;
  readonly missingSince: string | null;
  readonly suspectedReplacement: string | null;
  readonly replacedBy: string | null;
  readonly movedTo: string | null;
  readonly absences: readonly { readonly from: string; readonly to: string }[];
  readonly fullyAmortized: boolean;
  readonly figureHistory: readonly { readonly from: string | null; readonly embodiedGrams: number }[];
  readonly figures: readonly {
    readonly entry: string;
    readonly kind: string;
    readonly sources: readonly string[];
  }[];
}

export interface Ledger {
  readonly embodiedMethod: string;
  readonly sumsToTotal: boolean;
  readonly lifetimeYears: number;
  readonly virtualMachine: boolean;
  readonly totals: Readonly<Record<string, number | null>>;
  readonly parts: readonly Part[];
}

export const gpuId = (n: number): string => `GPU-00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
export const gpuPart = (n: number): InventoryPart => ({ id: gpuId(n), type: 'gpu', name: H100 });

export const iso = (ms: number): string => new Date(ms).toISOString();

export const inventory = ({ token }: EnrollReply, parts: readonly InventoryPart[]): Promise<void> =>
  report(token, [], parts);

export const ledgerOf = (nodeId: string, query = ''): Promise<Ledger> =>
  ask('GET', `/v1/nodes/${nodeId}/embodied${query}`);

export async function partOf(nodeId: string, id: string, query = ''): Promise<Part> {
  const part = (await ledgerOf(nodeId, query)).parts.find((each) => each.id === id);
  if (!part) throw new Error(`no part "${id}"`);
  return part;
}

export const say = (nodeId: string, partId: string, word: object): Promise<Ledger> =>
  ask('PATCH', `/v1/nodes/${nodeId}/parts/${encodeURIComponent(partId)}`, word);
