/** A node as it was known: what stands in its row is of now, so what it was before is kept among the settings. */
import { ALL_KNOWN } from '../audit/as-known.ts';
import { type SettingRow, settingHistory } from './effective.ts';

/** Key of a setting of a node: the instant in milliseconds, or empty while it is in the fleet. */
export const RETIRED_AT = 'retiredAt';
/** Key of a setting of a node: JSON of all its labels, as they were since it was recorded. */
export const LABELS = 'labels';

export interface ChangingNode {
  readonly number: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly enrolledAtMs: number;
  readonly retiredAtMs: number | null;
}

/**
 * The nodes that had enrolled by then, with their labels and whether they were retired. Labels have no date: those that
 * stand hold for all time.
 * @param rows every setting, in the order in which it was recorded
 */
export function nodesAsKnown<N extends ChangingNode>(
  nodes: readonly N[],
  rows: readonly SettingRow[],
  knownAtMs: number,
): readonly N[] {
  if (knownAtMs === ALL_KNOWN) return nodes;
  const bySubject = new Map<string, SettingRow[]>();
  for (const row of rows) {
    if (row.key !== RETIRED_AT && row.key !== LABELS) continue;
    bySubject.set(row.subject, [...(bySubject.get(row.subject) ?? []), row]);
  }
  return nodes
    .filter(({ enrolledAtMs }) => enrolledAtMs <= knownAtMs)
    .map((node) => {
      const subject = `node:${node.number}`;
      const known = (key: string) =>
        settingHistory(bySubject.get(subject) ?? [], subject, key, knownAtMs).rows.at(-1)?.value;
      return {
        ...node,
        labels: labelsOf(node, known(LABELS)),
        retiredAtMs: retiredAt(node, known(RETIRED_AT), knownAtMs),
      };
    });
}

const labelsOf = ({ labels }: ChangingNode, known: string | undefined): ChangingNode['labels'] =>
  known === undefined ? labels : JSON.parse(known);

/** Without a setting it is what stands now: retired before that was recorded, or not yet by then. */
function retiredAt(node: ChangingNode, known: string | undefined, knownAtMs: number): number | null {
  if (known !== undefined) return known === '' ? null : Number(known);
  return node.retiredAtMs !== null && node.retiredAtMs <= knownAtMs ? node.retiredAtMs : null;
}
