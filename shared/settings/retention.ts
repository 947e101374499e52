/** How long what is kept: one preset per plan of Cloudflare, each span of it the operator's to change. */
import { MAX_AGE_MS } from '../ledger/plausibility.ts';
import { SEAL_AFTER_MS } from '../ledger/seal.ts';
import { PLANS, type Plan } from '../pace/plans.ts';
import { DAY_MS } from '../time/window.ts';

/** Bindings that say so; all optional. */
export interface RetentionEnv {
  /** `free` or `paid`; default `paid`, with which nothing leaves that is not in the archive. */
  readonly RETENTION_PLAN?: string;
  /** Whole days that power series stay in the database, before they are in the archive. */
  readonly RETENTION_SERIES_DAYS?: string;
  /** Age in whole days at which a day goes to the archive; without one it is cut to what figures are made from. */
  readonly RETENTION_WINDOWS_DAYS?: string;
  /** Whole days that hours with their window energies stay, in the database and then in the archive, or `always`. */
  readonly RETENTION_HOURS_DAYS?: string;
  /** Whole days that power series stay in the archive, or `always`. */
  readonly RETENTION_ARCHIVED_SERIES_DAYS?: string;
  /** What may leave without an archive: `nothing`, `series`, or `everything`. */
  readonly RETENTION_WITHOUT_ARCHIVE?: string;
}

export const RETENTION_SETTINGS = [
  'RETENTION_PLAN',
  'RETENTION_SERIES_DAYS',
  'RETENTION_WINDOWS_DAYS',
  'RETENTION_HOURS_DAYS',
  'RETENTION_ARCHIVED_SERIES_DAYS',
  'RETENTION_WITHOUT_ARCHIVE',
] as const satisfies readonly (keyof RetentionEnv)[];

const UNARCHIVED = ['nothing', 'series', 'everything'] as const;

export interface RetentionSettings {
  readonly seriesDays: number;
  readonly windowsDays: number;
  /** Null: for ever. */
  readonly hoursDays: number | null;
  /** Null: for ever. */
  readonly archivedSeriesDays: number | null;
  readonly withoutArchive: (typeof UNARCHIVED)[number];
  /**
   * Steps that write series in one turn, a node's day each; of windows a tenth, of 32 nodes each, and of days and of sums that move to
   * the bucket, of 64. The free plan has 10 ms of CPU and 50 queries for it.
   */
  readonly archiveSteps: number;
  /** Steps in one turn that write days, and nodes in each: up to 10 ms of CPU for a node's day. */
  readonly packSteps: number;
  readonly packNodes: number;
}

/** Hours that change no figure of a closed year any more. */
const TWO_YEARS_DAYS = 730;

const PRESETS: Readonly<Record<Plan, RetentionSettings>> = {
  free: {
    seriesDays: 2,
    windowsDays: 7,
    hoursDays: TWO_YEARS_DAYS,
    archivedSeriesDays: 45,
    withoutArchive: 'everything',
    archiveSteps: 1,
    packSteps: 1,
    packNodes: 1,
  },
  paid: {
    // Then they are answered from the archive, a fiftieth of the price.
    seriesDays: 10,
    // By then nothing is booked into a day any more but by a person's word.
    windowsDays: 35,
    hoursDays: TWO_YEARS_DAYS,
    // Then energies of five minutes stay.
    archivedSeriesDays: 28,
    withoutArchive: 'nothing',
    // Half a second of CPU each, of 30 in a run: 11,520 in the turns of a day.
    archiveSteps: 40,
    packSteps: 10,
    packNodes: 8,
  },
};

/** A window must be sealed before its series leaves, whatever is asked for. */
const LEAST_SERIES_DAYS = Math.ceil(SEAL_AFTER_MS / DAY_MS);
/** An hour that goes may not be one that reports still reach. */
const LEAST_HOURS_DAYS = MAX_AGE_MS / DAY_MS + 1;
const MOST_DAYS = 36_500;

/** @throws RangeError naming the setting where it is none of what it may be: better no start than a guess */
export function retentionSettings(env: RetentionEnv): RetentionSettings {
  const preset = PRESETS[oneOf('RETENTION_PLAN', env.RETENTION_PLAN, PLANS, 'paid')];
  const seriesDays = days(
    'RETENTION_SERIES_DAYS',
    env.RETENTION_SERIES_DAYS,
    LEAST_SERIES_DAYS,
    preset.seriesDays,
  );
  const windowsDays = days(
    'RETENTION_WINDOWS_DAYS',
    env.RETENTION_WINDOWS_DAYS,
    LEAST_SERIES_DAYS,
    preset.windowsDays,
  );
  const leastHours = Math.max(LEAST_HOURS_DAYS, seriesDays + 1, windowsDays + 1);
  return {
    ...preset,
    seriesDays,
    windowsDays,
    hoursDays: daysOrAlways('RETENTION_HOURS_DAYS', env.RETENTION_HOURS_DAYS, leastHours, preset.hoursDays),
    archivedSeriesDays: daysOrAlways(
      'RETENTION_ARCHIVED_SERIES_DAYS',
      env.RETENTION_ARCHIVED_SERIES_DAYS,
      seriesDays + 1,
      preset.archivedSeriesDays,
    ),
    withoutArchive: oneOf(
      'RETENTION_WITHOUT_ARCHIVE',
      env.RETENTION_WITHOUT_ARCHIVE,
      UNARCHIVED,
      preset.withoutArchive,
    ),
  };
}

/** Of one of several databases: what a turn may do is shared out among them, at least a step for each. */
export function shareOfRetention(settings: RetentionSettings, databases: number): RetentionSettings {
  const share = (steps: number) => Math.ceil(steps / databases);
  return { ...settings, archiveSteps: share(settings.archiveSteps), packSteps: share(settings.packSteps) };
}

function days(name: string, text: string | undefined, least: number, otherwise: number): number {
  return text === undefined ? otherwise : parsedDays(name, text, least, '');
}

/** Null: always. */
function daysOrAlways(
  name: string,
  text: string | undefined,
  least: number,
  otherwise: number | null,
): number | null {
  if (text === undefined) return otherwise;
  return text === 'always' ? null : parsedDays(name, text, least, ' or "always"');
}

function parsedDays(name: string, text: string, least: number, or: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= least && value <= MOST_DAYS) return value;
  throw new RangeError(
    `${name} must be a whole number of days from ${least} to ${MOST_DAYS}${or}, got "${text}"`,
  );
}

function oneOf<T extends string>(
  name: string,
  text: string | undefined,
  allowed: readonly T[],
  otherwise: T,
): T {
  if (text === undefined) return otherwise;
  const found = allowed.find((each) => each === text);
  if (found !== undefined) return found;
  throw new RangeError(`${name} must be one of ${allowed.join(', ')}, got "${text}"`);
}
