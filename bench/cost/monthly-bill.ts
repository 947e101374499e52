/** What a fleet pays in a month on the paid plan: its base, and what is over the allowances of prices.json. */
import { readFileSync } from 'node:fs';
import { CRON_REQUESTS_PER_DAY } from '../../shared/pace/plans.ts';

const PRICES = JSON.parse(readFileSync(new URL('prices.json', import.meta.url), 'utf8')) as {
  readonly usd: Readonly<Record<string, number>>;
  readonly paidPlan: {
    readonly usdPerMonth: number;
    readonly includedPerMonth: Readonly<Record<string, number>>;
  };
};
const DAYS_PER_MONTH = 365 / 12;

/** US dollars that a node takes in a month before any allowance: the table of docs/operate.md. */
export interface NodeMonth {
  readonly rowsWritten: number;
  readonly requests: number;
  readonly cpu: number;
  readonly rowsRead: number;
  readonly database: number;
  /** R2, whose allowance of storage counts here and that of writes does not. */
  readonly archive: number;
}

/** Of each part: the price of one unit, and how many units of it a month holds. */
const UNITS: Readonly<Record<keyof NodeMonth, { readonly usd: number; readonly included: number }>> = (() => {
  const { usd, paidPlan } = PRICES;
  const included = paidPlan.includedPerMonth;
  return {
    rowsWritten: { usd: usd.perMillionRowsWritten! / 1e6, included: included.rowsWritten! },
    requests: { usd: usd.perMillionRequests! / 1e6, included: included.requests! },
    cpu: { usd: usd.perMillionCpuMilliseconds! / 1e6, included: included.cpuMilliseconds! },
    rowsRead: { usd: usd.perMillionRowsRead! / 1e6, included: included.rowsRead! },
    database: { usd: usd.perGigabyteMonthOfDatabase!, included: included.gigabytesOfDatabase! },
    archive: { usd: usd.perGigabyteMonthOfArchive!, included: included.gigabytesOfArchive! },
  };
})();

/** US dollars of a month. The cron's requests are the fleet's, however many nodes it has. */
export function monthlyBill(nodes: number, node: NodeMonth): number {
  const cronRequests = CRON_REQUESTS_PER_DAY * DAYS_PER_MONTH;
  const parts = (Object.keys(UNITS) as (keyof NodeMonth)[]).map((part) => {
    const { usd, included } = UNITS[part];
    const used = (nodes * node[part]) / usd + (part === 'requests' ? cronRequests : 0);
    return Math.max(0, used - included) * usd;
  });
  return PRICES.paidPlan.usdPerMonth + parts.reduce((sum, part) => sum + part, 0);
}
