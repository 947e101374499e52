/** What a plan of Cloudflare allows, in a day and in a database, and what a node's reports take of it. */

export const PLANS = ['free', 'paid'] as const;
export type Plan = (typeof PLANS)[number];

export interface PlanLimits {
  /** In all databases of the account; null: what is over is billed, not refused. */
  readonly rowsWrittenPerDay: number | null;
  /** Of all Workers of the account. */
  readonly requestsPerDay: number | null;
  /** Then D1 refuses what makes it larger. */
  readonly bytesPerDatabase: number;
  /**
   * Reports of the backlog that one request may carry: with its series decoded a report takes 0.7 ms of CPU beside the
   * 2.5 ms of a request, and the free plan ends a request at 10 ms. Two hours at once where nothing ends it so soon.
   */
  readonly backlogReportsPerRequest: number;
  /** The longest interval that a fleet is told: what comes at once must still fit in a request's CPU. */
  readonly mostReportEverySeconds: number;
}

/** https://developers.cloudflare.com/d1/platform/pricing/ and limits/, https://developers.cloudflare.com/workers/platform/pricing/ */
export const LIMITS_READ_ON = '2026-08-03';

export const PLAN_LIMITS: Readonly<Record<Plan, PlanLimits>> = {
  free: {
    rowsWrittenPerDay: 100_000,
    requestsPerDay: 100_000,
    bytesPerDatabase: 500_000_000,
    backlogReportsPerRequest: 6,
    mostReportEverySeconds: 1_800,
  },
  paid: {
    rowsWrittenPerDay: null,
    requestsPerDay: null,
    bytesPerDatabase: 10_000_000_000,
    backlogReportsPerRequest: 24,
    mostReportEverySeconds: 3_600,
  },
};

/** Of a limit: the rest is for people who look, for backlogs, and for a fleet that grows between two counts. */
export const PLANNED_RATIO = 0.8;

/** Whatever a request carries of one hour, it writes that hour's row once. */
export const ROWS_PER_REQUEST = 1;
/**
 * Of each hour of a node, however often it reports: the row of the old hour that the first request of a new one ends (1);
 * and what is summed, restated and dropped later: 0.04 of a row beside each of 60 reports (`npm run bench -- cost`).
 */
export const ROWS_PER_NODE_HOUR = 3.4;

/**
 * A cron trigger that fires is a request as well. On either plan: a turn of the jobs each minute (1,440), and in each even one
 * a run that sums hours, in each odd one a run of alerts (720 both; docs/decisions/0008-rollups.md).
 */
export const CRON_REQUESTS_PER_DAY = 2_880;

/**
 * Half of what one database took on two cores with the Worker in the same process (260 requests a second): a database
 * runs one query at a time. The other half is for backlogs.
 */
export const REQUESTS_PER_SECOND_OF_DATABASE = 130;
