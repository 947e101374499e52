/** What figures are made with beside what was metered: versions, so that a frozen figure can tell why another differs. */
import { catalog } from '../../shared/embodied/catalog.ts';
import { GRID_ZONES } from '../../shared/grid/zones.ts';
import { segmentsOver, settingHistory } from '../../shared/settings/effective.ts';
import { epochMs } from '../../shared/units.ts';
import { VERSION } from '../http/version.ts';
import { webCrypto } from '../http/web-crypto.ts';
import { openDatabase } from '../storage/database.ts';
import { toHex } from '../storage/hex.ts';
import type { Versions } from '../storage/periods.ts';
import { readSettings } from '../storage/settings.ts';

type Factors = Omit<Versions, 'settings'>;

/** Those of this software, and the settings of sites and zones that hold at some time of the range. */
export async function factorVersions(
  db: D1Database,
  { fromMs, toMs, knownAtMs }: { readonly fromMs: number; readonly toMs: number; readonly knownAtMs: number },
): Promise<Versions> {
  const rows = (await readSettings(openDatabase(db))).filter(({ subject }) => !subject.startsWith('node:'));
  const names = new Map(rows.map(({ subject, key }) => [`${subject} ${key}`, { subject, key }]));
  const range = { startMs: epochMs(fromMs), endMs: epochMs(toMs) };
  const settings = [...names.values()].flatMap(({ subject, key }) =>
    segmentsOver(settingHistory(rows, subject, key, knownAtMs), range).flatMap(({ startMs, value }) =>
      value === null ? [] : [{ subject, key, value, effectiveFromMs: startMs as number }],
    ),
  );
  return { ...(await factors()), settings };
}

export async function sameFactors(versions: Versions): Promise<boolean> {
  const own = await factors();
  return (Object.keys(own) as (keyof Factors)[]).every((name) => own[name] === versions[name]);
}

let known: Promise<Factors> | null = null;

/** They are part of the program, so once is enough. */
function factors(): Promise<Factors> {
  known ??= readFactors();
  return known;
}

async function readFactors(): Promise<Factors> {
  return {
    software: VERSION,
    catalogSha256: await sha256(catalog),
    zonesSha256: await sha256(GRID_ZONES),
  };
}

async function sha256(value: unknown): Promise<string> {
  return toHex(await webCrypto.sha256(new TextEncoder().encode(JSON.stringify(value))));
}
