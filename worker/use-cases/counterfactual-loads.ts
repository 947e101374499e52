/** What each job of a range drew, window by window and from first to last; and what was in no job. */
import { LoadBook } from '../../shared/counterfactual/load.ts';
import { windowShares } from '../../shared/emissions/device-shares.ts';
import { OTHER_JOBS, type Owner } from '../../shared/emissions/owners.ts';
import type { Place, Places } from '../../shared/settings/place.ts';
import { HOUR_MS, hourStart, WINDOW_MS } from '../../shared/time/window.ts';
import { epochMs } from '../../shared/units.ts';
import type { DeviceType } from '../../shared/wire/ingest.ts';
import { byKey } from '../storage/by-node.ts';
import { readFleetHours, readFleetSpans } from '../storage/fleet-hours.ts';
import { readFleetJobs } from '../storage/fleet-jobs.ts';
import { type JobNode, readJobNodes } from '../storage/job-nodes.ts';
import { united } from '../storage/key-spans.ts';
import { readNodeDevices } from '../storage/node-devices.ts';
import { nodeHourKeyRange } from '../storage/node-hour-key.ts';
import type { NodeHour } from '../storage/node-hours.ts';
import type { Shards } from '../storage/shards.ts';

/** Decoded hours held at once. */
const HOURS_AT_ONCE = 2_000;
export interface LoadRange {
  readonly fromMs: number;
  readonly toMs: number;
  readonly nowMs: number;
  /** A job that was heard of within this may go on: its node may not have reported since. */
  readonly goesOnMs: number;
}

export interface JobLoad {
  readonly jobNumber: number;
  readonly book: LoadBook;
  ranInRange: boolean;
  /** In the windows of the range alone. */
  inRangeMillijoules: bigint;
  /** Why it is not moved; null: it may be. */
  leftOut: string | null;
}

/** What is needed of a node to read its hours. */
interface NodeView {
  readonly typeOf: ReadonlyMap<number, DeviceType>;
  readonly places: readonly Place[];
}

/** Jobs that began in the range are read to their end, the rest of the fleet's energy within the range. */
export class FleetLoads {
  readonly jobs = new Map<number, JobLoad>();
  readonly idle = new LoadBook();
  readonly unattributed = new LoadBook();
  readonly #owners = new Map<number, Owner>();
  readonly #loads = new Map<Owner, JobLoad>();
  /** By each number of a job, the one that stands for it. */
  readonly #first = new Map<number, number>();
  readonly #range: LoadRange;

  constructor(range: LoadRange) {
    this.#range = range;
  }

