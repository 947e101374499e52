/**
 * What a report costs the server: CPU of the whole workerd (Worker, D1 and the HTTP server in front), all threads, while
 * another process sends. The machine may be shared, so each figure is the least of several rounds, and what is compared was
 * measured in turns.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WINDOW_MS } from '../../shared/time/window.ts';
import { cpuSeconds } from '../agent/process-use.ts';
import type { Figure } from '../figures.ts';
import { enrolFleet } from '../load/enrol-fleet.ts';
import { startMeteredSite } from '../metered-site.ts';
import { GPUS, REPORTS_PER_WINDOW, SAMPLES, type Said, START_MS } from './bodies.ts';
import { type Request, Sender, type Sent } from './round.ts';

const NODES = 20;
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? '7');
/** The first ones are compiled, not measured. */
const WARM_UP_ROUNDS = 3;
const WINDOWS_PER_BACKLOG = 12;
const BACKLOGS_PER_ROUND = 3;
/** A backlog begins anywhere in an hour. */
const FIRST_WINDOW = 5;
const CONNECTIONS = 4;
const MINUTE_MS = 60_000;

const catchUp: Said = {
  node: 0,
  firstWindow: 0,
  windows: WINDOWS_PER_BACKLOG,
  revision: REPORTS_PER_WINDOW,
  withSeries: true,
};

/** What one round sends, each list a minute after the one before; `number` counts rounds, so that none says what another said. */
const LOADS: Readonly<Record<string, (tokens: readonly string[], number: number) => Request[][]>> = {
  live: (tokens, number) =>
    Array.from({ length: REPORTS_PER_WINDOW }, (_, index) =>
      tokens.map((token, node) => {
        const firstWindow = LIVE_WINDOW + number;
        return { token, said: { node, firstWindow, windows: 1, revision: index + 1, withSeries: true } };
      }),
    ),
  bare: (tokens) => [tokens.flatMap(() => Array(10).fill({ path: '/__bare' }))],
  row: (tokens) => [tokens.flatMap(() => Array(10).fill({ path: '/__row' }))],
  route: (tokens) => [tokens.flatMap(() => Array(10).fill({ path: '/healthz' }))],
  empty: (tokens) => [
    tokens.flatMap((token) => Array(10).fill({ token, said: { ...catchUp, windows: 0 } satisfies Said })),
  ],
  backlog: (tokens, number) => [backlogs(tokens, 0, number, true)],
  'backlog again': (tokens, number) => [backlogs(tokens, 0, number, true)],
  'backlog without series': (tokens, number) => [backlogs(tokens, BARE_WINDOW, number, false)],
};

/** Far from one another, so that no load writes into the hours of another. */
const BARE_WINDOW = 2_000;
const LIVE_WINDOW = 4_000;

function backlogs(tokens: readonly string[], first: number, number: number, withSeries: boolean): Request[] {
  return Array.from({ length: BACKLOGS_PER_ROUND }, (_, index) => index).flatMap((index) =>
    tokens.map((token, node) => {
      const place = number * BACKLOGS_PER_ROUND + index;
      const firstWindow = first + FIRST_WINDOW + place * WINDOWS_PER_BACKLOG;
      return { token, said: { ...catchUp, node, firstWindow, withSeries } };
    }),
  );
}

interface Cost {
  /** Of one request. */
  readonly cpuMilliseconds: number;
  readonly rounds: Sent[];
}

