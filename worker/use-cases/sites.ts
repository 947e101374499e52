/** Sites: where nodes stand, with the values that every emission figure of theirs depends on. */

import type { SupplyContract } from '../../shared/emissions/supply.ts';
import { nearestCloudRegions } from '../../shared/grid/regions.ts';
import { findZone, nearestZones } from '../../shared/grid/zones.ts';
import { settingHistory, valueAt } from '../../shared/settings/effective.ts';
import { type SiteFactors, siteFactors } from '../../shared/settings/site-factors.ts';
import { supplyContracts } from '../../shared/settings/supply-contracts.ts';
import type { PageRequest } from '../http/paging.ts';
import { fail, ok, type Result } from '../http/problem.ts';
import { type Database, openDatabase } from '../storage/database.ts';
import { type RecordedSetting, readSettingsOf, readSettingsOfMany } from '../storage/settings.ts';
import type { Shards } from '../storage/shards.ts';
import {
  deleteSite,
  findSite,
  insertSite,
  listSites,
  readSiteUse,
  type StoredSite,
  updateSite,
} from '../storage/sites.ts';
import { placedRegion } from './cloud-regions.ts';
import { checkContracts, type FactorInput, factorSettings } from './site-factors.ts';

export interface SiteValues {
  readonly gridZone?: string | undefined;
  readonly pueRatio?: number | undefined;
  readonly embodiedLifetimeYears?: number | undefined;
}

/** Values as somebody gives them: the zone by its key or by the cloud region that lies in it. */
export interface SiteInput extends SiteValues, FactorInput {
  readonly cloudRegion?: string | undefined;
}

/** A site with what holds now and everything that was ever set. */
export interface Site extends StoredSite {
  readonly gridZone: string | null;
  readonly pueRatio: number | null;
  readonly embodiedLifetimeYears: number | null;
  readonly factors: SiteFactors;
  /** Of every vintage. */
  readonly supplyContracts: readonly SupplyContract[];
  readonly history: readonly RecordedSetting[];
}

export interface Recorder {
  readonly nowMs: number;
  /** Token id. */
  readonly by: string;
  /** The reason given, for the change log. */
  readonly why?: string | undefined;
}

/** The first values hold from the beginning of time: what a node reports about the past needs a zone too. */
const ALWAYS_MS = 0;

const siteSubject = (id: string) => `site:${id}`;

/** Problems: `unknown_grid_zone`, `already_exists`. */
export async function createSite(
  db: Database,
  site: { readonly id: string; readonly name: string } & SiteInput,
  recorder: Recorder,
): Promise<Result<Site>> {
  const gridZone = await zoneOf(db, site, recorder.nowMs);
  if (!gridZone.ok) return gridZone;
  const contracts = checkContracts(site);
  if (!contracts.ok) return contracts;
  const stored = { id: site.id, name: site.name, createdAtMs: recorder.nowMs };
  const rows = settingRows(site.id, { ...site, gridZone: gridZone.value }, ALWAYS_MS, recorder);
  if (!(await insertSite(db, stored, rows, recorder.why ?? null))) {
    return fail('already_exists', `A site "${site.id}" exists; change it with PATCH /v1/sites/${site.id}.`);
  }
  return ok(withValues(stored, rows, recorder.nowMs));
}

/**
 * Adds values that hold from `effectiveFromMs` (default: now); earlier ones stay as they were.
 * Problems: `not_found`, `unknown_grid_zone`.
 */
export async function changeSite(
  db: Database,
  id: string,
  change: { readonly name?: string | undefined; readonly effectiveFromMs?: number | undefined } & SiteInput,
  recorder: Recorder,
): Promise<Result<Site>> {
  const gridZone = await zoneOf(db, change, recorder.nowMs);
  if (!gridZone.ok) return gridZone;
  const contracts = checkContracts(change);
  if (!contracts.ok) return contracts;
  if ((await findSite(db, id)) === null) return noSite(id);
  const values = { ...change, gridZone: gridZone.value };
  const rows = settingRows(id, values, change.effectiveFromMs ?? recorder.nowMs, recorder);
  await updateSite(db, id, change.name, rows, recorder.why ?? null);
  return getSite(db, id, recorder.nowMs);
}

