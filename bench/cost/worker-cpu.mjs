/**
 * CPU of the Worker without the database's, as the platform bills and bounds it: its jobs and its booking within Node, on SQLite in
 * the same process whose time is taken off. One database of a fleet on the free plan, with inventories, two sites and a rule
 * of each kind. `node bench/cost/worker-cpu.mjs NODES` prints as JSON, in milliseconds: `turns`, for each of the cron's five,
 * for summing hours and for alerts what its runs stay below, each run the least of several that begin alike: what a busy
 * machine adds is not in the least; `mean`, the same on average; `cold`, the first run that sums hours in a process that has compiled nothing of it;
 * `report`, the mean of booking one of the reports that a node sends each minute. And `summingRuns`: runs that it takes
 * to sum an hour. Plain JavaScript: the Worker's types are not Node's.
 */
import { runDueJobs, triggersAt } from '../../worker/jobs/dispatch.ts';
import { START_MS, startFleet } from './fleet-in-process.mjs';

const TURNS = 5;
/** Of which the last ones are measured: then the code is warm, and the first day is old enough to be packed. */
const HOURS = 80;
const WARM_HOURS = 72;
/** Of one run. */
const REPETITIONS = 8;
const MINUTE_MS = 60_000;

const nodes = Number(process.argv[2]);
const fleet = await startFleet(nodes, { RETENTION_PLAN: 'free' }, HOURS);
const { clock, context, countOf, say, spent, undone } = fleet;
/** By turn, then of summing hours and of alerts. */
const runs = Array.from({ length: TURNS + 2 }, () => []);
let cold = null;
let summingRuns = 0;
for (let minute = 0; minute < HOURS * 60; minute++) {
  clock.nowMs = START_MS + (minute + 1) * MINUTE_MS;
  if (minute % 60 === 59) await reportHour(Math.floor(minute / 60));
  for (const [own, trigger] of triggersAt(clock.nowMs).entries()) {
    const isSumming = own > 0 && trigger.cron === '*/2 * * * *';
    const turn = own === 0 ? Math.floor(clock.nowMs / MINUTE_MS) % TURNS : isSumming ? TURNS : TURNS + 1;
    const run = () => spent(() => runDueJobs(context, trigger));
    if (minute < WARM_HOURS * 60) {
      const first = await run();
      if (cold === null && isSumming && (await countOf('rollup_node_days')) > 0) cold = first;
      continue;
    }
    runs[turn].push(await leastOf(run));
    const before = await countOf('rollup_marks');
    await run();
    if (isSumming && (before > 0 || (await countOf('rollup_marks')) > 0)) summingRuns++;
  }
}
const reports = [];
for (let window = HOURS * 12; window < HOURS * 12 + 6; window++)
  for (let minute = 1; minute <= 5; minute++)
    for (let number = 1; number <= nodes; number++) {
      clock.nowMs = START_MS + (window * 5 + minute) * MINUTE_MS;
      const said = { share: minute / 5, revision: minute, withSeries: true, hostSeries: true };
      const body = fleet.bodyOf([fleet.reportOf(number, window, said)]);
      reports.push(await leastOf(() => spent(() => say(number, body))));
      // A report that was set aside is not what is measured.
      const answer = await say(number, body);
      if (answer.value?.accepted !== 1) throw new Error(JSON.stringify(answer));
    }
const meanOf = (values) => values.reduce((sum, each) => sum + each, 0) / values.length;
console.log(
  JSON.stringify({
    turns: runs.map((values) => Math.max(...values)),
    mean: runs.map(meanOf),
    cold,
    summingRuns: summingRuns / (HOURS - WARM_HOURS),
    report: meanOf(reports),
  }),
);

/** Of runs that begin alike. */
async function leastOf(run) {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < REPETITIONS; i++) least = Math.min(least, await undone(run));
  return least;
}

async function reportHour(hour) {
  for (let number = 1; number <= nodes; number++) {
    const body = fleet.bodyOf(fleet.windowsOfHour(number, hour, { withSeries: false, hostSeries: false }));
    await say(number, hour === 0 ? { ...body, inventory: inventoryOf(number) } : body);
  }
}

/** Of a host with eight GPUs. */
function inventoryOf(node) {
  const many = (count, partOf) => Array.from({ length: count }, (_, i) => partOf(i));
  return {
    hostname: `node-${node}`,
    kernel: '6.8.0',
    productName: 'DGX H100',
    parts: [
      ...many(8, (i) => ({ id: `GPU-${node}-${i}`, type: 'gpu', name: 'NVIDIA H100 80GB HBM3' })),
      ...many(2, (i) => ({
        id: `cpu-${i}`,
        type: 'cpu',
        name: 'Intel(R) Xeon(R) Platinum 8480C',
        cores: 56,
      })),
      { id: 'memory', type: 'memory', name: 'memory', capacityBytes: 2 * 2 ** 40 },
      ...many(4, (i) => ({ id: `nvme-${node}-${i}`, type: 'ssd', name: 'SSD', capacityBytes: 3.84e12 })),
    ],
  };
}
