/**
 * A large fleet's day on several databases: 23 hours through the store in bulk, the last one with a part of the fleet over
 * HTTP, an hour without the server, and what users and cron then do with it. Every sum is held against the simulator's truth.
 */
import { DAY_MS, WINDOWS_PER_HOUR } from '../../shared/time/window.ts';
import type { Figure } from '../figures.ts';
import { askAll, askLists, truthOf } from './answers.ts';
import { readArchive, retain } from './archive.ts';
import { Cron } from './cron.ts';
import { Fleet, type Node } from './fleet.ts';
import { HttpFleet, type HttpHour } from './http-hours.ts';
import { firstHourOf, hasSeries, type ScaleOptions } from './options.ts';
import {
  figuresOfAnswers,
  figuresOfArchive,
  figuresOfBacklog,
  figuresOfBulk,
  figuresOfCron,
  figuresOfEnrolling,
  figuresOfHttp,
  figuresOfLists,
  figuresOfTurns,
  showing,
} from './report.ts';
import { HOURS, hourMs, LAST_HOUR, nodeHourMillijoules, START_MS } from './truth.ts';

/** Windows of nodes in one request of the bench. */
const BULK_WINDOWS = 12_000;
/** Of the hour over HTTP: the minutes in which the server's CPU is read request by request. */
const isMeasured = (minute: number) => minute >= 30 && minute < 32;
const MINUTE_MS = 60_000;
const MOST_BACKLOG_MINUTES = 60;

export async function scale(options: ScaleOptions): Promise<Figure[]> {
  const fleet = await Fleet.start(options.shards);
  try {
    return await measure(fleet, options);
  } finally {
    await fleet.site.stop();
  }
}

async function measure(fleet: Fleet, options: ScaleOptions): Promise<Figure[]> {
  const figures: Figure[] = [];
  const show = showing(figures);
  await fleet.prepareSites(HOURS + 3);
  await fleet.setClock(hourMs(firstHourOf(options)));
  const { result: overHttp, bill: enrolling } = await fleet.billOf(() =>
    fleet.enrol(options.httpNodes, (done) => tell(`${done} of ${options.httpNodes} nodes enrolled`)),
  );
  if (options.httpNodes > 0) show(figuresOfEnrolling(options, enrolling));
  const inBulk = await fleet.seed(options.httpNodes, options.nodes, hourMs(firstHourOf(options)));
  const nodes = [...overHttp, ...inBulk];

  await fleet.setClock(hourMs(LAST_HOUR));
  const { bill: day } = await fleet.billOf(() =>
    book(fleet, nodes, firstHourOf(options), LAST_HOUR, options),
  );
  show(figuresOfBulk(options, day));

  const cron = new Cron(fleet);
  const agents = new HttpFleet(fleet, overHttp, hourMs(LAST_HOUR));
  const { result: hour, bill } = await fleet.billOf(() => anHourOverHttp(agents, cron));
  if (options.httpNodes > 0) show(figuresOfHttp(options, hour, bill.written - cron.rowsWritten));

  await fleet.setClock(hourMs(HOURS));
  await book(fleet, inBulk, LAST_HOUR, HOURS, options);
  const outage = await anOutage(agents, cron);
  if (options.httpNodes > 0) show(figuresOfBacklog(options, outage, await missingOfOutage(fleet, overHttp)));

  const cronHours = await cron.untilSummed(
    hourMs(HOURS + 1) + MOST_BACKLOG_MINUTES * MINUTE_MS,
    hourMs(HOURS),
  );
  show(figuresOfCron(cronHours, await fleet.databaseBytes()));

  const truth = truthOf(options);
  show(figuresOfAnswers(truth, await askAll(fleet, truth)));
  show(figuresOfLists(await askLists(fleet)));

  const series = await retain(fleet, 'series', START_MS + 11 * DAY_MS, (turn) =>
    tell(`series leave, turn ${turn}`),
  );
  show(figuresOfTurns(options, 'series', series));
  const windows = await retain(fleet, 'windows', START_MS + 36 * DAY_MS, (turn) =>
    tell(`windows are archived, turn ${turn}`),
  );
  show(figuresOfTurns(options, 'windows', windows));
  tell('DuckDB reads the archive');
  show(figuresOfArchive(options, truth, await readArchive(fleet)));
  return figures;
}

