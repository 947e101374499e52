/** Carbon statements: gathers what one needs of a job, a project or a closed period (shared/statement composes it). */
import { ALL_KNOWN } from '../../shared/audit/as-known.ts';
import { hardwareAsKnown, hardwareAt, hardwareSubject } from '../../shared/embodied/own-figures.ts';
import type { Figures } from '../../shared/emissions/figures.ts';
import type { SciScore } from '../../shared/emissions/sci.ts';
import { contractKey, isContractKey } from '../../shared/settings/supply-contracts.ts';
import {
  composeStatement,
  entriesOf,
  type Statement,
  type StatementSubject,
} from '../../shared/statement/statement.ts';
import { fail, ok, type Result } from '../http/problem.ts';
import { openDatabase } from '../storage/database.ts';
import { findPeriod } from '../storage/periods.ts';
import { readSharedSettings } from '../storage/settings.ts';
import type { Shards } from '../storage/shards.ts';
import { type Emissions, emissions } from './emissions.ts';
import type { Accounting, EmissionsQuery } from './emissions-query.ts';
import { factorVersions } from './factor-versions.ts';
import { hardwareParts } from './hardware-parts.ts';
import { type JobEmissionsQuery, jobEmissions } from './job-emissions.ts';

export type StatementQuery = Pick<
  EmissionsQuery,
  'basis' | 'signal' | 'scope' | 'asOfMs' | 'withinProjects'
> & {
  readonly accounting: Accounting;
};

const NOBODY = { project: null, user: null, phase: null, runs: [], filter: null, closedAtMs: null };

/** Problems: `not_found`, `invalid_parameter`, `range_too_long`. */
export async function jobStatement(
  shards: Shards,
  id: string,
  { restarts, ...query }: StatementQuery & Pick<JobEmissionsQuery, 'restarts'>,
  nowMs: number,
): Promise<Result<Statement>> {
  const found = await jobEmissions(
    shards,
    id,
    { ...query, restarts, step: 'none', groupBy: 'gridZone' },
    nowMs,
  );
  if (!found.ok) return found;
  const { job, runs, emissions: byZone, sci } = found.value;
  const { project, user, phase } = job;
  const subject: StatementSubject = {
    ...NOBODY,
    kind: 'job',
    name: job.id,
    project,
    user,
    phase,
    runs: runs.map((run) => run.id),
  };
  const jobNumbers = runs.flatMap(({ numbers }) => numbers);
  return gather(shards, { subject, byZone, sci }, { ...query, jobNumbers }, nowMs);
}

/** Problems: `not_found` where no job of it ran in that time, `invalid_parameter`, `range_too_long`. */
export async function projectStatement(
  shards: Shards,
  project: string,
  query: StatementQuery & { readonly fromMs: number; readonly toMs?: number | undefined },
  nowMs: number,
): Promise<Result<Statement>> {
  const asked = { ...query, project };
  const byZone = await grouped(shards, asked, 'gridZone', nowMs);
  if (!byZone.ok) return byZone;
  if (byZone.value.totals.nodesReporting === 0)
    return fail(
      'not_found',
      `No job of the project "${project}" ran in that time; GET /v1/jobs lists the jobs with their projects.`,
      'project',
    );
  const subject: StatementSubject = { ...NOBODY, kind: 'project', name: project, project };
  return gather(shards, { subject, byZone: byZone.value, sci: [] }, asked, nowMs);
}

/** Of the frozen figure. Problems: `not_found`, `invalid_parameter`, `range_too_long`, `overloaded`. */
export async function periodStatement(shards: Shards, id: number, nowMs: number): Promise<Result<Statement>> {
  const period = await findPeriod(shards.main, id);
  if (period === null)
    return fail('not_found', `There is no period ${id}; GET /v1/periods lists them.`, 'id');
  const { fromMs, toMs, filter, basis, signal, accounting, closedAtMs } = period;
  const asked = {
    fromMs,
    toMs,
    filter,
    basis,
    signal,
    accounting: accounting as Accounting,
    asOfMs: closedAtMs,
    sumsAsKnown: true,
  };
  const byZone = await grouped(shards, asked, 'gridZone', nowMs);
  if (!byZone.ok) return byZone;
  const subject: StatementSubject = { ...NOBODY, kind: 'period', name: String(id), filter, closedAtMs };
  const whole = { subject, byZone: byZone.value, sci: [], totals: period.figure, versions: period.versions };
  return gather(shards, whole, asked, nowMs);
}

