/** What an operator says of a site beside zone, PUE and lifetime, as settings. */
import type { SupplyContract } from '../../shared/emissions/supply.ts';
import { findZone } from '../../shared/grid/zones.ts';
import { ALL_FACTOR_KEYS } from '../../shared/settings/site-factors.ts';
import { contractKey, contractValue } from '../../shared/settings/supply-contracts.ts';
import { ok, type Result } from '../http/problem.ts';
import { unknownZone } from './grid-unknown-zone.ts';

/** Null takes back. */
export interface FactorInput {
  readonly factors?: Readonly<Record<string, number | string | null | undefined>> | undefined;
  readonly pueByMonth?: readonly { readonly monthMs: number; readonly pueRatio: number }[] | undefined;
  readonly supplyContracts?:
    | Readonly<Record<string, Omit<SupplyContract, 'id' | 'siteId'> | null>>
    | undefined;
}

export interface FactorSetting {
  readonly key: string;
  readonly value: string;
  readonly effectiveFromMs: number;
}

/** Problem: `unknown_grid_zone`. */
export function checkContracts({ supplyContracts = {} }: FactorInput): Result<null> {
  for (const [id, contract] of Object.entries(supplyContracts)) {
    const gridZone = contract?.gridZone ?? null;
    if (gridZone !== null && findZone(gridZone) === null) {
      const { problem } = unknownZone(gridZone);
      return { ok: false, problem: { ...problem, field: `/supplyContracts/${id}/gridZone` } };
    }
  }
  return ok(null);
}

/** A contract counts by its vintage and a month by itself, whatever the date from which the rest holds. */
export function factorSettings(input: FactorInput, effectiveFromMs: number): FactorSetting[] {
  const { factors = {}, pueByMonth = [], supplyContracts = {} } = input;
  return [
    ...ALL_FACTOR_KEYS.flatMap((key) => {
      const value = factors[key];
      return value === undefined
        ? []
        : [{ key, value: value === null ? '' : String(value), effectiveFromMs }];
    }),
    ...pueByMonth.map(({ monthMs, pueRatio }) => ({
      key: 'pueRatio',
      value: String(pueRatio),
      effectiveFromMs: monthMs,
    })),
    ...Object.entries(supplyContracts).map(([id, contract]) => ({
      key: contractKey(id),
      value: contract === null ? '' : contractValue(contract),
      effectiveFromMs: contract?.fromMs ?? effectiveFromMs,
    })),
  ];
}
