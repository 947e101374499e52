/** An operator's figures of hardware, kept among the settings: only ever added, so that what was known when can be told. */
import { ALL_KNOWN } from '../audit/as-known.ts';
import { type SettingRow, settingHistory } from '../settings/effective.ts';
import { HardwareCatalog, type OwnFigure, PUBLISHED } from './catalog.ts';

const SUBJECT = 'hardware:';
/** Key of the setting; JSON of an `OwnFigure`, or empty where it was taken back. */
export const FIGURE_KEY = 'figure';

/** Making a part emitted what it emitted: an own figure holds for all time, whenever it is given. */
export const FIGURE_HOLDS_FROM_MS = 0;

export const hardwareSubject = (entryId: string): string => `${SUBJECT}${entryId}`;

/** @param rows every setting, in the order in which it was recorded */
export function ownFigures(
  rows: readonly SettingRow[],
  knownAtMs: number = ALL_KNOWN,
): ReadonlyMap<string, OwnFigure> {
  const own = rows.filter(({ subject }) => subject.startsWith(SUBJECT));
  const figures = new Map<string, OwnFigure>();
  for (const subject of new Set(own.map((row) => row.subject))) {
    const value = settingHistory(own, subject, FIGURE_KEY, knownAtMs).rows.at(-1)?.value ?? '';
    if (value !== '') figures.set(subject.slice(SUBJECT.length), JSON.parse(value) as OwnFigure);
  }
  return figures;
}

/** The catalog as it was known: published figures, with the operator's in front. */
export function hardwareAsKnown(rows: readonly SettingRow[], knownAtMs: number = ALL_KNOWN): HardwareCatalog {
  const own = ownFigures(rows, knownAtMs);
  return own.size === 0 ? PUBLISHED : new HardwareCatalog(own);
}
