/** An operator's figures of hardware, kept among the settings: only ever added, so that what was known when can be told. */
import { ALL_KNOWN } from '../audit/as-known.ts';
import { type SettingRow, settingHistory } from '../settings/effective.ts';
import type { Since } from './amortization.ts';
import { HardwareCatalog, type OwnFigure, PUBLISHED } from './catalog.ts';

const SUBJECT = 'hardware:';
/** Key of the setting; JSON of an `OwnFigure`, or empty where it was taken back. */
export const FIGURE_KEY = 'figure';

/** From when an own figure holds where no date is given: making a part emitted what it emitted. */
export const ALWAYS_MS = 0;

export const hardwareSubject = (entryId: string): string => `${SUBJECT}${entryId}`;

/** Figures of one entry in the order in which they take effect; null: the published one holds again. */
export type OwnHistory = readonly Since<OwnFigure | null>[];

/** Whether a figure of it holds at some time; if not, all were taken back. */
export const isOwn = (history: OwnHistory): boolean => history.some(({ value }) => value !== null);

/**
 * By entry of which anything was ever said, what was taken back included.
 * @param rows every setting, in the order in which it was recorded
 */
export function ownFigures(
  rows: readonly SettingRow[],
  knownAtMs: number = ALL_KNOWN,
): ReadonlyMap<string, OwnHistory> {
  const own = rows.filter(({ subject }) => subject.startsWith(SUBJECT));
  const figures = new Map<string, OwnHistory>();
  for (const subject of new Set(own.map((row) => row.subject))) {
    const history = settingHistory(own, subject, FIGURE_KEY, knownAtMs).rows.map(
      ({ effectiveFromMs, value }): OwnHistory[number] => ({
        fromMs: effectiveFromMs,
        value: value === '' ? null : (JSON.parse(value) as OwnFigure),
      }),
    );
    figures.set(subject.slice(SUBJECT.length), history);
  }
  return figures;
}

/** The catalog over time: published figures, with the operator's in front from their dates on. The last holds now. */
export type HardwareHistory = readonly Since<HardwareCatalog>[];

/** @param rows every setting, in the order in which it was recorded */
export function hardwareAsKnown(rows: readonly SettingRow[], knownAtMs: number = ALL_KNOWN): HardwareHistory {
  const own = [...ownFigures(rows, knownAtMs)].filter(([, history]) => isOwn(history));
  const dates = new Set(own.flatMap(([, history]) => history.map(({ fromMs }) => fromMs)));
  const starts = [...dates.add(ALWAYS_MS)].sort((a, b) => a - b);
  return starts.map((fromMs) => {
    const held = own.flatMap(([id, history]): [string, OwnFigure][] => {
      const figure = history.findLast((each) => each.fromMs <= fromMs)?.value ?? null;
      return figure === null ? [] : [[id, figure]];
    });
    return { fromMs, value: held.length === 0 ? PUBLISHED : new HardwareCatalog(new Map(held)) };
  });
}

export function hardwareAt(history: HardwareHistory, instantMs: number): HardwareCatalog {
  return (history.findLast(({ fromMs }) => fromMs <= instantMs) ?? history[0]!).value;
}