type Asked = StatementQuery & Omit<EmissionsQuery, 'nodeId' | 'step' | 'groupBy'>;

const grouped = (shards: Shards, asked: Asked, groupBy: EmissionsQuery['groupBy'], nowMs: number) =>
  emissions(shards, { ...asked, nodeId: null, step: 'none', groupBy, exactEnds: true }, nowMs);

interface Gathered {
  readonly subject: StatementSubject;
  readonly byZone: Emissions;
  readonly sci: readonly SciScore[];
  /** Default: those of `byZone`. */
  readonly totals?: Figures;
  /** Default: those that hold now. */
  readonly versions?: Awaited<ReturnType<typeof factorVersions>>;
}

async function gather(
  shards: Shards,
  { subject, byZone, sci, ...frozen }: Gathered,
  asked: Asked,
  nowMs: number,
): Promise<Result<Statement>> {
  const { fromMs, toMs, asOfMs, gpuCount, excluded, gridUses } = byZone;
  const { basis, signal, accounting } = asked;
  const range = { ...asked, fromMs, toMs };
  const bySite = await grouped(shards, range, 'site', nowMs);
  if (!bySite.ok) return bySite;
  const ofHardware = await hardwareParts(shards, { ...range, nodeId: null, step: 'none' }, nowMs);
  if (!ofHardware.ok) return ofHardware;
  const withParts = ofHardware.value === null;
  const byModel = await grouped(shards, { ...range, withParts }, 'gpuModel', nowMs);
  if (!byModel.ok) return byModel;
  const parts = ofHardware.value ?? byModel.value.embodiedParts;
  const knownAtMs = asked.asOfMs ?? ALL_KNOWN;
  const { settings, ...versions } =
    frozen.versions ?? (await factorVersions(shards.main, { fromMs, toMs, knownAtMs }));
  const sites = new Set(bySite.value.groups.map(({ key }) => `site:${key}`));
  const zones = byZone.groups.map(({ key }) => key);
  // A contract of another site may cover the whole zone; one that covers nothing, or under location, plays no part.
  const contracts = new Set(
    byZone.contracts?.map(({ contract }) => `site:${contract.siteId} ${contractKey(contract.id)}`),
  );
  const catalog = hardwareAt(
    hardwareAsKnown(await readSharedSettings(openDatabase(shards.main)), knownAtMs),
    toMs - 1,
  );
  const hardware = new Set(entriesOf(parts, catalog).map((entry) => hardwareSubject(entry.id)));
  const inUse = settings.filter(({ subject: of, key }) =>
    isContractKey(key)
      ? contracts.has(`${of} ${key}`)
      : sites.has(of) || hardware.has(of) || zones.some((zone) => of === `grid:${zone}`),
  );
  return ok(
    composeStatement({
      subject,
      fromMs,
      toMs: Math.min(toMs, asOfMs),
      asOfMs,
      basis,
      signal,
      accounting,
      totals: frozen.totals ?? byZone.totals,
      gpuCount,
      excluded,
      byZone: byZone.groups,
      bySite: bySite.value.groups,
      byModel: byModel.value.groups,
      providersOf: (zone) => [
        ...new Set(gridUses.filter(({ gridZone }) => gridZone === zone).map(({ provider }) => provider)),
      ],
      lifetimeYears: bySite.value.embodiedLifetimeYears,
      parts,
      sci,
      versions,
      settings: inUse,
      catalog,
    }),
  );
}
