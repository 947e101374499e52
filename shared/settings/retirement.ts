/** When a node was retired, as it was known: enrolling a host again takes its retirement back, and both are recorded. */
import { type SettingRow, settingHistory } from './effective.ts';

/** Key of the setting of a node: the instant in milliseconds, or empty while it is in the fleet. */
export const RETIRED_AT = 'retiredAt';

/**
 * @param rows every setting in the order in which it was recorded
 * @param node with what stands now, for one that was retired before this was recorded
 */
export function retiredAsKnown(
  rows: readonly SettingRow[],
  node: { readonly number: number; readonly retiredAtMs: number | null },
  knownAtMs: number,
): number | null {
  const last = settingHistory(rows, `node:${node.number}`, RETIRED_AT, knownAtMs).rows.at(-1);
  if (last !== undefined) return last.value === '' ? null : Number(last.value);
  return node.retiredAtMs !== null && node.retiredAtMs <= knownAtMs ? node.retiredAtMs : null;
}
