/** Questions about the day as users ask them, beside the truth, to the millijoule. */
import { MILLIJOULES_PER_KWH } from '../../shared/units.ts';
import type { Bill, Fleet } from './fleet.ts';
import { firstHourOf, type ScaleOptions } from './options.ts';
import { HOURS, nodeHourMillijoules, START_MS, siteOf, zoneOf } from './truth.ts';

export interface Answer {
  readonly name: string;
  readonly bill: Bill;
  readonly milliseconds: number;
  /** How far it is from the truth, all parts of the answer added up. Null where it was refused. */
  readonly differenceMillijoules: bigint | null;
  readonly refusal: string | null;
}

interface Figures {
  readonly energyKwh: number;
  readonly start?: string;
  readonly key?: string;
}

interface Emissions {
  readonly totals: Figures;
  readonly series?: readonly Figures[];
  readonly groups?: readonly Figures[];
  readonly rolledUpTo?: string | null;
  readonly hoursWaiting?: number;
}

/** By node and hour of the day. */
export type Truth = readonly Float64Array[];

export function truthOf(options: ScaleOptions): Truth {
  const firstHour = firstHourOf(options);
  return Array.from({ length: options.nodes }, (_, node) =>
    Float64Array.from({ length: HOURS }, (_, hour) =>
      hour < firstHour ? 0 : nodeHourMillijoules(node, hour),
    ),
  );
}

export const dayTotal = (truth: Truth) => sumBy(truth, () => '').get('')!;

/** The day whole, by its hours, zones, sites and nodes. */
export async function askAll(fleet: Fleet, truth: Truth): Promise<Answer[]> {
  const from = new Date(START_MS).toISOString();
  const to = new Date(START_MS + HOURS * 3_600_000).toISOString();
  const range = `from=${from}&to=${to}`;
  const byHour = sumBy(truth, (_, hour) => new Date(START_MS + hour * 3_600_000).toISOString());
  const questions: [
    name: string,
    query: string,
    expected: ReadonlyMap<string, bigint>,
    part: 'series' | 'groups',
  ][] = [
    ['fleet_day_by_hour', 'step=hour', byHour, 'series'],
    ['fleet_day_by_zone', 'groupBy=gridZone', sumBy(truth, zoneOf), 'groups'],
    ['fleet_day_by_site', 'groupBy=site', sumBy(truth, (node) => `site-${siteOf(node)}`), 'groups'],
    [
      'fleet_day_by_node',
      'groupBy=node',
      sumBy(truth, (node) => `node-${String(node).padStart(5, '0')}`),
      'groups',
    ],
    ['fleet_day_by_project', 'groupBy=project', sumBy(truth, (node) => `project-${node % 50}`), 'groups'],
  ];
  const answers: Answer[] = [];
  for (const [name, query, expected, part] of questions)
    answers.push(await ask(fleet, name, `/v1/fleet/emissions?${range}&${query}`, expected, part));
  return answers;
}

/** Lists whose length is the fleet's. */
export async function askLists(fleet: Fleet): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (const [name, path] of [
    ['nodes_page', '/v1/nodes?limit=100'],
    ['metrics', '/metrics'],
  ] as const) {
    const startMs = performance.now();
    const { result, bill } = await fleet.billOf(() => fleet.text(path).catch((error: Error) => error));
    const milliseconds = performance.now() - startMs;
    const refusal = result instanceof Error ? result.message : null;
    answers.push({ name, bill, milliseconds, differenceMillijoules: null, refusal });
  }
  return answers;
}

async function ask(
  fleet: Fleet,
  name: string,
  path: string,
  expected: ReadonlyMap<string, bigint>,
  part: 'series' | 'groups',
): Promise<Answer> {
  const startMs = performance.now();
  const { result, bill } = await fleet.billOf(() =>
    fleet.get<Emissions>(path).catch((error: Error) => error.message),
  );
  const milliseconds = performance.now() - startMs;
  if (typeof result === 'string')
    return { name, bill, milliseconds, differenceMillijoules: null, refusal: result };
  const parts = new Map((result[part] ?? []).map((each) => [keyOf(each), toMillijoules(each.energyKwh)]));
  let difference = 0n;
  for (const key of new Set([...parts.keys(), ...expected.keys()])) {
    const off = (parts.get(key) ?? 0n) - (expected.get(key) ?? 0n);
    if (off !== 0n) process.stderr.write(`\n  ${name}: ${key} is off by ${off} mJ\n`);
    difference += off < 0n ? -off : off;
  }
  return { name, bill, milliseconds, differenceMillijoules: difference, refusal: null };
}

const keyOf = ({ key, start }: Figures) => key ?? new Date(start!).toISOString();

/** Exact up to 2^52 mJ: a fleet's hour, a node's day, a site's. */
const toMillijoules = (kwh: number) => BigInt(Math.round(kwh * MILLIJOULES_PER_KWH));

function sumBy(truth: Truth, keyOf: (node: number, hour: number) => string): ReadonlyMap<string, bigint> {
  const sums = new Map<string, bigint>();
  truth.forEach((hours, node) => {
    hours.forEach((millijoules, hour) => {
      const key = keyOf(node, hour);
      sums.set(key, (sums.get(key) ?? 0n) + BigInt(millijoules));
    });
  });
  return sums;
}
