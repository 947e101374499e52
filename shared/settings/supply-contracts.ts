/** Supply contracts as settings of the site that holds them: one key each, of which the last word holds. */
import { ALL_KNOWN } from '../audit/as-known.ts';
import type { SupplyContract } from '../emissions/supply.ts';
import type { SettingRow } from './effective.ts';

const PREFIX = 'supplyContract:';

export const contractKey = (id: string): string => `${PREFIX}${id}`;
export const isContractKey = (key: string): boolean => key.startsWith(PREFIX);

type Terms = Omit<SupplyContract, 'id' | 'siteId'>;

/** JSON with instants that a person can read: it stands in the history of the site and in the change log. */
export function contractValue({ kind, kwh, fromMs, toMs, gridZone, gramsPerKwh, source }: Terms): string {
  const vintageFrom = new Date(fromMs).toISOString();
  const vintageTo = new Date(toMs).toISOString();
  return JSON.stringify({ kind, kwh, vintageFrom, vintageTo, gridZone, gramsPerKwh, source });
}

/** Of every site in these rows, as it was known then; contracts that were taken back are left out. */
export function supplyContracts(
  rows: readonly SettingRow[],
  knownAtMs: number = ALL_KNOWN,
): SupplyContract[] {
  const last = new Map<string, SettingRow>();
  for (const row of rows)
    if (isContractKey(row.key) && row.recordedAtMs <= knownAtMs) last.set(`${row.subject} ${row.key}`, row);
  return [...last.values()].flatMap(({ subject, key, value }) => {
    if (value === '') return [];
    const { vintageFrom, vintageTo, ...terms } = JSON.parse(value);
    const siteId = subject.slice('site:'.length);
    const id = key.slice(PREFIX.length);
    return [{ id, siteId, ...terms, fromMs: Date.parse(vintageFrom), toMs: Date.parse(vintageTo) }];
  });
}
