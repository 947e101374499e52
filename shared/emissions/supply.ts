/**
 * Market-based accounting: what supply contracts cover of the electricity that was used. A contract (certificates, a power
 * purchase agreement) has an amount, a vintage and a boundary; it is spread evenly over the consumption inside both, so
 * every kWh of it has the same share, and it never covers more than was used. Contracts that overlap take their share of
 * what those before them left: the one whose vintage ends first, then by id.
 */
import { CompensatedSum } from './compensated-sum.ts';

export interface SupplyContract {
  readonly id: string;
  /** The site that holds it. */
  readonly siteId: string;
  readonly kind: 'certificate' | 'ppa';
  readonly kwh: number;
  /** Vintage `[fromMs, toMs)`. */
  readonly fromMs: number;
  readonly toMs: number;
  /** The zone whose sites it may cover; null: only the site that holds it. */
  readonly gridZone: string | null;
  readonly gramsPerKwh: number;
  readonly source: string;
}

/** What contracts cover of one kWh. */
export interface ContractShare {
  /** 0..1 */
  readonly share: number;
  /** Grams of that share, per kWh of the whole. */
  readonly gramsPerKwh: number;
}

export interface ContractUse {
  readonly contract: SupplyContract;
  readonly usedKwh: number;
  readonly unusedKwh: number;
}

/** What contracts cover where. */
export interface ContractShares {
  /** One object while nothing of it changes. */
  shareAt(siteId: string | null, gridZone: string | null, windowStartMs: number): ContractShare;
}

const NOTHING: ContractShare = { share: 0, gramsPerKwh: 0 };

/** Consumption that is covered alike: one site in one zone between two edges of vintages. */
interface Span {
  readonly siteId: string;
  readonly gridZone: string | null;
  /** Start of the span. */
  readonly edgeMs: number;
  readonly kwh: CompensatedSum;
  share: number;
  gramsPerKwh: number;
}

/** Adds up the consumption that contracts are spread over, then spreads them. */
export class SupplyPlan implements ContractShares {
  readonly #contracts: readonly SupplyContract[];
  readonly #edges: readonly number[];
  readonly #spans = new Map<string, Span>();
  /** In the order in which they are spread. */
  readonly #parts: { readonly contract: SupplyContract; readonly part: number }[] = [];

  constructor(contracts: readonly SupplyContract[]) {
    this.#contracts = [...contracts].sort((a, b) => a.toMs - b.toMs || (a.id < b.id ? -1 : 1));
    const edges = contracts.flatMap(({ fromMs, toMs }) => [fromMs, toMs]);
    this.#edges = [...new Set(edges)].sort((a, b) => a - b);
  }

  /**
   * All windows of all vintages, once each, before `spread`.
   * @param facilityKwh PUE included; of one window, or of several from this one on that have one `shareAt`
   */
  add(siteId: string, gridZone: string | null, windowStartMs: number, facilityKwh: number): void {
    this.#spanAt(siteId, gridZone, windowStartMs)?.kwh.add(facilityKwh);
  }

  /** Decides what each contract covers. */
  spread(): ContractUse[] {
    return this.#contracts.map((contract) => {
      const within = [...this.#spans.values()].filter((span) => covers(contract, span));
      const left = new CompensatedSum();
      for (const { kwh, share } of within) left.add(kwh.value * (1 - share));
      const part = left.value <= contract.kwh ? 1 : contract.kwh / left.value;
      this.#parts.push({ contract, part });
      for (const span of within) cover(span, contract, part);
      const usedKwh = Math.min(contract.kwh, left.value);
      return { contract, usedKwh, unusedKwh: contract.kwh - usedKwh };
    });
  }

  /** What contracts cover of the window's consumption there; nothing before `spread`. */
  shareAt(siteId: string | null, gridZone: string | null, windowStartMs: number): ContractShare {
    return this.#spanAt(siteId, gridZone, windowStartMs) ?? NOTHING;
  }

  /** Null where there is no contract yet, or none can be. */
  #spanAt(siteId: string | null, gridZone: string | null, windowStartMs: number): Span | null {
    const edgeMs = this.#edgeBefore(windowStartMs);
    if (siteId === null || edgeMs === null) return null;
    const key = keyOf(siteId, gridZone, edgeMs);
    const known = this.#spans.get(key);
    if (known !== undefined) return known;
    const span = { siteId, gridZone, edgeMs, kwh: new CompensatedSum(), share: 0, gramsPerKwh: 0 };
    // What was used since the contracts were spread is covered as they cover what is of their vintage.
    for (const { contract, part } of this.#parts) if (covers(contract, span)) cover(span, contract, part);
    this.#spans.set(key, span);
    return span;
  }

  #edgeBefore(instantMs: number): number | null {
    return this.#edges.findLast((edge) => edge <= instantMs) ?? null;
  }
}

const keyOf = (siteId: string, gridZone: string | null, edgeMs: number) => `${siteId} ${gridZone} ${edgeMs}`;

/** Adds what the contract has for what those before it left. */
function cover(span: Span, contract: SupplyContract, part: number): void {
  const share = (1 - span.share) * part;
  span.share = part === 1 ? 1 : span.share + share;
  span.gramsPerKwh += share * contract.gramsPerKwh;
}

function covers({ fromMs, toMs, siteId, gridZone }: SupplyContract, span: Span): boolean {
  if (span.edgeMs < fromMs || span.edgeMs >= toMs) return false;
  return gridZone === null ? span.siteId === siteId : span.gridZone === gridZone;
}

/** Those whose vintage touches the range, and those that share consumption with them: what one takes, others lack. */
export function contractsTouching(
  contracts: readonly SupplyContract[],
  fromMs: number,
  toMs: number,
): SupplyContract[] {
  const reached = new Set<SupplyContract>();
  const reach = (startMs: number, endMs: number) => {
    for (const contract of contracts) {
      if (reached.has(contract) || contract.fromMs >= endMs || contract.toMs <= startMs) continue;
      reached.add(contract);
      reach(contract.fromMs, contract.toMs);
    }
  };
  reach(fromMs, toMs);
  return [...reached];
}