  /** @param onlyKnown whether jobs that are not here yet are passed over: true beyond the range */
  addHour({ hourStartMs, ledger }: NodeHour, { typeOf, places }: NodeView, onlyKnown: boolean): void {
    const { fromMs, toMs, nowMs } = this.#range;
    const ownerOf = (number: number) => this.#ownerOf(number, onlyKnown);
    for (const [index, epochs] of ledger.windows.entries()) {
      const startMs = hourStartMs + index * WINDOW_MS;
      const place = places.find((one) => startMs >= one.startMs && startMs < one.endMs);
      if (startMs >= nowMs || place === undefined) continue;
      const inRange = startMs >= fromMs && startMs < toMs;
      for (const { owner, device, energyMillijoules, recoveredMillijoules } of windowShares(
        epochs,
        typeOf,
        ownerOf,
      )) {
        const energy = { energyMillijoules, recoveredMillijoules, kind: device.kind };
        const job = this.#loads.get(owner);
        if (job !== undefined) addToJob(job, startMs, energy, place, { ...this.#range, inRange });
        else if (inRange && owner.kind === 'idle') this.idle.add(startMs, energy, place);
        else if (inRange && owner.kind === 'unattributed') this.unattributed.add(startMs, energy, place);
      }
    }
  }

  /** Hours at the edges of the range name jobs that did not run in it. */
  forgetOthers(): void {
    for (const [number, { ranInRange }] of this.jobs) if (!ranInRange) this.jobs.delete(number);
  }

  /** Where a job has a number in several databases, the first of them stands for all. To be called before their hours are added. */
  async meet(shards: Shards, hours: readonly NodeHour[]): Promise<void> {
    const named = hours.flatMap(({ ledger }) => ledger.windows.flat().flatMap(({ jobShares }) => jobShares));
    const fresh = new Set(
      named.map(({ jobNumber }) => jobNumber).filter((number) => !this.#first.has(number)),
    );
    if (shards.count === 1) for (const number of fresh) this.#first.set(number, number);
    else
      for (const job of await readFleetJobs(shards, [...fresh], this.#range.nowMs))
        for (const number of job.numbers) this.#first.set(number, job.number);
  }

  /** The number that stands for the job. */
  jobOf(number: number): number {
    return this.#first.get(number) ?? number;
  }

  /** All numbers of the jobs that are here. */
  get numbers(): number[] {
    return [...this.#first].filter(([, first]) => this.jobs.has(first)).map(([number]) => number);
  }

  /** A job gets a place when an hour names it. */
  #ownerOf(number: number, onlyKnown: boolean): Owner {
    const jobNumber = this.jobOf(number);
    const known = this.#owners.get(jobNumber);
    if (known !== undefined || onlyKnown) return known ?? OTHER_JOBS;
    const owner: Owner = { kind: 'job', key: String(jobNumber) };
    const book = new LoadBook();
    const job: JobLoad = { jobNumber, book, ranInRange: false, inRangeMillijoules: 0n, leftOut: null };
    this.#owners.set(jobNumber, owner);
    this.#loads.set(owner, job);
    this.jobs.set(jobNumber, job);
    return owner;
  }
}

const BEGAN_BEFORE = 'it began before `from`: it counts in the range that holds its start';

function addToJob(
  job: JobLoad,
  startMs: number,
  energy: Parameters<LoadBook['add']>[1],
  place: Place,
  { fromMs, inRange }: LoadRange & { readonly inRange: boolean },
): void {
  if (inRange) {
    job.ranInRange = true;
    job.inRangeMillijoules += BigInt(energy.energyMillijoules);
  }
  if (startMs < fromMs) job.leftOut = BEGAN_BEFORE;
  else job.book.add(startMs, energy, place);
}

/** @param nodeNumbers all that may have booked something: times the hours of the range at most `maxNodeHours` */
export async function readLoads(
  shards: Shards,
  nodeNumbers: readonly number[],
  places: Places,
  range: LoadRange,
  maxNodeHours: number,
): Promise<FleetLoads> {
  const { fromMs, nowMs, goesOnMs } = range;
  const toMs = Math.min(range.toMs, nowMs);
  const loads = new FleetLoads(range);
  if (fromMs >= toMs) return loads;
  const placesOf = (nodeNumber: number) =>
    places.of(nodeNumber, { startMs: hourStart(fromMs), endMs: epochMs(nowMs) });
  const read = async (hours: AsyncGenerator<NodeHour>, onlyKnown: boolean) => {
    for await (const some of inBatches(hours)) {
      await loads.meet(shards, some);
      const views = await viewsOf(shards, some, placesOf);
      for (const hour of some) loads.addHour(hour, views.get(hour.nodeNumber)!, onlyKnown);
    }
  };
  await read(readFleetHours(shards, { nodeNumbers, fromMs, toMs }), false);
  loads.forgetOthers();
  const hoursInRange = (Math.ceil(toMs / HOUR_MS) - Math.floor(fromMs / HOUR_MS)) * nodeNumbers.length;
  const spans = await spansToFollow(shards, loads, range, maxNodeHours - hoursInRange);
  if (spans.length > 0) await read(readFleetSpans(shards, united(spans)), true);
  for (const job of loads.jobs.values()) {
    if (job.book.endMs > nowMs - goesOnMs)
      job.leftOut ??= `it may still be running: it was heard of within the last ${goesOnMs / 60_000} minutes`;
    if (job.book.energyMillijoules === 0n) job.leftOut ??= 'none of its energy was metered';
  }
  return loads;
}

async function* inBatches(hours: AsyncGenerator<NodeHour>): AsyncGenerator<NodeHour[]> {
  let batch: NodeHour[] = [];
  for await (const hour of hours) {
    batch.push(hour);
    if (batch.length < HOURS_AT_ONCE) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

/** After the hours: devices are registered before an hour names them. */
async function viewsOf(
  shards: Shards,
  hours: readonly NodeHour[],
  placesOf: (nodeNumber: number) => readonly Place[],
): Promise<ReadonlyMap<number, NodeView>> {
  const numbers = [...new Set(hours.map(({ nodeNumber }) => nodeNumber))];
  const types = new Map<number, Map<number, DeviceType>>(numbers.map((number) => [number, new Map()]));
  for (const { nodeNumber, deviceIndex, type } of await shards.ofNodes(numbers, readNodeDevices))
    types.get(nodeNumber)!.set(deviceIndex, type);
  return new Map([...types].map(([number, typeOf]) => [number, { typeOf, places: placesOf(number) }]));
}

/**
 * Where jobs that began in the range go on after its last hour, as long as there is room; jobs that began before it, and
 * those that go on for too long, are left out.
 */
async function spansToFollow(
  shards: Shards,
  loads: FleetLoads,
  { fromMs, toMs, nowMs }: LoadRange,
  room: number,
) {
  const { jobs } = loads;
  const nodesOf = byKey<number, JobNode>(await shards.ofJobs(loads.numbers, readJobNodes), ({ jobNumber }) =>
    loads.jobOf(jobNumber),
  );
  const readToMs = Math.ceil(Math.min(toMs, nowMs) / HOUR_MS) * HOUR_MS;
  const spans: { first: number; end: number }[] = [];
  for (const job of jobs.values()) {
    const nodes = nodesOf.get(job.jobNumber) ?? [];
    if (nodes.some(({ firstHourMs }) => firstHourMs < hourStart(fromMs))) job.leftOut = BEGAN_BEFORE;
    if (job.leftOut !== null) continue;
    const later = nodes.filter(({ endHourMs }) => endHourMs > readToMs);
    const own = later.map((node) =>
      nodeHourKeyRange(node.nodeNumber, Math.max(readToMs, node.firstHourMs), node.endHourMs),
    );
    const hours = own.reduce((sum, { first, end }) => sum + end - first, 0);
    if (hours > room) {
      job.leftOut = `it goes on after \`to\` for ${hours} node-hours, more than one answer has room for; ask for a shorter range`;
      continue;
    }
    room -= hours;
    spans.push(...own);
  }
  return spans;
}