/** Hours `[from, to)` of these nodes. */
async function book(
  fleet: Fleet,
  nodes: readonly Node[],
  from: number,
  to: number,
  options: ScaleOptions,
): Promise<void> {
  const windows = (to - from) * WINDOWS_PER_HOUR;
  const atOnce = Math.max(1, Math.floor(BULK_WINDOWS / windows));
  let done = 0;
  for (const database of fleet.site.databases.keys()) {
    const own = nodes.filter((node) => node.database === database);
    for (const withSeries of [false, true]) {
      const alike = own.filter(({ node }) => hasSeries(node, options) === withSeries);
      for (let first = 0; first < alike.length; first += atOnce) {
        const chunk = alike.slice(first, first + atOnce).map(({ node, number }) => ({ node, number }));
        const span = { from: from * WINDOWS_PER_HOUR, to: to * WINDOWS_PER_HOUR };
        await fleet.door('bulk', { database, nodes: chunk, withSeries, ...span });
        done += chunk.length;
        tell(`hours ${from} to ${to}: ${done} of ${nodes.length} nodes in bulk`);
      }
    }
  }
}

function anHourOverHttp(agents: HttpFleet, cron: Cron): Promise<HttpHour> {
  return agents.runUntil(
    hourMs(HOURS),
    async (nowMs) => {
      tell(`the last hour over HTTP, minute ${(nowMs - hourMs(LAST_HOUR)) / MINUTE_MS}`);
      await cron.minute(nowMs);
      return true;
    },
    isMeasured,
  );
}

export interface Outage {
  /** What came after it. */
  readonly hour: HttpHour;
  readonly clearedMinutes: number;
}

/** An hour in which no agent reaches the server, and what follows. */
async function anOutage(agents: HttpFleet, cron: Cron): Promise<Outage> {
  const endMs = hourMs(HOURS + 1);
  agents.cut();
  await agents.runUntil(endMs, async (nowMs) => {
    tell(`an hour without the server, minute ${(nowMs - hourMs(HOURS)) / MINUTE_MS}`);
    await cron.minute(nowMs);
    return true;
  });
  agents.mend();
  let clearedMinutes = MOST_BACKLOG_MINUTES;
  const hour = await agents.runUntil(endMs + MOST_BACKLOG_MINUTES * MINUTE_MS, async (nowMs) => {
    const minutes = (nowMs - endMs) / MINUTE_MS;
    const waiting = agents.waitingBefore(endMs);
    tell(`${waiting} nodes have a backlog ${minutes} minutes after the server is back`);
    if (waiting === 0) {
      clearedMinutes = minutes;
      return false;
    }
    await cron.minute(nowMs);
    return true;
  });
  return { hour, clearedMinutes };
}

/** What of the hour without the server is not booked, as the nodes' own answers tell it. */
async function missingOfOutage(fleet: Fleet, nodes: readonly Node[]): Promise<bigint> {
  const range = `from=${new Date(hourMs(HOURS)).toISOString()}&to=${new Date(hourMs(HOURS + 1)).toISOString()}`;
  let missing = 0n;
  for (const { node, id } of nodes) {
    const { totals } = await fleet.get<{ totals: { energyKwh: number } }>(
      `/v1/nodes/${id}/emissions?${range}`,
    );
    const off = nodeHourMillijoules(node, HOURS) - Math.round(totals.energyKwh * 3.6e9);
    missing += BigInt(Math.abs(off));
    tell(`what was booked of the hour without the server, node ${node}`);
  }
  return missing;
}

const tell = (line: string) => process.stderr.write(`\r  ${line.padEnd(90)}`);