/** Only one that no figure is made with. Problems: `not_found`, `in_use`. */
export async function removeSite(shards: Shards, id: string, recorder: Recorder): Promise<Result<null>> {
  const author = { who: recorder.by, why: recorder.why ?? null };
  // Shard 0 looks once more within its transaction; the others know of nodes alone.
  const isFree = Object.values(await readSiteUse(shards, id)).every((count) => count === 0);
  if (isFree && (await deleteSite(shards.main, id, author, recorder.nowMs))) return ok(null);
  if ((await findSite(openDatabase(shards.main), id)) === null) return noSite(id);
  const { nodes, contracts, enrolmentKeys } = await readSiteUse(shards, id);
  const uses = [
    ...(nodes > 0 ? [`nodes stand or stood there (${nodes})`] : []),
    ...(contracts > 0 ? [`it has or had supply contracts (${contracts})`] : []),
    ...(enrolmentKeys > 0
      ? [`enrolment keys lead there (${enrolmentKeys}; DELETE /v1/enrolment-keys/{id})`]
      : []),
  ];
  return fail('in_use', `Figures of the past need the site "${id}": ${uses.join('; ')}.`);
}

/** Problem: `not_found`. */
export async function getSite(db: Database, id: string, nowMs: number): Promise<Result<Site>> {
  const stored = await findSite(db, id);
  if (stored === null) return noSite(id);
  return ok(withValues(stored, await readSettingsOf(db, siteSubject(id)), nowMs));
}

/** By id; at most `limit`, after the id `after` where given. */
export async function getSites(db: Database, page: PageRequest, nowMs: number): Promise<Site[]> {
  const stored = await listSites(db, page.limit, page.after);
  const rows = await readSettingsOfMany(
    db,
    stored.map((site) => siteSubject(site.id)),
  );
  return stored.map((site) => withValues(site, rows, nowMs));
}

function withValues(site: StoredSite, rows: readonly RecordedSetting[], nowMs: number): Site {
  const subject = siteSubject(site.id);
  const own = rows.filter((row) => row.subject === subject);
  const now = (key: string) => valueAt(settingHistory(rows, subject, key), nowMs);
  const number = (text: string | null) => (text === null ? null : Number(text));
  return {
    ...site,
    gridZone: now('gridZone'),
    pueRatio: number(now('pueRatio')),
    embodiedLifetimeYears: number(now('embodiedLifetimeYears')),
    factors: siteFactors(now),
    supplyContracts: supplyContracts(own),
    history: own,
  };
}

function settingRows(
  siteId: string,
  { gridZone, pueRatio, embodiedLifetimeYears, ...input }: SiteInput,
  effectiveFromMs: number,
  recorder: Recorder,
): RecordedSetting[] {
  const values = Object.entries({ gridZone, pueRatio, embodiedLifetimeYears })
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ({ key, value: String(value), effectiveFromMs }));
  return [...values, ...factorSettings(input, effectiveFromMs)].map((setting) => ({
    ...setting,
    subject: siteSubject(siteId),
    recordedAtMs: recorder.nowMs,
    recordedBy: recorder.by,
  }));
}

/** The zone that is meant; undefined where none is given. */
async function zoneOf(
  db: Database,
  { gridZone, cloudRegion }: SiteInput,
  nowMs: number,
): Promise<Result<string | undefined>> {
  if (cloudRegion !== undefined) {
    const region = await placedRegion(db, cloudRegion, nowMs);
    return region.ok ? ok(region.value.gridZone) : region;
  }
  return gridZone === undefined || findZone(gridZone) !== null ? ok(gridZone) : unknownZone(gridZone);
}

function unknownZone(gridZone: string) {
  const [region] = nearestCloudRegions(gridZone);
  const hint = region
    ? `As a cloud region it is "cloudRegion": "${region.key}", in zone ${region.gridZone}.`
    : `Did you mean ${nearestZones(gridZone).join(', ')}?`;
  return fail(
    'unknown_grid_zone',
    `"${gridZone}" is no grid zone. ${hint} GET /v1/grid/zones lists all.`,
    '/gridZone',
  );
}

const noSite = (id: string) => fail('not_found', `There is no site "${id}"; GET /v1/sites lists them.`);
