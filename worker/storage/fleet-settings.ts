/** What the operator wants of the fleet as a whole. */
import { settingHistory, valueAt } from '../../shared/settings/effective.ts';
import type { Database } from './database.ts';
import { addSettings, readSettingsOf } from './settings.ts';

export interface FleetSettings {
  /** Whether a person who changes what the log tells of must say why. */
  readonly requireWhy: boolean;
  /** Least seconds between two reports of a node; `auto`: as this server was deployed with. */
  readonly reportEverySeconds: number | 'auto';
}

const SUBJECT = 'fleet';

export async function readFleetSettings(db: Database, nowMs: number): Promise<FleetSettings> {
  const rows = await readSettingsOf(db, SUBJECT);
  const settingOf = (key: keyof FleetSettings) => valueAt(settingHistory(rows, SUBJECT, key), nowMs);
  return {
    requireWhy: settingOf('requireWhy') === 'true',
    reportEverySeconds: toReportEverySeconds(settingOf('reportEverySeconds')),
  };
}

/** As it is stored; null: nobody ever asked. */
export function toReportEverySeconds(value: string | null): FleetSettings['reportEverySeconds'] {
  return value === null || value === 'auto' ? 'auto' : Number(value);
}

/** Hold from now on; logged. What is left out stays. */
export async function writeFleetSettings(
  db: Database,
  settings: { readonly [K in keyof FleetSettings]?: FleetSettings[K] | undefined },
  { nowMs, by, why }: { readonly nowMs: number; readonly by: string; readonly why?: string | undefined },
): Promise<void> {
  const rows = Object.entries(settings).flatMap(([key, value]) =>
    value === undefined
      ? []
      : [
          {
            subject: SUBJECT,
            key,
            value: String(value),
            effectiveFromMs: nowMs,
            recordedAtMs: nowMs,
            recordedBy: by,
          },
        ],
  );
  await addSettings(db, rows, why ?? null);
}
