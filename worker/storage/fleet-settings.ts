/** What the operator wants of the fleet as a whole. */
import { settingHistory, valueAt } from '../../shared/settings/effective.ts';
import type { Database } from './database.ts';
import { addSettings, readSettingsOf } from './settings.ts';

export interface FleetSettings {
  /** Whether a person who changes what the log tells of must say why. */
  readonly requireWhy: boolean;
}

const SUBJECT = 'fleet';
const REQUIRE_WHY = 'requireWhy';

export async function readFleetSettings(db: Database, nowMs: number): Promise<FleetSettings> {
  const rows = await readSettingsOf(db, SUBJECT);
  return { requireWhy: valueAt(settingHistory(rows, SUBJECT, REQUIRE_WHY), nowMs) === 'true' };
}

/** Holds from now on; logged. */
export async function writeFleetSettings(
  db: Database,
  { requireWhy }: FleetSettings,
  { nowMs, by, why }: { readonly nowMs: number; readonly by: string; readonly why?: string | undefined },
): Promise<void> {
  const row = {
    subject: SUBJECT,
    key: REQUIRE_WHY,
    value: String(requireWhy),
    effectiveFromMs: nowMs,
    recordedAtMs: nowMs,
    recordedBy: by,
  };
  await addSettings(db, [row], why ?? null);
}