export async function ingest(): Promise<Figure[]> {
  const site = await startMeteredSite('bench/ingest/worker.mjs');
  const folder = mkdtempSync(join(tmpdir(), 'wattshed-raw-'));
  const load = new Sender('load-process.ts', site.url);
  const raw = new Sender('raw-sqlite.ts', join(folder, 'raw.sqlite'));
  try {
    await site.ask('/__clock', START_MS);
    const tokens = await enrolFleet(site.ask, NODES, ['DE']);
    const costs = new Map<string, Cost>();
    const note = (name: string, number: number, cpuMilliseconds: number, sent: Sent) => {
      if (number < WARM_UP_ROUNDS) return;
      const known = costs.get(name) ?? { cpuMilliseconds: Number.POSITIVE_INFINITY, rounds: [] };
      const each = cpuMilliseconds / sent.latenciesMilliseconds.length;
      costs.set(name, {
        cpuMilliseconds: Math.min(known.cpuMilliseconds, each),
        rounds: [...known.rounds, sent],
      });
    };
    for (let number = 0; number < WARM_UP_ROUNDS + ROUNDS; number++) {
      // The newest window is being reported, a backlog is older.
      const windowStartMs = START_MS + (LIVE_WINDOW + number) * WINDOW_MS;
      for (const [name, listsOf] of Object.entries(LOADS)) {
        const lists = listsOf(tokens, number);
        const before = cpuSeconds(site.processId);
        const sent: Sent[] = [];
        for (const [index, requests] of lists.entries()) {
          const minute = REPORTS_PER_WINDOW - lists.length + index + 1;
          await site.ask('/__clock', windowStartMs + minute * MINUTE_MS);
          await load.prepare({ requests, connections: CONNECTIONS });
          sent.push(await load.send());
        }
        note(name, number, (cpuSeconds(site.processId) - before) * 1_000, together(sent));
        if (name !== 'live' && name !== 'backlog') continue;
        await raw.prepare({ requests: lists.flat(), connections: CONNECTIONS });
        const stored = await raw.send();
        note(`${name} raw`, number, stored.cpuMilliseconds, stored);
      }
    }
    return figures(costs);
  } finally {
    await load.stop();
    await raw.stop();
    await site.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

const together = (sent: readonly Sent[]): Sent => ({
  wallMilliseconds: sent.reduce((sum, each) => sum + each.wallMilliseconds, 0),
  cpuMilliseconds: sent.reduce((sum, each) => sum + each.cpuMilliseconds, 0),
  latenciesMilliseconds: sent.flatMap((each) => each.latenciesMilliseconds),
});

function figures(costs: ReadonlyMap<string, Cost>): Figure[] {
  const of = (name: string) => costs.get(name)!;
  const samples = WINDOWS_PER_BACKLOG * GPUS * SAMPLES;
  const perSample = (name: string) => (of(name).cpuMilliseconds * 1_000) / samples;
  const live = of('live');
  const latencies = live.rounds.flatMap((sent) => sent.latenciesMilliseconds).sort((a, b) => a - b);
  const at = (share: number) => latencies[Math.floor(share * (latencies.length - 1))]!;
  const perSecond = live.rounds.map(
    (sent) => (sent.latenciesMilliseconds.length / sent.wallMilliseconds) * 1_000,
  );
  const figure = (name: string, value: number, unit: string, note: string): Figure => ({
    name: `ingest.${name}`,
    value,
    unit,
    note,
  });
  const milliseconds = (name: string, load: string, note: string) =>
    figure(name, of(load).cpuMilliseconds, 'ms', note);
  const busy = `${NODES} nodes over ${CONNECTIONS} connections, the sender on the same machine`;
  return [
    figure(
      'cpu_microseconds_per_sample_catchup',
      perSample('backlog'),
      'us',
      `target 0.30; ${WINDOWS_PER_BACKLOG} windows of ${GPUS} GPUs in a request, least of ${ROUNDS} rounds`,
    ),
    milliseconds(
      'cpu_ms_per_report',
      'live',
      `target 3.0; a window in a request, each node once a minute by the server's clock, each fifth with its series; the platform alone, with a row of as many bytes read and written: ${of('row').cpuMilliseconds.toPrecision(2)}`,
    ),
    figure('reports_per_second', Math.max(...perSecond), '1/s', busy),
    figure('latency_p50', at(0.5), 'ms', 'of the same'),
    figure('latency_p99', at(0.99), 'ms', ''),
    figure(
      'vs_raw_sqlite',
      of('backlog').cpuMilliseconds / of('backlog raw').cpuMilliseconds,
      'x',
      `CPU over that of node:sqlite for the same bytes as one blob: ${perSample('backlog raw').toPrecision(2)} us per sample`,
    ),
    figure(
      'vs_raw_sqlite_per_report',
      live.cpuMilliseconds / of('live raw').cpuMilliseconds,
      'x',
      `the same of single reports: ${of('live raw').cpuMilliseconds.toPrecision(2)} ms`,
    ),
    milliseconds('cpu_ms_bare', 'bare', 'a Worker that only answers: HTTP alone'),
    milliseconds(
      'cpu_ms_row',
      'row',
      'one that reads a row of 900 bytes and writes it: the floor of two round trips',
    ),
    milliseconds('cpu_ms_route', 'route', 'of /healthz: HTTP, routing, a round trip to the database'),
    milliseconds('cpu_ms_empty', 'empty', 'token, gunzip, a body without reports'),
    milliseconds('cpu_ms_backlog', 'backlog', `${WINDOWS_PER_BACKLOG} windows`),
    milliseconds(
      'cpu_ms_backlog_without_series',
      'backlog without series',
      'the same windows, energies alone',
    ),
    milliseconds('cpu_ms_backlog_again', 'backlog again', 'all is known: read, checked, not written'),
  ];
}
