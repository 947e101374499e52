/** What figures are made with beside what was metered: versions, so that a frozen figure can tell why another differs. */
import { catalog } from '../../shared/embodied/catalog.ts';
import { GRID_ZONES } from '../../shared/grid/zones.ts';
import { segmentsOver, settingHistory } from '../../shared/settings/effective.ts';
import {
  contractKey,
  contractValue,
  isContractKey,
  supplyContracts,
} from '../../shared/settings/supply-contracts.ts';
import { epochMs } from '../../shared/units.ts';
import { VERSION } from '../http/version.ts';
import { webCrypto } from '../http/web-crypto.ts';
import { openDatabase } from '../storage/database.ts';
import { toHex } from '../storage/hex.ts';
import type { Versions } from '../storage/periods.ts';
import { readSharedSettings } from '../storage/settings.ts';

type Factors = Omit<Versions, 'settings'>;

/** Those of this software, and the settings of sites and zones that hold at some time of the range. */
export async function factorVersions(
  db: D1Database,
  { fromMs, toMs, knownAtMs }: { readonly fromMs: number; readonly toMs: number; readonly knownAtMs: number },
): Promise<Versions> {
  const rows = await readSharedSettings(openDatabase(db));
  const names = new Map(
    rows
      .filter(({ key }) => !isContractKey(key))
      .map(({ subject, key }) => [`${subject} ${key}`, { subject, key }]),
  );
  const range = { startMs: epochMs(fromMs), endMs: epochMs(toMs) };
  const settings = [...names.values()].flatMap(({ subject, key }) =>
    segmentsOver(settingHistory(rows, subject, key, knownAtMs), range).flatMap(({ startMs, value }) =>
      value === null || value === '' ? [] : [{ subject, key, value, effectiveFromMs: startMs as number }],
    ),
  );
  // Of a contract the last word holds for all of its vintage, whenever it was said.
  const contracts = supplyContracts(rows, knownAtMs)
    .filter((contract) => contract.fromMs < toMs && contract.toMs > fromMs)
    .map((contract) => ({
      subject: `site:${contract.siteId}`,
      key: contractKey(contract.id),
      value: contractValue(contract),
      effectiveFromMs: Math.max(contract.fromMs, fromMs),
    }));
  return { ...(await factors()), settings: [...settings, ...contracts] };
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
    catalogSha256: await catalogSha256(),
    zonesSha256: await sha256(GRID_ZONES),
  };
}

let ofCatalog: Promise<string> | null = null;

/** Of what making hardware emits, as published. */
export function catalogSha256(): Promise<string> {
  ofCatalog ??= sha256(catalog);
  return ofCatalog;
}

async function sha256(value: unknown): Promise<string> {
  return toHex(await webCrypto.sha256(new TextEncoder().encode(JSON.stringify(value))));
}
