/**
 * Grid zones that are one region of WattTime, by its name for it in API v3. American ones are balancing authorities of the same
 * name in WattTime's own list (WattTime/watttime-python-client, data/us_region_meta_data.csv at 1282382); the others as the Green
 * Software Foundation pairs them (real-time-cloud, Cloud_Region_Metadata.csv at b2858aa, MIT).
 *
 * Left out, since a site's zone does not say in which region it lies: zones that WattTime divides (ERCOT, ISONE, MISO, NYISO, PJM and
 * SPP, Ontario, Mexico), and zones that are a part of a region (India, Brazil, the halves of Denmark, northern Italy). California
 * is divided too, and stands for its north, which is what a free account has. The operator may name the region of any zone.
 */
import { findZone } from '../../shared/grid/zones.ts';

export const WATTTIME_REGIONS: Readonly<Record<string, string>> = {
  AT: 'AT',
  'AU-NSW': 'NEM_NSW',
  'AU-VIC': 'NEM_VIC',
  BE: 'BE',
  BH: 'BHR',
  'CA-QC': 'HQ',
  CH: 'CH',
  DE: 'DE',
  ES: 'ES',
  FI: 'FI',
  FR: 'FR',
  GB: 'UK',
  GR: 'GR',
  IE: 'IE',
  'JP-KN': 'JP_KN',
  'JP-TK': 'JP_TK',
  KR: 'KOR',
  NL: 'NL',
  NZ: 'NZL',
  PL: 'PL',
  SA: 'SAU',
  SE: 'SE',
  SG: 'SGP',
  TW: 'TWN',
  'US-CAL-BANC': 'BANC',
  'US-CAL-CISO': 'CAISO_NORTH',
  'US-CAL-IID': 'IID',
  'US-CAL-LDWP': 'LDWP',
  'US-CAL-TIDC': 'TID',
  'US-CAR-CPLE': 'CPLE',
  'US-CAR-CPLW': 'CPLW',
  'US-CAR-DUK': 'DUK',
  'US-CAR-SC': 'SC',
  'US-CAR-SCEG': 'SCEG',
  'US-CENT-SPA': 'SPA',
  'US-FLA-FMPP': 'FMPP',
  'US-FLA-FPC': 'FPC',
  'US-FLA-FPL': 'FPL',
  'US-FLA-GVL': 'GVL',
  'US-FLA-JEA': 'JEA',
  'US-FLA-SEC': 'SEC',
  'US-FLA-TAL': 'TAL',
  'US-FLA-TEC': 'TEC',
  'US-MIDW-AECI': 'AECI',
  'US-MIDW-LGEE': 'LGEE',
  'US-NW-AVA': 'AVA',
  'US-NW-BPAT': 'BPA',
  'US-NW-CHPD': 'CHPD',
  'US-NW-DOPD': 'DOPD',
  'US-NW-IPCO': 'IPCO',
  'US-NW-NEVP': 'NEVP',
  'US-NW-NWMT': 'MPCO',
  'US-NW-PACE': 'PACE',
  'US-NW-PACW': 'PACW',
  'US-NW-PGE': 'PGE',
  'US-NW-PSCO': 'PSCO',
  'US-NW-PSEI': 'PSEI',
  'US-NW-SCL': 'SCL',
  'US-NW-TPWR': 'TPWR',
  'US-NW-WACM': 'WACM',
  'US-NW-WAUW': 'WAUW',
  'US-SE-SOCO': 'SOCO',
  'US-SW-AZPS': 'AZPS',
  'US-SW-EPE': 'ELE',
  'US-SW-PNM': 'PNM',
  'US-SW-SRP': 'SRP',
  'US-SW-TEPC': 'TEPC',
  'US-SW-WALC': 'WALC',
  'US-TEN-TVA': 'TVA',
  ZA: 'ZAF',
};

export interface RegionsTaken {
  /** By grid zone. */
  readonly regions: ReadonlyMap<string, string>;
  /** What is wrong with what was given; null where nothing is. */
  readonly problem: string | null;
}

/** @param given by the operator, before the table: `US-TEX-ERCO=ERCOT_NORTHCENTRAL, DE=`, which is not asked for then */
export function regionsWith(given: string): RegionsTaken {
  const regions = new Map(Object.entries(WATTTIME_REGIONS));
  for (const entry of given.split(',').map((text) => text.trim())) {
    if (entry === '') continue;
    const [, gridZone, region] = /^([A-Z0-9-]+)\s*=\s*([A-Z0-9_]*)$/.exec(entry) ?? [];
    if (gridZone === undefined || region === undefined)
      return { regions, problem: `WATTTIME_REGIONS must be ZONE=REGION, by comma; got "${entry}"` };
    if (findZone(gridZone) === null)
      return { regions, problem: `WATTTIME_REGIONS names no grid zone: "${gridZone}"` };
    if (region === '') regions.delete(gridZone);
    else regions.set(gridZone, region);
  }
  return { regions, problem: null };
}
